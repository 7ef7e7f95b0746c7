"""Fields under each other in a dialog: how one moves through them, and what is told of each.

Below a field stands what may be typed, or what is wrong; where that is longer than a line, a place
at the bottom tells all of the field that one is in. Used by the form that runs a flow, and by the
one that answers a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from wingman_tui.format import fit, wrap
from wingman_tui.sanitise import clean
from wingman_tui.screens.dialog import (
    AROUND_CELLS,
    BORDER_ROWS,
    READING_LIMIT,
    WIDTH_LIMIT,
    Dialog,
)
from wingman_tui.screens.reading import ReadingDialog
from wingman_tui.view import Part
from wingman_tui.widgets.fields import AboutField, ChoiceEdit, FieldNote, PlaceLine
from wingman_tui.widgets.line_edit import LineEdit

Result = TypeVar("Result")
LABEL_LIMIT = 22
FIELD_ROWS = 2
LEAST_FIELDS = 2  # that stay in sight
STEPS = {"tab": 1, "down": 1, "shift+tab": -1, "up": -1}
PAGES = {"pagedown": 1, "pageup": -1}
ENDS = {"ctrl+home": 0, "ctrl+end": -1}


class FieldsDialog(Dialog[Result]):
    """A dialog of fields; the keys between them are the same everywhere."""

    width_limit = READING_LIMIT
    def __init__(self) -> None:
        super().__init__()
        self.refusal = ""  # what was said to these values when they were sent
        self.fields: dict[str, LineEdit] = {}
        self.notes: dict[str, FieldNote] = {}
        self._labels: dict[str, str] = {}
        self._told: dict[str, Sequence[str]] = {}  # paragraphs, where there is room for them
        self.find = LineEdit(label=" find ", id="find")
        self._found = self._left = ""  # while one seeks: the field in sight, and the one before

    # made of

    def field(
        self, key: str, label: str, width: int, words: str, *, text: str = "",
        choices: Sequence[str] = (), hidden: bool = False, told: Sequence[str] = (),
    ) -> ComposeResult:  # fmt: skip
        """A field with its note; `told` are the paragraphs that tell all of it."""
        shown = f" {fit(clean(label), width)}  "
        self._labels[key] = clean(label)
        self._told[key] = [clean(text) for text in told if text] or [clean(words)]
        self.fields[key] = (
            ChoiceEdit(choices, text or choices[0], label=shown)
            if choices
            else LineEdit(text, label=shown, hidden=hidden)
        )
        self.notes[key] = FieldNote(cell_len(shown), words)
        yield self.fields[key]
        yield self.notes[key]

    def about_place(self) -> ComposeResult:
        """Where all of a field is told, and where one is sought, behind the fields."""
        self.about = AboutField(self._told_of)
        yield self.about
        yield self.find

    # told

    @property
    def here(self) -> str:
        """The field that one is in, or was in before one sought another."""
        return next((key for key, edit in self.fields.items() if edit.has_focus), self._found)

    def _told_of(self, room: int) -> tuple[str, list[list[Part]]]:
        """The field that one is in, and all of what is told about it."""
        return self._labels.get(self.here, ""), self.about_lines(self.here, room)

    def about_lines(self, key: str, room: int) -> list[list[Part]]:
        """What is wrong with a field, where its note is too narrow for it, and what may be."""
        if key not in self.notes:
            return []
        sign, note = self.console_app.view.glyph("✗ ", "x "), self.notes[key]
        wrong = [
            text
            for text, there in ((self.refusal, room - 2), (note.problem, room - note.indent - 1))
            if cell_len(text) > there
        ]
        told = [(sign + clean(text), "error") for text in wrong]
        told += [(text, "muted" if at else "text") for at, text in enumerate(self._told[key])]
        return [[(line, role)] for text, role in told for line in wrap(text, room)]

    def _about_rows(self) -> int:
        """As many as the longest needs, where one does not fit into its note's line."""
        room = self.room
        is_cut = cell_len(clean(self.refusal)) > room - 2 or any(
            cell_len(clean(note.words)) > room + 1 - note.indent for note in self.notes.values()
        )
        if not is_cut:
            return 0
        longest = max(sum(len(wrap(text, room)) for text in told) for told in self._told.values())
        height = self.app.size.height
        left = height - 2 - BORDER_ROWS - self.frame_rows() - LEAST_FIELDS * FIELD_ROWS - 1
        rows = min(longest, max(2, (height - 6) // 4), left)
        return 1 + rows if rows > 0 else 0

    def room_needed(self) -> int:
        """What the longest note takes, where that is more than usual; or why it was refused."""
        notes = (note.indent + cell_len(clean(note.words)) for note in self.notes.values())
        return max(WIDTH_LIMIT - AROUND_CELLS, cell_len(clean(self.refusal)) + 2, *notes)

    def frame_rows(self) -> int:
        """What stands around the fields: the title, where one is, the keys."""
        return 3

    def rows_needed(self) -> int:
        """Two a field, what is told of one of them, and the lines around."""
        return FIELD_ROWS * len(self.fields) + self.frame_rows() + self._about_rows()

    def fit_box(self, rows: int) -> None:
        """The room of the box, and of the place at its bottom."""
        self.about.styles.height = self._about_rows()
        super().fit_box(rows)

    def is_scrolled(self) -> bool:
        """Whether not all of the fields are in sight."""
        return self.rows_needed() + BORDER_ROWS > self.app.size.height - 2

    def place_words(self) -> Sequence[Part]:
        """Where one is in a form that scrolls, and how to get on in it; why it was refused."""
        if self.refusal:
            return ((self.console_app.view.glyph("✗ ", "x ") + clean(self.refusal), "error"),)
        if not self.is_scrolled():
            return ()
        place = list(self.fields).index(self.here) + 1 if self.here in self.fields else 1
        return (
            (f"field {place} of {len(self.fields)}", "muted"), ("   pgdn", "key"),
            (" a page   ", "muted"), ("ctrl+f", "key"), (" finds one", "muted"),
        )  # fmt: skip

    def tell_place(self) -> None:
        """Tell where one is now."""
        for line in self.query(PlaceLine):
            line.refresh()
        self.about.show()

    def check(self, key: str, problem: str) -> None:
        """Show what is wrong with a field, or that nothing is."""
        self.notes[key].show(problem)
        self.about.show()

    # keys

    def on_descendant_focus(self) -> None:
        """Another field is meant: it is seen with its note."""
        if self.here in self.notes and not self.find.has_focus:
            self.notes[self.here].scroll_visible(animate=False, immediate=True)
            self.fields[self.here].scroll_visible(animate=False, immediate=True)
        self.tell_place()

    def on_key(self, event: events.Key) -> None:
        """Between the fields, else what the dialog does."""
        event.stop()
        if self.find.has_focus:
            self._seek(event.key)
        elif not self._move(event.key):
            self.pressed(event.key)

    def pressed(self, key: str) -> None:
        """A key that is about the whole dialog."""
        raise NotImplementedError

    def _move(self, key: str) -> bool:
        keys = list(self.fields)
        at = keys.index(self.here) if self.here in keys else 0
        if key in STEPS:
            at = (at + STEPS[key]) % len(keys)
        elif key in PAGES:
            page = max(1, self.query_one("#fields", VerticalScroll).size.height // FIELD_ROWS - 1)
            at = max(0, min(len(keys) - 1, at + PAGES[key] * page))
        elif key in ENDS:
            at = ENDS[key]
        elif key == "ctrl+f":
            self._begin_to_seek()
            return True
        elif key == "f1":
            self.read_all()
            return True
        else:
            return False
        self.fields[keys[at]].focus()
        return True

    def read_all(self) -> None:
        """All of what is told about a field, in a dialog that scrolls."""
        key = self.here
        title = self._labels.get(key, "")
        self.app.push_screen(ReadingDialog(title, lambda room: self.about_lines(key, room), {}))

    # finding a field by typing

    def _begin_to_seek(self) -> None:
        self._found = self._left = self.here
        self.find.set_text("")
        self.find.hint = ""
        self.find.display = True
        self.find.focus()

    def _seek(self, key: str) -> None:
        """Enter goes to what was found, the arrows to the next of them, escape back."""
        fits = self._fitting(self.find.text)
        if key in STEPS and fits:
            at = fits.index(self._found) if self._found in fits else -STEPS[key]
            self._show_found(fits[(at + STEPS[key]) % len(fits)], fits)
        elif key in ("enter", "escape", "ctrl+c"):
            self.find.display = False
            self.fields[self._found if key == "enter" else self._left].focus()

    def sought(self) -> None:
        """Show the first field that what was typed fits."""
        fits = self._fitting(self.find.text)
        if fits:
            self._show_found(fits[0], fits)
        else:
            self.find.hint = "none has that "
            self.find.refresh()

    def _show_found(self, key: str, fits: Sequence[str]) -> None:
        self._found = key
        more = f" and {len(fits) - 1} more" if len(fits) > 1 else ""
        self.find.hint = f"{self._labels[key]}{more} "
        self.find.refresh()
        self.notes[key].scroll_visible(animate=False, immediate=True)
        self.fields[key].scroll_visible(animate=False, immediate=True)
        self.tell_place()

    def _fitting(self, text: str) -> list[str]:
        """The fields that have all words: in the name first, then in what is told of them."""
        words = text.lower().split()
        if not words:
            return []
        return _holding(self._labels, words) + [
            key
            for key in _holding({k: f"{self._labels[k]} {n.words}" for k, n in self.notes.items()},
                                words)
            if key not in _holding(self._labels, words)
        ]  # fmt: skip


def _holding(texts: Mapping[str, str], words: Sequence[str]) -> list[str]:
    return [key for key, text in texts.items() if all(word in text.lower() for word in words)]
