"""The dialog that answers what a step asks: its message, its form, a comment, and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll

from wingman_tui import inputs
from wingman_tui.format import wrap
from wingman_tui.naming import name_of
from wingman_tui.sanitise import clean, clean_lines
from wingman_tui.screens.dialog import PaintedLine, PaintedLines
from wingman_tui.screens.form import LABEL_LIMIT, FieldsDialog
from wingman_tui.screens.reading import ReadingDialog
from wingman_tui.view import Part
from wingman_tui.waiting import asked_below, asks
from wingman_tui.widgets.fields import ALL_OF_IT
from wingman_tui.widgets.line_edit import LineEdit

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Row = Mapping[str, Any]
DECISION, COMMENT = "\0decision", "\0comment"
UNDECIDED = "…"
MESSAGE_LINES, MESSAGE_LIMIT = 6, 200
AROUND_ROWS = 12  # the screen without the question, and with two fields
DONE = {"approve": "approved", "reject": "rejected"}
Answer = tuple[str, dict[str, Any], str]  # the verb, the form's values, the comment


def open_approval(app: WingmanApp, execution: Row, path: str | None) -> None:
    """Ask for the answer to a step of an execution, and send it."""
    name, session = name_of(execution), app.session.bound()

    def opened(found: dict[str, Any]) -> None:
        asking = [step for step in found.get("steps", ()) if asks(step)]
        step = next((step for step in asking if path in (None, step["path"])), None)
        below = asked_below(found)
        if step is None and below is not None:
            open_approval(app, {**below, "id": below["execution"]}, None)
            return
        if step is None:
            app.tell(f"nothing of {name} waits for an answer", "warning")
            return
        app.push_screen(ApprovalDialog(name, step), lambda answer: submitted(step, answer))

    def submitted(step: Row, answer: Answer | None) -> None:
        if answer is None:
            return
        verb, values, comment = answer
        body = {"step": step["path"], "inputs": values, "comment": comment}
        words = f"{DONE[verb]} {clean(str(step['path']))} of {name}"
        request = session.act(str(execution["id"]), verb, **body)
        app.carry_out(request, lambda _: app.tell(words, "good"))

    app.carry_out(session.explain(str(execution["id"]), "values"), opened, opens=True)


class ApprovalDialog(FieldsDialog[Answer]):
    """Nothing is decided before somebody has chosen; escape leaves the question open."""

    def __init__(self, name: str, step: Row) -> None:
        super().__init__()
        self._name = name
        self._step = step
        waiting = step["waiting_for"]
        self._message = str(waiting.get("message") or "")
        self.declared: dict[str, Row] = {d["name"]: d for d in waiting.get("inputs") or ()}

    def compose(self) -> ComposeResult:
        """The question, the decision, the form and the comment."""
        labels = [*map(clean, self.declared), "decision"]
        width = min(LABEL_LIMIT, max(cell_len(label) for label in labels))
        self._question = PaintedLines(lambda: [[(line, "text")] for line in self._words()])
        with Vertical(classes="box", id="form"):
            yield PaintedLine((f"{clean(str(self._step['path']))} of {self._name} asks", "strong"))
            yield PaintedLine()
            yield self._question
            yield PaintedLine()
            with VerticalScroll(id="fields", can_focus=False):
                words = "approve or reject: space chooses"
                choices = [UNDECIDED, *DONE]
                yield from self.field(DECISION, "decision", width, words, choices=choices)
                for name, declared in self.declared.items():
                    yield from self.field(
                        name, name, width, inputs.describe(declared),
                        text=inputs.starting_text(declared), choices=inputs.choices(declared),
                        told=inputs.in_full(declared),
                    )  # fmt: skip
                yield from self.field(COMMENT, "comment", width, "why; kept with the decision")
            yield from self.about_place()
            yield PaintedLine(
                (" enter ", "chip_on"), (" send it    ", "text"),
                (" tab ", "chip_on"), (" next field    ", "text"),
                (" esc ", "chip_on"), (" leave it open", "text"),
            )  # fmt: skip

    def _asked(self, room: int) -> list[str]:
        """All of the question, in lines of so many cells."""
        return [
            line
            for text in clean_lines(self._message, MESSAGE_LIMIT)
            for line in wrap(text, room, MESSAGE_LIMIT)
        ]

    def _words(self) -> list[str]:
        """As much of it as leaves two of the fields in sight; `F1` reads the rest."""
        rows = min(MESSAGE_LINES, max(2, self.app.size.height - AROUND_ROWS))
        lines = self._asked(self.room)
        if len(lines) <= rows:
            return lines
        more = f"… {ALL_OF_IT} reads all"
        return [*lines[: rows - 1], lines[rows - 1][: self.room - len(more)].rstrip() + more]

    def read_all(self) -> None:
        """What is asked, and what is told of the field that one is in."""
        key = self.here

        def lines(room: int) -> list[list[Part]]:
            own = self.about_lines(key, room) if key in self.declared else []
            return [*([(text, "text")] for text in self._asked(room)), *([[]] if own else []), *own]

        title = f"{clean(str(self._step['path']))} of {self._name} asks"
        self.app.push_screen(ReadingDialog(title, lines, {}))

    def on_mount(self) -> None:
        """Start at the decision."""
        self.fields[DECISION].focus()

    def room_needed(self) -> int:
        """The question's lines, too."""
        return max([super().room_needed(), *map(cell_len, self._words())])

    def rows_needed(self) -> int:
        """The fields, and the question, which is set anew."""
        self._question.take_height()
        return super().rows_needed()

    def frame_rows(self) -> int:
        """The title, the question, the keys, and the lines between."""
        return len(self._words()) + 4

    def problem_of(self, key: str) -> str:
        """What is wrong with a field now; a rejection needs no form."""
        decision = self.fields[DECISION].text
        if key == DECISION:
            return "" if decision in DONE else "choose: space, or a and r"
        if key == COMMENT or decision == "reject":
            return ""
        return inputs.problem_of(self.declared[key], self.fields[key].text)

    def on_line_edit_changed(self, event: LineEdit.Changed) -> None:
        """Check what was typed."""
        if event.edit is self.find:
            self.sought()
            return
        for key, edit in self.fields.items():
            if edit is event.edit:
                self.check(key, self.problem_of(key))

    def pressed(self, key: str) -> None:
        """Answer, or leave it open."""
        if key == "enter":
            self._submit()
        elif key in ("escape", "ctrl+c"):
            self.dismiss(None)

    def _submit(self) -> None:
        problems = {key: self.problem_of(key) for key in self.fields}
        for key, problem in problems.items():
            self.check(key, problem)
        wrong = [key for key, problem in problems.items() if problem]
        if wrong:
            self.fields[wrong[0]].focus()
            return
        verb = self.fields[DECISION].text
        texts = {key: self.fields[key].text for key in self.declared}
        values = inputs.values(self.declared, texts) if verb == "approve" else {}
        self.dismiss((verb, values, self.fields[COMMENT].text))
