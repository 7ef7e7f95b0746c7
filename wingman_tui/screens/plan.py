"""The plan of a resume as a list: rows can be switched and inputs changed before it starts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip

from wingman_tui.format import fit, fit_middle
from wingman_tui.sanitise import clean
from wingman_tui.screens.dialog import READING_LIMIT, Dialog, PaintedLine
from wingman_tui.screens.reading import MOVES
from wingman_tui.view import Part
from wingman_tui.widgets.line_edit import LineEdit
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.painted import Painted

if TYPE_CHECKING:
    from wingman_tui.lines import Refused
    from wingman_tui.session import Session

Plan = Mapping[str, Any]
DECISION_CELLS = 12
NAME_CELLS = 24
ROLES = {"reuse": "good", "run": "accent", "invalidated": "warning"}
HINT_CELLS = 30
START, EDIT = "start", "edit"


@dataclass
class Choices:
    """The rows that were switched, as the request wants them."""

    run: set[str] = field(default_factory=set)
    reuse: set[str] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        return {"run": sorted(self.run), "reuse": sorted(self.reuse), "unsafe": bool(self.reuse)}

    def switch(self, row: Mapping[str, Any], *, anyway: bool) -> str:
        """Switch a row; the words of why it cannot be, or nothing."""
        path = row["path"]
        if path in self.run or path in self.reuse:
            self.run.discard(path)
            self.reuse.discard(path)
        elif row["decision"] == "reuse":
            self.run.add(path)
        elif not row["can_reuse"]:
            return f"{path} cannot be reused: {row['because']}"
        elif not anyway:
            return f"{path} is not safe to reuse: {row['because']}; ! reuses it anyway"
        else:
            self.reuse.add(path)
        return ""


class PlanList(LineList):
    """A row a step: what becomes of it, and why."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Mapping[str, Any]] = []

    def show(self, steps: list[Mapping[str, Any]]) -> None:
        """Another plan; the cursor stays with its step."""
        self.steps = steps
        self.rows_changed()

    def row_count(self) -> int:
        """The steps."""
        return len(self.steps)

    def row_key(self, index: int) -> str | None:
        """A step's path."""
        return self.steps[index]["path"] if 0 <= index < len(self.steps) else None

    def index_of(self, key: str) -> int | None:
        """The row of a path."""
        return next((i for i, step in enumerate(self.steps) if step["path"] == key), None)

    def paint_row(self, index: int, cursor: str) -> Strip:
        """One step."""
        step = self.steps[index]
        names = min(NAME_CELLS, max(cell_len(clean(s["path"])) for s in self.steps))
        mark = self.view.glyph("●", "*") if step["chosen"] else " "
        decision = fit(f"{mark} {step['decision']}", DECISION_CELLS + 2)
        return self.line(
            [
                (decision, ROLES.get(step["decision"], "text")),
                (fit_middle(clean(step["path"]), names), "strong"),
                ("  " + clean(step["because"]), "muted"),
            ],
            cursor,
        )


class NoteLine(Painted):
    """What the last key led to."""

    def __init__(self) -> None:
        super().__init__(classes="line")
        self._parts: list[Part] = []

    def say(self, text: str, role: str = "muted") -> None:
        """Other words."""
        self._parts = [(" " + clean(text), role)]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The words."""
        return self.line(self._parts)


class PlanDialog(Dialog[str]):
    """Enter starts it, i changes inputs, E edits again, escape leaves; answers START or EDIT."""

    width_limit = READING_LIMIT

    def __init__(
        self, plan: Plan, body: dict[str, Any], session: Session, names: Sequence[str] = ()
    ) -> None:
        """`body` is the request that the plan was made of; what is changed is put into it.

        `names` are those of the inputs that the execution had.
        """
        super().__init__()
        self._names = names
        self._session = session
        self.plan = plan
        self.body = body
        self.choices = Choices()

    def compose(self) -> ComposeResult:
        """The title, the rows, what was said, the keys."""
        self.rows = PlanList()
        self.note = NoteLine()
        self.inputs = LineEdit(label=" inputs ")
        self.inputs.hint = fit(" ".join(f"{clean(name)}=" for name in self._names), HINT_CELLS)
        self.inputs.display = False
        with Vertical(classes="box"):
            yield PaintedLine((f"Resume {clean(self.plan['execution'])}", "strong"))
            yield PaintedLine()
            yield self.rows
            yield self.note
            yield self.inputs
            yield PaintedLine()
            self._typing_keys = PaintedLine(
                (" enter ", "chip_on"), (" plan with them   ", "text"),
                (" esc ", "chip_on"), (" leave", "text"),
            )  # fmt: skip
            self._typing_keys.display = False
            yield self._typing_keys
            self._plan_keys = PaintedLine(
                (" enter ", "chip_on"), (" start it   ", "text"),
                (" space ", "chip_on"), (" switch   ", "text"),
                (" i ", "chip_on"), (" inputs   ", "text"),
                (" E ", "chip_on"), (" edit   ", "text"),
                (" esc ", "chip_on"), (" leave", "text"),
            )  # fmt: skip
            yield self._plan_keys

    def on_mount(self) -> None:
        """Show the plan."""
        self.rows.focus()
        self._show(self.plan)

    def rows_needed(self) -> int:
        """Every step, as far as there is room."""
        return len(self.plan["steps"]) + (6 if self.inputs.display else 5)

    def _show(self, plan: Plan) -> None:
        self.plan = plan
        self.rows.show(list(plan["steps"]))
        counts = plan["counts"]
        gone = f"; gone: {', '.join(plan['gone'])}" if plan["gone"] else ""
        edited = "" if plan["version"] != plan["old_version"] else "; the flow as it was"
        to_run = counts["run"] + counts["invalidated"]
        changed = ", ".join(clean(name) for name in plan["changed_inputs"])
        given = f"; with another {changed}" if changed else "; inputs as they were"
        self.note.say(f"{counts['reuse']} reused, {to_run} to run{gone}{edited}{given}")

    def on_key(self, event: events.Key) -> None:
        """Move, switch, start, edit again or leave."""
        event.stop()
        if self.inputs.display:
            self._typed(event.key)
        elif event.key in MOVES:
            self.rows.move(MOVES[event.key])
        elif event.key in ("space", "exclamation_mark"):
            self._switch(anyway=event.key != "space")
        elif event.key == "enter":
            self.dismiss(START)
        elif event.key == "E":
            self.dismiss(EDIT)
        elif event.key == "i":
            self._type_inputs(True)
        elif event.key in ("escape", "ctrl+c", "q"):
            self.dismiss(None)

    def _switch(self, *, anyway: bool) -> None:
        if not self.rows.steps:
            return
        problem = self.choices.switch(self.rows.steps[self.rows.cursor], anyway=anyway)
        if problem:
            self.note.say(problem, "warning")
            return
        self.body |= self.choices.to_json()
        request = self._session.act(self.plan["id"], "resume/plan", **self.body)
        self.console_app.carry_out(request, self._show, opens=True)

    # inputs

    def _type_inputs(self, is_typing: bool) -> None:
        self.inputs.display = self._typing_keys.display = is_typing
        self._plan_keys.display = not is_typing
        self.fit_box(self.rows_needed())
        (self.inputs if is_typing else self.rows).focus()

    def _typed(self, key: str) -> None:
        if key in ("escape", "ctrl+c"):
            self._type_inputs(False)
        elif key == "enter":
            self._take_inputs()

    def _take_inputs(self) -> None:
        """Make the plan anew with what was typed; what is wrong with it can be mended."""
        try:
            words = shlex.split(self.inputs.text)
        except ValueError:
            words = self.inputs.text.split()
        if wrong := next((word for word in words if "=" not in word), None):
            self.note.say(f"{wrong} gives no value: write name=value", "warning")
            return
        texts = dict(word.split("=", 1) for word in words)
        body = {**self.body, "inputs_text": texts}

        def planned(plan: Plan) -> None:
            self.body["inputs_text"] = texts
            self._type_inputs(False)
            self._show(plan)

        def refused(refusal: Refused) -> None:
            self.note.say(str(refusal).splitlines()[0], "error")

        request = self._session.act(self.plan["id"], "resume/plan", **body)
        self.console_app.carry_out(request, planned, on_refusal=refused, opens=True)
