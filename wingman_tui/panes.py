"""How the step tree, the details and the log of an execution share the screen. Pure.

Narrow: one below the other. Wide: the log has one side for itself, from top to bottom, as its lines
are the longest and the most; the tree stands on the other side, and the details below it take what
it leaves.
"""

from __future__ import annotations

from typing import NamedTuple

from wingman_tui.terminal import WIDE_COLUMNS

AROUND_ROWS = 3  # where one is, the message, the keys
LOW_ROWS = 20  # fewer are shared by where one is
DETAIL_ROWS = 4
WIDE_DETAIL_ROWS = 9
TREE_ROWS = 3


class Shares(NamedTuple):
    """The lines of tree and details; their columns beside the log, None where they are above it."""

    tree: int
    details: int
    beside: int | None


def shares(columns: int, rows: int, tree_rows: int, *, reads_log: bool) -> Shares:
    """Who gets what; where there are few lines the log takes most of them while one reads in it."""
    room = rows - AROUND_ROWS
    is_low = room < LOW_ROWS
    if columns >= WIDE_COLUMNS:
        details = DETAIL_ROWS if is_low else WIDE_DETAIL_ROWS
        tree = max(TREE_ROWS, min(tree_rows, room - details))
        return Shares(tree, max(1, room - tree), columns // 4 + 20)
    if is_low and reads_log:
        return Shares(1, 2, None)
    return Shares(max(TREE_ROWS, min(tree_rows, room * 2 // 5)), DETAIL_ROWS, None)
