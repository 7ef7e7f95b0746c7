"""The question before something that cannot be taken back: names the thing and the consequence."""

from __future__ import annotations

import time

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip

from wingman_tui.format import wrap
from wingman_tui.screens.dialog import OPENING_KEY_S, Dialog, PaintedLine, PaintedLines
from wingman_tui.view import Part
from wingman_tui.widgets.painted import Painted

YES = "y"
COUNTED_FROM = 5  # more than so many are not done by a single key


class ConfirmDialog(Dialog[bool]):
    """Asks; keeping is the first answer, and doing has a key of its own."""

    def __init__(
        self, title: str, consequence: str, *, keep: str, do: str, count: int = 0
    ) -> None:
        """Where many are meant, their `count` has to be typed."""
        super().__init__()
        self.count = count if count > COUNTED_FROM else 0
        self.typed = ""
        self.question = title
        self.consequence = consequence
        self.keep = keep
        self.do = do
        self._opened = time.monotonic()

    def compose(self) -> ComposeResult:
        """The question, what it means, and the two answers."""
        self._words = PaintedLines(self._lines)
        with Vertical(classes="box"):
            yield PaintedLine((self.question, "strong"))
            yield PaintedLine()
            yield self._words
            yield PaintedLine()
            yield Answers(self)

    def answers(self) -> list[Part]:
        """The two answers, and what is typed of the count."""
        parts: list[Part] = [(" ", "text"), (" esc ", "chip_on"), (f" {self.keep}      ", "text")]
        if not self.count:
            return [*parts, (f" {YES} ", "chip_on"), (f" {self.do}", "error")]
        typed = self.typed.ljust(len(str(self.count)), "_")
        return [*parts, ("type ", "text"), (f"{self.count} ⏎ ", "chip_on"),
                (f" {self.do}: ", "error"), (typed, "strong")]  # fmt: skip

    def _lines(self) -> list[list[Part]]:
        return [[(line, "text")] for line in wrap(self.consequence, self.room)]

    def rows_needed(self) -> int:
        """The words and the four lines around them."""
        return self._words.take_height() + 4

    def _is_yes(self, key: str) -> bool:
        if self.count:
            return key == "enter" and self.typed == str(self.count)
        return key == YES

    def on_key(self, event: events.Key) -> None:
        """`y` or the typed count does it; escape, enter, q and n keep it; all else is no answer."""
        event.stop()
        if time.monotonic() - self._opened < OPENING_KEY_S and not self.app.is_headless:
            return
        if self.count and (event.key == "backspace" or (event.character or "").isdigit()):
            typed = self.typed + (event.character or "") if event.key != "backspace" else ""
            self.typed = typed[-len(str(self.count)) :]
            self.query_one(Answers).refresh()
        elif self._is_yes(event.key):
            self.dismiss(True)
        elif event.key in ("escape", "enter", "n", "q", "ctrl+c"):
            self.dismiss(False)


class Answers(Painted):
    """The line with the answers; it changes while a count is typed."""

    def __init__(self, owner: ConfirmDialog) -> None:
        super().__init__(classes="line")
        self._owner = owner

    def render_line(self, y: int) -> Strip:
        """The answers."""
        return self.line(self._owner.answers())
