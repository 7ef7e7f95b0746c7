"""The notes beside an execution or a step: those that are there, and a line to write one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from wingman_tui.columns import name_of
from wingman_tui.format import full_time, wrap
from wingman_tui.sanitise import clean, clean_lines
from wingman_tui.screens.dialog import WIDTH_LIMIT, Dialog, PaintedLine
from wingman_tui.view import Part
from wingman_tui.widgets.line_edit import LineEdit

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Row = Mapping[str, Any]
NOTE_LINES = 40
LEAST_LINES = 3
AROUND_ROWS = 8  # what the dialog has beside the notes, and leaves free


def open_notes(app: WingmanApp, execution: Row, path: str | None) -> None:
    """Show the notes of an execution; one that is written is about the step, where there is one."""
    id_, name = str(execution["id"]), name_of(execution)

    def opened(found: dict[str, Any]) -> None:
        app.push_screen(NotesDialog(name, path, found.get("notes") or []), written)

    def written(text: str | None) -> None:
        if text:
            request = app.session.write_note(id_, text, path)
            app.carry_out(request, lambda _: app.tell(f"noted beside {name}", "good"))

    app.carry_out(app.session.explain(id_, "notes"), opened)


class NotesDialog(Dialog[str]):
    """Enter keeps what was typed as a note; escape leaves."""

    def __init__(self, name: str, path: str | None, notes: Sequence[Row]) -> None:
        super().__init__()
        self._name = name
        self._path = path
        self._notes = notes

    def compose(self) -> ComposeResult:
        """The newest notes that there is room for, and the line."""
        about = f"{clean(self._path)} of {self._name}" if self._path else self._name
        with Vertical(classes="box", id="notes"):
            yield PaintedLine((f"Notes of {self._name}", "strong"))
            yield PaintedLine()
            for parts in self._lines():
                yield PaintedLine(*parts)
            yield PaintedLine()
            yield LineEdit(label=" note  ", id="note")
            yield PaintedLine()
            yield PaintedLine(
                (" enter ", "chip_on"), (f" write it beside {about}    ", "text"),
                (" esc ", "chip_on"), (" leave", "text"),
            )  # fmt: skip

    def _lines(self) -> list[list[Part]]:
        if not self._notes:
            return [[("No notes yet: what was found, what helped.", "muted")]]
        room = min(WIDTH_LIMIT, self.app.size.width - 4) - 6
        lines: list[list[Part]] = []
        for note in self._notes:
            step = f" › {clean(str(note['step']))}" if note.get("step") else ""
            when = full_time(note.get("at"), self.console_app.view.zone)
            edited = ", edited" if note.get("edited_at") else ""
            lines.append([(f"{clean(str(note['by']))}, {when}{edited}{step}", "muted")])
            for text in clean_lines(str(note["text"]), NOTE_LINES):
                lines += [[("  " + line, "text")] for line in wrap(text, room, NOTE_LINES)]
        return lines[-max(LEAST_LINES, self.app.size.height - AROUND_ROWS) :]

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one("#note").focus()

    def rows_needed(self) -> int:
        """The notes, and the lines around them."""
        return len(self._lines()) + 6

    def on_key(self, event: events.Key) -> None:
        """Enter keeps what was typed; escape leaves."""
        event.stop()
        if event.key == "enter":
            self.dismiss(self.query_one("#note", LineEdit).text.strip() or None)
        elif event.key in ("escape", "ctrl+c"):
            self.dismiss(None)
