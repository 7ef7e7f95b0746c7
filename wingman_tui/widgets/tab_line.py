"""The parts of a mode by name in one line, the open one marked; each can be clicked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.strip import Strip

from wingman_tui.view import Part
from wingman_tui.widgets.painted import Painted


class TabLine(Painted):
    """Names of parts, of which one is open."""

    def __init__(
        self, tabs: Sequence[str], current: Callable[[], str], choose: Callable[[str], None]
    ) -> None:
        super().__init__(classes="line")
        self._tabs = tabs
        self._current = current
        self._choose = choose

    def render_line(self, y: int) -> Strip:
        """Each name."""
        between = " " * self._gap()
        parts: list[Part] = [(" ", "text")]
        for tab in self._tabs:
            role = "chip_on" if tab == self._current() else "chip"
            parts += [(f" {tab} ", role), (between, "text")]
        return self.line(parts)

    def _gap(self) -> int:
        """The cells between two names: none where they would not fit."""
        needed = sum(len(tab) + 3 for tab in self._tabs)
        return 1 if needed <= self.size.width else 0

    def on_click(self, event: events.Click) -> None:
        """Open what was clicked on."""
        at = 1
        for tab in self._tabs:
            width = len(tab) + 2
            if at <= event.x < at + width:
                self._choose(tab)
            at += width + self._gap()

    def step(self, by: int) -> str:
        """The part so many places on, around the end."""
        return self._tabs[(self._tabs.index(self._current()) + by) % len(self._tabs)]
