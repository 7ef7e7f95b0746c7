"""The line where a filter, a search or a command is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wingman_tui.widgets.line_edit import LineEdit

Completer = Callable[[str], Sequence[str]]


class Prompt(LineEdit):
    """The line where a filter or a search is typed."""

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.submit: Callable[[str], None] = lambda text: None
        self.complete: Completer = lambda text: ()
        self.live: Callable[[str], None] | None = None  # is shown what is typed so far
        self.past: Sequence[str] = ()
        self._offered: list[str] = []
        self._place = 0

    def begin(
        self,
        label: str,
        text: str,
        submit: Callable[[str], None],
        complete: Completer,
        past: Sequence[str],
    ) -> None:
        """Ask for a line; `past` are those that up brings back, the newest last."""
        self.label, self.submit, self.complete, self.past = label, submit, complete, past
        self._place = len(self.past)
        self.set_text(text)
        self.offer()

    def offer(self) -> None:
        """Show what the last word could become."""
        self._offered = list(self.complete(self.text))
        self.hint = "  ".join(self._offered[:4])[: max(10, self.app.size.width // 2)]
        self.refresh()

    def take_offer(self) -> None:
        """Complete the last word with the nearest offer."""
        if self._offered:
            head, space, _ = self.text.rpartition(" ")
            self.set_text(head + space + self._offered[0])
            self.offer()

    def recall(self, step: int) -> None:
        """Bring an earlier line back."""
        if self.past:
            self._place = max(0, min(len(self.past), self._place + step))
            self.set_text(self.past[self._place] if self._place < len(self.past) else "")
            self.offer()

    def finish(self) -> None:
        """Hand the line over."""
        self.submit(self.text.strip())
