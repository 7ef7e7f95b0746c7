"""The notes beside an execution or a step, and a line to write one or edit one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from wingman_tui.format import full_time, wrap
from wingman_tui.naming import name_of
from wingman_tui.sanitise import clean, clean_lines
from wingman_tui.screens.dialog import Dialog, PaintedLine, PaintedLines
from wingman_tui.view import Part
from wingman_tui.widgets.line_edit import LineEdit

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Row = Mapping[str, Any]
NOTE_LINES = 40
BREAK = " ⏎ "  # a line break of a note in the line where it is edited
LEAST_LINES = 3
AROUND_ROWS = 8  # what the dialog has beside the notes, and leaves free


class Written(NamedTuple):
    """What was done in the dialog: a text for a new note or for an old one; without, it goes."""

    text: str
    note: int | None = None


def open_notes(app: WingmanApp, execution: Row, path: str | None) -> None:
    """Show the notes of an execution; one that is written is about the step, where there is one."""
    id_, name, session = str(execution["id"]), name_of(execution), app.session.bound()

    def opened(found: dict[str, Any]) -> None:
        app.push_screen(NotesDialog(name, path, found.get("notes") or []), written)

    def written(done: Written | None) -> None:
        if done is None:
            return
        if done.note is None:
            request, said = session.write_note(id_, done.text, path), "noted beside"
        elif done.text:
            request, said = session.edit_note(id_, done.note, done.text), "note edited beside"
        else:
            request, said = session.remove_note(id_, done.note), "note removed from"
        app.carry_out(request, lambda _: app.tell(f"{said} {name}", "good"))

    app.carry_out(session.explain(id_, "notes"), opened, opens=True)


class NotesDialog(Dialog[Written]):
    """Enter keeps what was typed: a new note, or the chosen one anew; escape leaves."""

    def __init__(self, name: str, path: str | None, notes: Sequence[Row]) -> None:
        super().__init__()
        self._name = name
        self._path = path
        self._notes = notes
        self._chosen: int | None = None  # the place of the note that is edited
        self._draft = ""  # of a new one, meanwhile
        self._removing = False

    def compose(self) -> ComposeResult:
        """The newest notes that there is room for, and the line."""
        self._list = PaintedLines(self._lines)
        self._help = PaintedLines(self._keys)
        with Vertical(classes="box", id="notes"):
            about = f"   a new one is about {clean(self._path)}" if self._path else ""
            yield PaintedLine((f"Notes of {self._name}", "strong"), (about, "muted"))
            yield PaintedLine()
            yield self._list
            yield PaintedLine()
            yield LineEdit(label=" note  ", id="note")
            yield PaintedLine()
            yield self._help

    def _keys(self) -> list[list[Part]]:
        if self._removing:
            return [[(" ctrl+d ", "chip_on"), (" again removes it for good    ", "warning"),
                     (" esc ", "chip_on"), (" keeps it", "text")]]  # fmt: skip
        if self._chosen is not None:
            return [[(" enter ", "chip_on"), (" save    ", "text"),
                     (" ctrl+d ", "chip_on"), (" remove    ", "text"),
                     (" esc ", "chip_on"), (" leave it", "text")]]  # fmt: skip
        keys: list[Part] = [(" enter ", "chip_on"), (" write it    ", "text")]
        if self._notes:
            keys += [(" ↑ ", "chip_on"), (" edit one    ", "text")]
        return [[*keys, (" esc ", "chip_on"), (" leave", "text")]]

    def _lines(self) -> list[list[Part]]:
        """The notes, so far down that the chosen one is in sight."""
        if not self._notes:
            return [[("No notes yet: what was found, what helped.", "muted")]]
        room = self.room - 2
        lines: list[list[Part]] = []
        end = 0
        for place, note in enumerate(self._notes):
            step = f" › {clean(str(note['step']))}" if note.get("step") else ""
            when = full_time(note.get("at"), self.console_app.view.zone)
            edited = ", edited" if note.get("edited_at") else ""
            is_chosen = place == self._chosen
            role = "accent" if is_chosen else "text"
            mark = "> " if is_chosen else ""
            head = f"{mark}{clean(str(note['by']))}, {when}{edited}{step}"
            lines.append([(head, "accent" if is_chosen else "muted")])
            for text in clean_lines(str(note["text"]), NOTE_LINES):
                lines += [[("  " + line, role)] for line in wrap(text, room, NOTE_LINES)]
            if self._chosen is None or is_chosen:
                end = len(lines)
        height = max(LEAST_LINES, self.app.size.height - AROUND_ROWS)
        return lines[:end][-height:] if end > height else lines[:height]

    def on_mount(self) -> None:
        """Type at once."""
        super().on_mount()
        self.query_one("#note").focus()

    def rows_needed(self) -> int:
        """The notes, and the lines around them."""
        return self._list.take_height() + 6

    def on_key(self, event: events.Key) -> None:
        """Enter keeps what was typed, arrows choose a note, ctrl+d twice removes it."""
        event.stop()
        edit = self.query_one("#note", LineEdit)
        was_removing, self._removing = self._removing, False
        if event.key == "enter":
            text = edit.text.strip().replace(BREAK, "\n")
            note = None if self._chosen is None else int(self._notes[self._chosen]["id"])
            if text:
                self.dismiss(Written(text, note))
            elif note is None:
                self.dismiss(None)
        elif event.key in ("up", "down") and self._notes:
            self._choose(edit, -1 if event.key == "up" else 1)
        elif event.key == "ctrl+d" and self._chosen is not None:
            if was_removing:
                self.dismiss(Written("", int(self._notes[self._chosen]["id"])))
            self._removing = True
        elif event.key in ("escape", "ctrl+c") and not was_removing:
            self.dismiss(None)
        self._help.refresh()

    def _choose(self, edit: LineEdit, step: int) -> None:
        """Another note to edit; below the newest is the new one."""
        last = len(self._notes)
        if self._chosen is None:
            self._draft = edit.text
        place = max(0, min(last, (last if self._chosen is None else self._chosen) + step))
        self._chosen = None if place == last else place
        text = self._draft if self._chosen is None else str(self._notes[place]["text"])
        edit.set_text(BREAK.join(text.splitlines()))
        self.fit_box(self.rows_needed())
        self._list.refresh()
