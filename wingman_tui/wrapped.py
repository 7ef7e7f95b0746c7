"""Where one is in a log whose long lines take several rows: a line, and a row of it. Pure.

`rows_at` says how many rows the line at a place takes; held are the places from `first` to `end`.
"""

from __future__ import annotations

from collections.abc import Callable

Spot = tuple[int, int]
RowsAt = Callable[[int], int]


def last_spot(rows_at: RowsAt, first: int, end: int, page: int) -> Spot:
    """The first row in sight when the last one stands at the bottom."""
    left, place = page, end
    while place > first:
        place -= 1
        left -= rows_at(place)
        if left <= 0:
            return place, -left
    return first, 0


def moved(rows_at: RowsAt, first: int, end: int, spot: Spot, by: int) -> Spot:
    """So many rows further down, or up; no further than there are lines."""
    place, row = spot[0], spot[1] + by
    while row < 0 and place > first:
        place -= 1
        row += rows_at(place)
    row = max(0, row)
    while place < end - 1 and row >= rows_at(place):
        row -= rows_at(place)
        place += 1
    return place, min(row, rows_at(place) - 1) if place < end else 0


def in_sight(rows_at: RowsAt, end: int, spot: Spot, page: int) -> range:
    """The places of which at least a row is in sight."""
    place, rows = spot[0], -spot[1]
    while place < end and rows < page:
        rows += rows_at(place)
        place += 1
    return range(spot[0], place)
