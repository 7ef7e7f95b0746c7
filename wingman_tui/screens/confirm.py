"""The question before something that cannot be taken back: names the thing and the consequence."""

from __future__ import annotations

import time

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from wingman_tui.format import wrap
from wingman_tui.screens.dialog import OPENING_KEY_S, WIDTH_LIMIT, Dialog, PaintedLine

YES = "y"


class ConfirmDialog(Dialog[bool]):
    """Asks; keeping is the first answer, and doing has a key of its own."""

    def __init__(self, title: str, consequence: str, *, keep: str, do: str) -> None:
        super().__init__()
        self.question = title
        self.consequence = consequence
        self.keep = keep
        self.do = do
        self._opened = time.monotonic()

    def compose(self) -> ComposeResult:
        """The question, what it means, and the two answers."""
        with Vertical(classes="box"):
            yield PaintedLine((self.question, "strong"))
            yield PaintedLine()
            for text in self._words():
                yield PaintedLine((text, "text"))
            yield PaintedLine()
            yield PaintedLine(
                (" esc ", "chip_on"),
                (f" {self.keep}      ", "text"),
                (f" {YES} ", "chip_on"),
                (f" {self.do}", "error"),
            )

    def _words(self) -> list[str]:
        return wrap(self.consequence, min(WIDTH_LIMIT, self.app.size.width - 4) - 4)

    def rows_needed(self) -> int:
        """The words and the four lines around them."""
        return len(self._words()) + 4

    def on_key(self, event: events.Key) -> None:
        """`y` does it; escape, enter, q and n keep it; anything else is no answer."""
        event.stop()
        if time.monotonic() - self._opened < OPENING_KEY_S and not self.app.is_headless:
            return
        if event.key == YES:
            self.dismiss(True)
        elif event.key in ("escape", "enter", "n", "q", "ctrl+c"):
            self.dismiss(False)
