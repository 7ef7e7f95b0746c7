"""A table over rows that somebody else holds, of which it may see only a window.

Columns are as wide as what is seen in them needs, and give way where it is narrow
(`column_layout`). A painted row is kept until its data, the columns, selection, theme or (while it
is live) the second changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from textual.strip import Strip

from wingman_tui.column_layout import GAP, MARGIN, Column, Row, grown, lay_out
from wingman_tui.format import fit, fit_right
from wingman_tui.looks import ELLIPSIS
from wingman_tui.view import Part
from wingman_tui.widgets.line_list import LineList

KEPT_LIMIT = 2_000


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
        self._needs: dict[str, int] = {}  # what the rows seen so far take of each column
        self._is_another = True  # list than the one that the needs are of

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

    def rows_changed(self) -> None:
        """Find the rows again; the columns fit what stands in another list from now on."""
        super().rows_changed()
        if self._is_another and self.row_count():
            self._is_another = False
            self._needs = {}
            self._grow()

    def shows_another(self) -> None:
        """Another list comes: its columns need not be as wide as this one's."""
        self._is_another = True

    def _grow(self, rows: Sequence[Row] | None = None) -> None:
        """Give the columns what these rows take, else all that are visible."""
        needs = grown(self._needs, self.columns, rows or self.visible_rows(), self.view)
        if needs != self._needs:
            self._needs = needs
            self._layout_width = -1
            self._kept.clear()
            self.refresh()

    def shows(self, title: str) -> bool:
        """Whether there is room for a column."""
        return any(column.title == title for column, _ in self._columns())

    def repaint_key(self, key: str) -> None:
        """Something beside its data has changed that a row shows."""
        for name in [name for name in self._kept if name[0] == key]:
            del self._kept[name]
        self.rows_updated({key})

    def visible_rows(self) -> list[Row]:
        """The rows in sight, as far as they are held."""
        keys = map(self.row_key, range(self.top, min(self.top + self.page, self.row_count())))
        rows = (self.source.row(key) for key in keys if key is not None)
        return [row for row in rows if row is not None]

    def _columns(self) -> list[tuple[Column, int]]:
        if self._layout_width != self.size.width:
            self._layout_width = self.size.width
            self._layout = lay_out(self.columns, self.size.width, self._needs)
        return self._layout

    def _fills_a_column(self, row: Row) -> bool:
        """Whether it has the first word for a column in which there was nothing."""
        absent = (column for column in self.columns if not column.is_there(self._needs))
        return any(column.need_of(row, self.view) for column in absent)

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
        is_cut = False
        for column, width in self._columns():
            cell = column.cell(row, self.view, width)
            is_cut |= column.is_elastic and any(ELLIPSIS in text for text, _ in cell)
            parts += cell
            parts.append((" " * GAP, "text"))
        if is_cut or self._fills_a_column(row):
            self.call_after_refresh(self._grow, (row,))
        if stale:
            parts = [(text, "muted") for text, _ in parts]
        return self.line(parts, cursor)
