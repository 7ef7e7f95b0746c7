"""Which columns of a table fit, and how wide each is: by what stands in them. Pure.

Used by the tables. A column takes the room that its cells need, up to a limit of its own; where
there is too little, the least important one leaves, and those that stay give way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from wingman_tui.view import Part, View

Row = Mapping[str, Any]
Needs = Mapping[str, int]  # by title, the cells that the widest cell seen so far would take
GAP = 2
MARGIN = 1
IMPORTANT = 2  # columns of this priority stay while others can be squeezed
NOTHING_SEEN: Needs = {}


@dataclass(frozen=True)
class Column:
    """One column: its cell as parts that together fill the given width."""

    title: str
    width: int  # what it usually has, and wants before a less important one may stay
    cell: Callable[[Row, View, int], Sequence[Part]]
    priority: int = 0  # 0 never goes; the highest number goes first
    grow_to: int = 0  # takes what its cells need up to this width
    least: int = 0  # may be squeezed to this width
    ample: int = 0  # one that yields leaves while this one needs more, up to this width
    yields: bool = False
    right: bool = False
    snug: bool = False  # takes less than its width where its cells need less
    sparse: bool = False  # not there until something is seen in it

    @property
    def limit(self) -> int:
        """The most that it takes."""
        return max(self.width, self.grow_to)

    @property
    def is_elastic(self) -> bool:
        """Whether its width follows what stands in it."""
        return self.snug or self.grow_to > 0

    def is_there(self, needs: Needs) -> bool:
        """Whether it may stand: there is, or may be, something in it."""
        return not self.sparse or needs.get(self.title, 0) > 0

    def need_of(self, row: Row, view: View) -> int:
        """The cells that a row's text would take here, as far as it may."""
        text = "".join(text for text, _ in self.cell(row, view, self.limit))
        cells = cell_len(text.strip())
        return min(self.limit, cells + cells % 2)  # so that one character more moves nothing

    def wanted(self, needs: Needs) -> int:
        """The width that shows all that was seen."""
        if not self.is_elastic or self.title not in needs:
            return self.width
        return max(len(self.title), min(self.limit, needs[self.title]))


def lay_out(
    columns: Sequence[Column], width: int, needs: Needs = NOTHING_SEEN
) -> list[tuple[Column, int]]:
    """The columns that fit, each with its width: the least important leave, the rest grow."""
    room = width - 2 * MARGIN
    kept = _kept([column for column in columns if column.is_there(needs)], room, needs)
    widths = {column.title: _base(column, needs) for column in kept}
    free = room - sum(widths.values()) - GAP * (len(kept) - 1)
    while free < 0:
        able = [column for column in kept if widths[column.title] > _least(column, needs)]
        if not able:
            break
        # the least important gives first; of those alike who has most
        giver = max(able, key=lambda column: (column.priority, widths[column.title]))
        widths[giver.title] -= 1
        free += 1
    for column in kept:
        extra = max(0, min(free, column.wanted(needs) - widths[column.title]))
        widths[column.title] += extra
        free -= extra
    if free > 0 and kept[-1].grow_to:  # nothing stands beside it that could move
        widths[kept[-1].title] = min(kept[-1].limit, widths[kept[-1].title] + free)
    return [(column, widths[column.title]) for column in kept]


def _kept(columns: Sequence[Column], room: int, needs: Needs) -> list[Column]:
    """The columns that stay, the important ones before others get what they want."""
    kept = list(columns)
    while len(kept) > 1:
        last = max(kept, key=lambda column: column.priority)
        giving = kept if last.priority <= IMPORTANT else [last]
        if not last.priority or _needed(kept, needs, giving) + _more(kept, needs, last) <= room:
            break
        kept.remove(last)
    # a small one may fit where a large one that matters more did not, and cut nothing
    for column in sorted(columns, key=lambda column: column.priority):
        wanted = [*kept, column]
        cells = sum(each.wanted(needs) for each in wanted) + GAP * (len(wanted) - 1)
        if column not in kept and cells <= room:
            kept.append(column)
    return [column for column in columns if column in kept]


def _base(column: Column, needs: Needs) -> int:
    """What it has before free room is shared."""
    return min(column.width, column.wanted(needs))


def _least(column: Column, needs: Needs) -> int:
    base = _base(column, needs)
    return min(base, column.least or base)


def _needed(kept: Sequence[Column], needs: Needs, giving: Iterable[Column]) -> int:
    squeezed = {column.title for column in giving}
    widths = [_least(c, needs) if c.title in squeezed else _base(c, needs) for c in kept]
    return sum(widths) + GAP * (len(kept) - 1)


def _more(kept: Sequence[Column], needs: Needs, last: Column) -> int:
    """What those to which the last one yields want beyond their base."""
    if not last.yields:
        return 0
    return sum(max(0, min(c.ample, c.wanted(needs)) - _base(c, needs)) for c in kept if c.ample)


def grown(
    needs: Needs, columns: Sequence[Column], rows: Iterable[Row], view: View
) -> dict[str, int]:
    """The needs with those of more rows: a column grows, and never shrinks under the eye."""
    found = dict(needs)
    counted = [column for column in columns if column.is_elastic or column.sparse]
    for row in rows:
        for column in counted:
            need = column.need_of(row, view)
            if need > found.get(column.title, -1):
                found[column.title] = need
    return found
