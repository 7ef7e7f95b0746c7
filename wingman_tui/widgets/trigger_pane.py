"""Of the selected trigger: what holds it up, then its ledger or its next moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from textual import events
from textual.strip import Strip

from wingman_tui.log_text import cut
from wingman_tui.triggers import head_lines, ledger_lines, moment_lines
from wingman_tui.view import Part
from wingman_tui.widgets.text_pane import TextPane

Row = Mapping[str, Any]


class Shown(NamedTuple):
    """A trigger, its occasions, and its moments to come where these are shown instead."""

    trigger: Row
    occasions: Sequence[Row]
    moments: Sequence[Row] | None


class TriggerPane(TextPane):
    """Lines under a head that stays, read with the keys that scroll."""

    header_rows = 1

    def __init__(self, shown: Callable[[], Shown | None], older: Callable[[], None]) -> None:
        """`shown` gives what is selected; `older` has more of its ledger fetched."""
        super().__init__(id="trigger-panel")
        self._shown = shown
        self._older = older
        self._head: list[Part] = []
        self._name = ""

    def fill(self) -> None:
        """Show what is known now: of the same trigger where one was, of another from the top."""
        shown = self._shown()
        name = "" if shown is None else str(shown.trigger["name"])
        head, *lines = self._lines(shown) if shown is not None else [[]]
        self._head = head
        self.show(lines, keep_place=name == self._name)
        self._name = name

    def _lines(self, shown: Shown) -> list[list[Part]]:
        width = self.size.width
        head = head_lines(shown.trigger, self.view, width)
        if shown.moments is not None:
            return head + moment_lines(shown.moments)
        return head + ledger_lines(shown.occasions, self.view, width)

    def paint_header(self, y: int) -> Strip:
        """The name after a mark that tells where the keys go, then a line to the edge."""
        if not self._head:
            return self.blank()
        (name, role), *rest = self._head
        mark = self.view.glyph("▌", "#") if self.has_focus else " "
        parts: list[Part] = [(mark, "focus"), (name[1:], "focus" if self.has_focus else role)]
        return self.line(self.view.headed([*parts, *rest], self.size.width))

    def paint_row(self, index: int, cursor: str) -> Strip:
        """One line: its margin is its own."""
        return self.line(cut(self.lines[index], 0, self.size.width))

    def on_resize(self) -> None:
        """The lines are made for a width."""
        self.fill()

    def _after_move(self) -> None:
        super()._after_move()
        if self.top + 2 * self.page >= self.row_count():
            self._older()

    def _set_focused(self, event: events.Event, has_focus: bool) -> None:
        super()._set_focused(event, has_focus)
        self.repaint_line(0)
