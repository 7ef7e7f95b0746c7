"""The line where a filter, a search or a command is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from wingman_tui.action import Action
from wingman_tui.format import fit
from wingman_tui.widgets.line_edit import LineEdit

Completer = Callable[[str], Sequence[str]]
# what the key bar tells while a line is typed
ENTER = Action("prompt.enter", ("enter",), "apply", "prompt", "Take the line.")
TAB = Action("prompt.tab", ("tab",), "complete", "prompt", "Take the first of what is offered.")
UP = Action("prompt.up", ("up",), "earlier lines", "prompt", "Bring an earlier line back.")
OPEN_ENDED = (":", "=", "/", " ")  # a value follows
LEAVE = Action("prompt.leave", ("escape",), "leave", "prompt", "Change nothing.")


def nothing_offered(text: str) -> Sequence[str]:
    """The completion of a line that has none."""
    return ()


@dataclass
class Cycle:
    """What tab goes through: the offers, each behind the same beginning."""

    head: str
    offers: tuple[str, ...]
    place: int = -1
    taken: str = ""

    def take(self) -> str:
        """The line with the next offer."""
        self.place = (self.place + 1) % len(self.offers)
        self.taken = self.head + self.offers[self.place]
        return self.taken

    def following(self) -> list[str]:
        """What the next tabs take, this one last."""
        return [*self.offers[self.place + 1 :], *self.offers[: self.place + 1]]


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
        self._example = ""
        self._cycle: Cycle | None = None  # what tab goes through

    def begin(
        self,
        label: str,
        text: str,
        submit: Callable[[str], None],
        complete: Completer,
        past: Sequence[str],
        example: str = "",
    ) -> None:
        """Ask for a line; `past` are those that up brings back, the newest last."""
        self._example, self._cycle = example, None
        self.label, self.submit, self.complete, self.past = label, submit, complete, past
        self._place = len(self.past)
        self._completes = complete is not nothing_offered
        self.set_text(text)
        self.is_selected = bool(text)
        self.offer()

    def offer(self) -> None:
        """Show what the last word could become."""
        if self._cycle is not None and self.text == self._cycle.taken:
            return  # what tab has put there
        self._cycle = None
        self._offered = list(self.complete(self.text))
        self._show_offered()

    def _show_offered(self) -> None:
        room = self.app.size.width // 2
        shown = self._offered[:4]
        while len(shown) > 1 and cell_len("  ".join(shown)) > room:
            shown.pop()
        text = "  ".join(shown) if self.text or not self._example else self._example
        self.hint = text if cell_len(text) <= room else fit(text, room)
        self.refresh()

    def hints(self) -> list[Action]:
        """What can be pressed now."""
        offered = [TAB] if self._completes else []
        return [ENTER, *offered, *([UP] if self.past else []), LEAVE]

    def take_offer(self) -> None:
        """Complete the last word with the nearest offer; again at once: with the one after it.

        A word that something must follow, such as `state:`, is completed and what follows offered.
        """
        cycle = self._cycle
        if cycle is None:
            if not self._offered:
                return
            head, space, _ = self.text.rpartition(" ")
            cycle = Cycle(head + space, tuple(self._offered))
        taken = cycle.take()
        self.set_text(taken)
        self._cycle = None
        if len(cycle.offers) == 1 or taken.endswith(OPEN_ENDED):
            self.offer()
            return
        self._cycle = cycle
        self._offered = cycle.following()
        self._show_offered()

    def recall(self, step: int) -> None:
        """Bring an earlier line back."""
        if self.past:
            self._place = max(0, min(len(self.past), self._place + step))
            self.set_text(self.past[self._place] if self._place < len(self.past) else "")
            self.offer()

    def finish(self) -> None:
        """Hand the line over."""
        self.submit(self.text.strip())
