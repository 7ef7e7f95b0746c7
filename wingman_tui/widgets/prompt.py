"""The line where a filter, a search or a command is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from wingman_tui.action import Action
from wingman_tui.format import fit
from wingman_tui.widgets.line_edit import LineEdit

Completer = Callable[[str], Sequence[str]]
# what the key bar tells while a line is typed
ENTER = Action("prompt.enter", ("enter",), "apply", "prompt", "Take the line.")
TAB = Action("prompt.tab", ("tab",), "complete", "prompt", "Take the first of what is offered.")
UP = Action("prompt.up", ("up",), "earlier lines", "prompt", "Bring an earlier line back.")
LEAVE = Action("prompt.leave", ("escape",), "leave", "prompt", "Change nothing.")


def nothing_offered(text: str) -> Sequence[str]:
    """The completion of a line that has none."""
    return ()


class Prompt(LineEdit):
    """The line where a filter or a search is typed."""

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.submit: Callable[[str], None] = lambda text: None
        self.complete: Completer = nothing_offered
        self.live: Callable[[str], None] | None = None  # is shown what is typed so far
        self.past: Sequence[str] = ()
        self._offered: list[str] = []
        self._completes = False
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
        self._completes = complete is not nothing_offered
        self.set_text(text)
        self.offer()

    def offer(self) -> None:
        """Show what the last word could become."""
        self._offered = list(self.complete(self.text))
        room = self.app.size.width // 2
        shown = self._offered[:4]
        while len(shown) > 1 and cell_len("  ".join(shown)) > room:
            shown.pop()
        text = "  ".join(shown)
        self.hint = text if cell_len(text) <= room else fit(text, room)
        self.refresh()

    def hints(self) -> list[Action]:
        """What can be pressed now."""
        offered = [TAB] if self._completes else []
        return [ENTER, *offered, *([UP] if self.past else []), LEAVE]

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
