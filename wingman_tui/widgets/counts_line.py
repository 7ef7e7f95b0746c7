"""The line above the list of executions: counts by state, or what is marked, sorted, filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.strip import Strip

from wingman_tui import looks
from wingman_tui.format import count
from wingman_tui.sanitise import clean
from wingman_tui.sorting import NEWEST_FIRST
from wingman_tui.view import Part
from wingman_tui.widgets.painted import Painted

if TYPE_CHECKING:
    from wingman_tui.screens.executions import ExecutionsScreen

COUNT_ORDER = (
    "running",
    "waiting",
    "queued",
    "paused",
    "failed",
    "partial",
    "cancelled",
    "completed",
)


class CountsLine(Painted):
    """How many of each state there are, or what is marked, sorted and filtered for."""

    def __init__(self, screen: ExecutionsScreen) -> None:
        super().__init__()
        self._owner = screen

    def render_line(self, y: int) -> Strip:
        """What narrows or turns the list if anything does, then the counts."""
        window = self.console_app.executions
        parts: list[Part] = [(" ", "text")]
        if self._owner.marked:
            words = f" {count(len(self._owner.marked))} marked "
            parts += [(words, "chip_on"), ("  esc unmarks   ", "muted")]
        # what is on its way is not the order, and not the number, of what is seen
        waits = window.is_asked
        if self._owner.order != NEWEST_FIRST:
            parts.append((self._owner.order.words, "muted" if waits else "strong"))
            parts.append((" …" if waits else "", "muted"))
        if window.of_newest is not None and not waits:
            parts.append((f" of the newest {count(window.of_newest)}", "warning"))
        if len(parts) > 1:
            parts.append(("   ", "text"))
        if self._owner.filter_text:
            more = "" if window.total_exact else "+"
            # of the newest so many: the number stands there already
            found = "" if window.of_newest else f"{count(window.total)}{more} found"
            found = "…" if waits else found
            way = "" if self._owner.marked else "esc shows all"  # else it takes the marks off
            parts += [
                ("filter ", "key"),
                (clean(self._owner.filter_text), "strong"),
                ("  " + ", ".join(words for words in (found, way) if words), "muted"),
            ]
            return self.line(parts)
        taken = sum(len(text) for text, _ in parts[1:])
        return self.line([*parts, *self._counts(window.counts, self.size.width - taken)])

    def _counts(self, counts: dict[str, int], cells: int) -> list[Part]:
        """Each state's number and word; without the words where they do not fit."""
        found = [(looks.look_of(state), counts.get(state, 0)) for state in COUNT_ORDER]
        signs = [
            (f"{look.sign(self.view.ascii_only)} {count(number)}", look)
            for look, number in found
            if number
        ]
        long = [(f"{text} {look.word}   ", look.role) for text, look in signs]
        if sum(len(text) for text, _ in long) <= cells:
            return long
        short = [(f"{text}   ", look.role) for text, look in signs]
        while short and sum(len(text) for text, _ in short) - 3 > cells - 1:
            short.pop()  # what ended well comes last; half a number would be a wrong one
        return short
