"""The lines of a text, as a list of which nothing but their number tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from wingman_tui.widgets.line_list import LineList

Line = TypeVar("Line")


class TextLines(LineList, Generic[Line]):
    """Lines that somebody else made; a subclass paints them."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: Sequence[Line] = ()

    def row_count(self) -> int:
        """How long the text is."""
        return len(self.lines)

    def row_key(self, index: int) -> str | None:
        """Lines have no key but their number."""
        return str(index)

    def index_of(self, key: str) -> int | None:
        """The line of a number."""
        return int(key)
