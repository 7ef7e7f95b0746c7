"""A dialog that shows lines and asks for one of a few keys: problems of a file, a diff."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from wingman_tui.screens.dialog import (
    AROUND_CELLS,
    OPENING_KEY_S,
    READING_LIMIT,
    WIDTH_LIMIT,
    Dialog,
    PaintedLine,
)
from wingman_tui.view import Part
from wingman_tui.widgets.text_pane import TextPane

MOVES = {
    "down": "down", "j": "down", "up": "up", "k": "up", "pagedown": "page_down",
    "pageup": "page_up", "home": "first", "end": "last",
}  # fmt: skip


class ReadingDialog(Dialog[str]):
    """Lines under a title; each answer has its key, escape answers nothing."""

    width_limit = READING_LIMIT

    def __init__(
        self,
        title: str,
        lines: Callable[[int], Sequence[Sequence[Part]]],
        answers: Mapping[str, str],
    ) -> None:
        """`lines` sets the text for so many cells; `answers` are the words of each key."""
        super().__init__()
        self.heading = title
        self._set = lines
        self._set_for = 0
        self._lines: Sequence[Sequence[Part]] = ()
        self.answers = answers
        self._opened = time.monotonic()

    def compose(self) -> ComposeResult:
        """The title, the lines, the keys."""
        self.pane = TextPane()
        keys: list[Part] = []
        for key, words in self.answers.items():
            keys += [(f" {key} ", "chip_on"), (f" {words}    ", "text")]
        with Vertical(classes="box"):
            yield PaintedLine((self.heading, "strong"))
            yield PaintedLine()
            yield self.pane
            yield PaintedLine()
            yield PaintedLine(*keys, (" esc ", "chip_on"), (" leave", "text"))

    def rows_needed(self) -> int:
        """All lines, as far as there is room; set anew where it is another one."""
        if self._set_for != self.room:
            self._set_for, self._lines = self.room, self._set(self.room)
            self.pane.show(self._lines, keep_place=True)
        return len(self._lines) + 4

    def room_needed(self) -> int:
        """No more than the longest line takes, where that is more than usual."""
        longest = max((cell_len("".join(t for t, _ in line)) for line in self._lines), default=0)
        return max(WIDTH_LIMIT - AROUND_CELLS, longest, cell_len(self.heading))

    def on_key(self, event: events.Key) -> None:
        """Scroll, answer, or leave."""
        event.stop()
        if event.key in MOVES:
            self.pane.move(MOVES[event.key])
        elif event.character in self.answers or event.key in self.answers:
            if time.monotonic() - self._opened >= OPENING_KEY_S or self.app.is_headless:
                self.dismiss(event.key if event.key in self.answers else event.character)
        elif event.key in ("escape", "ctrl+c", "q"):
            self.dismiss(None)
