"""The form that runs a flow: one field per declared input, checked as it is typed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll

from engine.client.console import quote
from wingman_tui import inputs
from wingman_tui.naming import name_of
from wingman_tui.sanitise import clean
from wingman_tui.screens.dialog import PaintedLine
from wingman_tui.screens.form import LABEL_LIMIT, FieldsDialog
from wingman_tui.view import Part
from wingman_tui.widgets.fields import PlaceLine
from wingman_tui.widgets.line_edit import LineEdit

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp
    from wingman_tui.lines import Refused
    from wingman_tui.session import Session

Row = Mapping[str, Any]
DEBUG_FIELD = "\0debug"


def open_run_form(
    app: WingmanApp, flow: str, execution: Row | None, session: Session | None = None
) -> None:
    """Ask for the inputs of a flow and start it; `execution` is the one to run again.

    It is started where it was asked for, on the server of the session: whatever is selected then.
    """
    meant = (session or app.session).bound()

    def opened(answer: dict[str, Any]) -> None:
        if execution is None and answer.get("inputs") and answer.get("last"):
            with_last(answer)
        else:
            _ask(app, RunForm(answer, execution), meant)

    def with_last(answer: dict[str, Any]) -> None:
        """Fill in what it ran with the last time."""

        def show(last: Row | None) -> None:
            _ask(app, RunForm(answer, None, last), meant)

        number = answer["last"][0].get("number")
        request = meant.request("GET", f"/v1/executions/{quote(f'{flow}#{number}')}")
        app.carry_out(request, show, on_refusal=lambda _: show(None), opens=True)

    app.carry_out(meant.flow(flow), opened, opens=True)


def open_filled_form(
    app: WingmanApp,
    flow: str,
    given: Mapping[str, str],
    opened: Callable[[RunForm], None],
    session: Session,
) -> None:
    """Ask for the inputs of a flow with some of them typed already, and start it there."""

    def came(answer: dict[str, Any]) -> None:
        names = [declared["name"] for declared in answer.get("inputs") or []]
        unknown = next((name for name in given if name not in names), None)
        if unknown is not None:
            near = difflib.get_close_matches(unknown, names, 1) or names[:5]
            hint = f" (did you mean {near[0]}?)" if near else ""
            app.tell(f"{flow} takes no input {unknown}{hint}", "error")
            return
        form = RunForm(answer, None, given=given)
        _ask(app, form, session)
        opened(form)

    app.carry_out(session.flow(flow), came, opens=True)


def _ask(app: WingmanApp, form: RunForm, meant: Session) -> None:
    """Show a form and start what it is filled in with; refused, it comes back as it was."""
    flow, execution = str(form.flow.get("name", "")), form.execution

    def submitted(result: tuple[dict[str, Any], bool] | None) -> None:
        if result is None:
            return
        values, debug = result
        app.tell(f"starting {flow}{meant.where} …")
        if execution is None:
            request = meant.start(flow, values, debug)
        else:
            request = meant.act(str(execution["id"]), "rerun", inputs=values, debug=debug)
        app.carry_out(request, started, on_refusal=refused, opens=True)

    def started(answer: dict[str, Any]) -> None:
        app.mean_server(meant.link.name)
        app.open_execution(str(answer["id"]))
        app.tell(f"started {name_of(answer)}", "good")

    def refused(refusal: Refused) -> None:
        app.tell(str(refusal), "error")
        _ask(app, form.again(str(refusal)), meant)

    app.push_screen(form, submitted)


class RunForm(FieldsDialog[tuple[dict[str, Any], bool]]):
    """The fields of one flow; enter runs it, escape leaves it."""

    def __init__(
        self,
        flow: Row,
        execution: Row | None,
        last: Row | None = None,
        given: Mapping[str, str] | None = None,
    ) -> None:
        """`execution` is run again; of the `last` one only the values are taken.

        `given` are texts that were typed elsewhere.
        """
        super().__init__()
        self.last = last
        self.given = given or {}
        self.place = 0  # the field to begin in, where it is known
        self.flow = flow
        self.execution = execution
        self.declared: dict[str, Row] = {d["name"]: d for d in flow.get("inputs") or []}

    def compose(self) -> ComposeResult:
        """The box: title, fields, and how to send it."""
        name = clean(str(self.flow.get("name", "")))
        again = " again" if self.execution is not None else ""
        source = self.execution or self.last
        before = f"   with the values of #{source.get('number')}" if source else ""
        width = min(LABEL_LIMIT, max([cell_len(clean(n)) for n in self.declared] + [len("debug")]))
        with Vertical(classes="box", id="form"):
            yield PaintedLine((f"Run {name}{again}", "strong"), (before, "muted"))
            yield PlaceLine(self.place_words)
            with VerticalScroll(id="fields", can_focus=False):
                for field, declared in self.declared.items():
                    yield from self._field(field, declared, width)
                yield from self._debug_field(width)
            yield from self.about_place()
            yield PaintedLine(
                (" enter ", "chip_on"),
                (" run it    ", "text"),
                (" tab ", "chip_on"),
                (" next field    ", "text"),
                (" esc ", "chip_on"),
                (" leave    ", "text"),
                *([(" ctrl+r ", "chip_on"), (" defaults", "text")] if self.last else []),
            )

    def _field(self, name: str, declared: Row, width: int) -> ComposeResult:
        known = (self.execution or self.last or {}).get("inputs")
        text = self.given.get(name, inputs.starting_text(declared, known))
        told = inputs.in_full(declared, self._extra(declared))
        return self.field(
            name, name, width, self._words(declared), text=text, choices=inputs.choices(declared),
            hidden=bool(declared.get("sensitive")), told=told,
        )  # fmt: skip

    def _words(self, declared: Row) -> str:
        return " · ".join(filter(None, (inputs.describe(declared), self._extra(declared))))

    def _extra(self, declared: Row) -> str:
        """What is not of the declaration."""
        if inputs.choices(declared):
            return "space switches"
        if declared.get("sensitive") and self.execution is not None:
            return "left empty, it stays as it was"
        return ""

    def _debug_field(self, width: int) -> ComposeResult:
        debug = "true" if (self.execution or {}).get("debug") else "false"
        debug = self.given.get(DEBUG_FIELD, debug)
        words = "every command in the log, this once (ctrl+g runs it so)"
        choices = ["false", "true"]
        return self.field(DEBUG_FIELD, "debug", width, words, text=debug, choices=choices)

    def on_mount(self) -> None:
        """Start in the first field that was not filled in yet."""
        if self.refusal:
            list(self.fields.values())[self.place].focus()
        else:
            free = (edit for name, edit in self.fields.items() if name not in self.given)
            next(free).focus()  # at least the one of debug mode
        for name in self.declared.keys() & self.given.keys():
            self.check(name, self.problem_of(name))

    def again(self, refusal: str) -> RunForm:
        """The same form with what was typed in it, and with why it was not taken."""
        texts = {name: edit.text for name, edit in self.fields.items()}
        form = RunForm(self.flow, self.execution, self.last, texts)
        form.refusal, form.place = refusal, self._sent_from
        return form

    def hides(self, names: Iterable[str]) -> bool:
        """Whether one of these inputs is a hidden one."""
        return any(self.declared[name].get("sensitive") for name in names)

    def place_words(self) -> Sequence[Part]:
        """Where one is in a form that scrolls."""
        if not self.declared and not self.refusal:
            return (("This flow takes no inputs.", "muted"),)
        return super().place_words()

    def problem_of(self, name: str) -> str:
        """What is wrong with a field now."""
        declared = self.declared[name]
        kept = self.execution is not None and bool(declared.get("sensitive"))
        return inputs.problem_of(declared, self.fields[name].text, unchanged=kept)

    def on_line_edit_changed(self, event: LineEdit.Changed) -> None:
        """Check what was typed."""
        if event.edit is self.find:
            self.sought()
            return
        if self.refusal:
            self.refusal = ""
            self.tell_place()
        for name in self.declared:
            if self.fields[name] is event.edit:
                self.check(name, self.problem_of(name))

    def pressed(self, key: str) -> None:
        """Run it, or leave it."""
        if key in ("enter", "ctrl+g"):
            self._submit(debug=key == "ctrl+g")
        elif key in ("escape", "ctrl+c"):
            self.dismiss(None)
        elif key == "ctrl+r" and self.last is not None:
            self._fill_defaults()

    def _fill_defaults(self) -> None:
        for name, declared in self.declared.items():
            self.fields[name].set_text(inputs.starting_text(declared))
            self.check(name, self.problem_of(name))

    def _submit(self, *, debug: bool) -> None:
        problems = {name: self.problem_of(name) for name in self.declared}
        for name, problem in problems.items():
            self.check(name, problem)
        wrong = [name for name, problem in problems.items() if problem]
        if wrong:
            self.fields[wrong[0]].focus()
            return
        texts = {name: edit.text for name, edit in self.fields.items()}
        values = inputs.values(self.declared, texts)
        self._sent_from = next((n for n, e in enumerate(self.fields.values()) if e.has_focus), 0)
        self.dismiss((values, debug or texts[DEBUG_FIELD] == "true"))

    _sent_from = 0
