"""A table that fits: columns as wide as their cells, the roomy ones shrunk first. Pure."""

from __future__ import annotations

from engine.cli.terminal import cells, cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

GAP = 2
BESIDE = 34  # what is told beside a command needs so many columns


class Column:
    """One column: `shrink` 0 never shrinks; of the others the highest gives way first.

    It shrinks to `least` columns, and is left out if even that is too much and `may_go`.
    """

    def __init__(
        self,
        title: str,
        *,
        shrink: int = 0,
        least: int = 8,
        right: bool = False,
        middle: bool = False,
        may_go: bool = False,
        paint: Callable[[str], str] | None = None,
    ) -> None:
        self.title = title
        self.shrink = shrink
        self.least = least
        self.right = right
        self.middle = middle
        self.may_go = may_go
        self.paint = paint


def lay_out(columns: list[Column], rows: list[list[str]], width: int) -> list[str]:
    """The table's lines, its titles first; columns in which no row says anything are left out."""
    kept = [i for i, _ in enumerate(columns) if any(row[i] for row in rows) or not rows]
    widths = {i: max(cells(columns[i].title), *(cells(row[i]) for row in rows), 0) for i in kept}
    _fit(columns, widths, width)
    titles = _line(columns, widths, [column.title for column in columns], paint=False)
    return [titles, *(_line(columns, widths, row, paint=True) for row in rows)]


def beside(rows: list[tuple[str, str]], width: int) -> list[str]:
    """Commands or options with what each does beside them, broken between words where they must be.

    One that is so long that little room is left beside it has its words on the next line.
    """
    lefts = [cells(left) for left, _ in rows]
    room = max((n for n in lefts if n + GAP + BESIDE <= width), default=0)
    lines = []
    for (left, right), taken in zip(rows, lefts, strict=True):
        if taken + GAP + cells(right) <= max(width, room) and taken > room:
            lines.append(f"{left}{' ' * GAP}{right}")
            continue
        first, *rest = broken(right, width - room - GAP)
        if taken > room:
            lines.append(left)
            left, taken = "", 0
        lines.append(f"{left}{' ' * (room - taken + GAP)}{first}")
        lines += [f"{'':{room + GAP}}{text}" for text in rest]
    return lines


def broken(text: str, width: int) -> list[str]:
    """`text` in lines of at most so many columns, broken between words; one line at least."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and cells(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _fit(columns: list[Column], widths: dict[int, int], width: int) -> None:
    """Take columns from the widths, or whole columns, until a line fits."""
    by_shrink = sorted(widths, key=lambda i: -columns[i].shrink)
    for i in by_shrink:
        too_many = sum(widths.values()) + GAP * (len(widths) - 1) - width
        if too_many <= 0:
            return
        if columns[i].shrink:
            widths[i] = max(min(columns[i].least, widths[i]), widths[i] - too_many)
    for i in by_shrink:
        if sum(widths.values()) + GAP * (len(widths) - 1) <= width:
            return
        if columns[i].may_go:
            del widths[i]


def _line(columns: list[Column], widths: dict[int, int], row: list[str], *, paint: bool) -> str:
    parts = []
    last = max(widths, default=0)
    for i, room in widths.items():
        column = columns[i]
        text = cut(row[i], room, middle=column.middle)
        blank = " " * (room - cells(text))
        coloured = column.paint(text) if paint and column.paint and text else text
        if column.right:
            parts.append(blank + coloured)
        else:
            parts.append(coloured if i == last else coloured + blank)
    return (" " * GAP).join(parts).rstrip()
