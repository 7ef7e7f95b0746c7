"""A text that is read: lines that scroll by themselves, without a cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from wingman_tui.log_text import cut
from wingman_tui.view import Part
from wingman_tui.widgets.text_lines import TextLines


class TextPane(TextLines[Sequence[Part]]):
    """Lines that somebody else made, for the width that there is."""

    def show(self, lines: Sequence[Sequence[Part]], *, keep_place: bool = False) -> None:
        """Show other lines: from their beginning, or where one was."""
        self.lines = lines
        if not keep_place:
            self.cursor = self.top = 0
        self.top = self._clamped_top(self.top)
        self.refresh()

    def text(self) -> str:
        """All of it as plain text, for whoever copies it."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self.lines)

    def move(self, how: str) -> None:
        """Scroll: down moves the lines, as there is no cursor to see."""
        self.cursor = self.top + (self.page - 1 if how in ("down", "page_down") else 0)
        super().move(how)

    def paint_row(self, index: int, cursor: str) -> Strip:
        """One line."""
        return self.line([(" ", "text"), *cut(self.lines[index], 0, self.size.width - 1)])
