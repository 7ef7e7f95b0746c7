"""A table over rows that somebody else holds, of which it may see only a window.

Columns give way by priority where it is narrow; the name shrinks first, in its middle. A painted
row is kept until its data, width, selection, theme or (while it is live) the second changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from textual.strip import Strip

from wingman_tui.format import fit, fit_right
from wingman_tui.view import Part, View
from wingman_tui.widgets.line_list import LineList

Row = Mapping[str, Any]
GAP = 2
MARGIN = 1
KEPT_LIMIT = 2_000
IMPORTANT = 2  # columns of this priority stay while names can give way


class RowSource(Protocol):
    """Where the rows are: all of them counted, some of them held."""

    @property
    def total(self) -> int:
        """How many there are."""

    def key_at(self, index: int) -> str | None:
        """The key at a place; None when it is not held."""

    def index_of(self, key: str) -> int | None:
        """The place of a key; None when it is not held."""

    def row(self, key: str) -> Row | None:
        """The row of a key."""


@dataclass(frozen=True)
class Column:
    """One column: its cell as parts that together fill the given width."""

    title: str
    width: int
    cell: Callable[[Row, View, int], Sequence[Part]]
    priority: int = 0  # 0 never goes; the highest number goes first
    grow_to: int = 0  # takes free room up to this width
    least: int = 0  # may be squeezed to this width
    right: bool = False


def lay_out(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns that fit, each with its width: the least important leave, the rest grow."""
    kept = list(columns)
    room = width - 2 * MARGIN
    while len(kept) > 1:
        last = max(kept, key=lambda column: column.priority)
        # an ordinary column goes before a name gives way, an important one after
        if _needed(kept, squeezed=last.priority <= IMPORTANT) <= room or not last.priority:
            break
        kept.remove(last)
    free = room - _needed(kept)
    out = []
    for column in kept:
        least = min(0, (column.least or column.width) - column.width)
        extra = max(free, least) if free < 0 else max(0, min(free, column.grow_to - column.width))
        free -= extra
        out.append((column, column.width + extra))
    return out


def _needed(columns: Sequence[Column], squeezed: bool = False) -> int:
    widths = [column.least or column.width if squeezed else column.width for column in columns]
    return sum(widths) + GAP * (len(columns) - 1)


class LiveTable(LineList):
    """Rows by key from a source, in columns."""

    header_rows = 1

    def __init__(
        self,
        source: RowSource,
        columns: Sequence[Column],
        *,
        is_live: Callable[[Row], bool] = lambda row: False,
        is_marked: Callable[[str], bool] = lambda key: False,
        is_stale: Callable[[Row], bool] = lambda row: False,
        on_view: Callable[[int, int], None] = lambda first, count: None,
        empty: Callable[[], Sequence[Sequence[Part]]] = lambda: (),
        id: str | None = None,
    ) -> None:
        """`on_view` is told which rows are looked at; `is_live` rows change with the clock."""
        super().__init__(id=id)
        self.source = source
        self.columns = columns
        self._is_live = is_live
        self._is_marked = is_marked
        self._is_stale = is_stale
        self._on_view = on_view
        self._empty = empty
        self._kept: dict[tuple[Any, ...], tuple[Row, Strip]] = {}
        self._layout: list[tuple[Column, int]] = []
        self._layout_width = -1

    def row_count(self) -> int:
        """All rows, held or not."""
        return self.source.total

    def row_key(self, index: int) -> str | None:
        """The key of a row."""
        return self.source.key_at(index)

    def index_of(self, key: str) -> int | None:
        """The row of a key."""
        return self.source.index_of(key)

    @property
    def selected(self) -> Row | None:
        """The row under the cursor, if it is held."""
        key = self.source.key_at(self.cursor) if self.source.total else None
        return self.source.row(key) if key is not None else None

    def rows_updated(self, keys: set[str]) -> None:
        """These rows have new data: paint those that are visible."""
        for index in range(self.top, min(self.top + self.page, self.row_count())):
            if self.row_key(index) in keys:
                self.repaint_row(index)

    def tick(self) -> bool:
        """The clock moved: paint the live rows; False when none is visible."""
        any_live = False
        for index in range(self.top, min(self.top + self.page, self.row_count())):
            key = self.row_key(index)
            row = self.source.row(key) if key is not None else None
            if row is not None and self._is_live(row):
                any_live = True
                self.repaint_row(index)
        return any_live

    def _after_move(self) -> None:
        super()._after_move()
        self._on_view(self.top, self.page)

    def _columns(self) -> list[tuple[Column, int]]:
        if self._layout_width != self.size.width:
            self._layout_width = self.size.width
            self._layout = lay_out(self.columns, self.size.width)
        return self._layout

    def paint_header(self, y: int) -> Strip:
        """The titles."""
        parts: list[Part] = [(" " * MARGIN, "heading")]
        for column, width in self._columns():
            title = fit_right(column.title, width) if column.right else fit(column.title, width)
            parts += [(title, "heading"), (" " * GAP, "heading")]
        return self.line(parts)

    def paint_empty(self, y: int) -> Strip:
        """What is said when there is nothing to show."""
        lines = self._empty()
        return self.line(lines[y]) if y < len(lines) else self.blank()

    def paint_row(self, index: int, cursor: str) -> Strip:
        """A row, from those kept where nothing has changed."""
        key = self.source.key_at(index)
        row = self.source.row(key) if key is not None else None
        if row is None:
            return self.line([(" " * MARGIN + "…", "muted")], cursor)
        second = int(self.view.now()) if self._is_live(row) else 0
        marked = key is not None and self._is_marked(key)
        stale = self._is_stale(row)
        name = (key, self.size.width, cursor, self.view.serial, second, marked, stale)
        kept = self._kept.get(name)
        if kept is not None and kept[0] is row:
            return kept[1]
        strip = self._painted(row, cursor, marked, stale)
        if len(self._kept) >= KEPT_LIMIT:
            self._kept.clear()
        self._kept[name] = (row, strip)
        return strip

    def _painted(self, row: Row, cursor: str, marked: bool, stale: bool) -> Strip:
        sign = self.view.glyph("▌", "*") if marked else " "
        parts: list[Part] = [(sign.ljust(MARGIN), "focus" if marked else "text")]
        for column, width in self._columns():
            parts += column.cell(row, self.view, width)
            parts.append((" " * GAP, "text"))
        if stale:
            parts = [(text, "muted") for text, _ in parts]
        return self.line(parts, cursor)
