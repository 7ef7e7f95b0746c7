"""What is told by one message: the rows of `bundle_of`, and which of them are over. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.alerts.messages import Alert
from engine.journal.database import queries
from engine.journal.history import History

Row = tuple[Any, ...]  # id, flow, number, occasion, title, text, at, execution
ID, FLOW, OCCASION, EXECUTION = 0, 1, 3, 7


def alerts_of(rows: Sequence[Row]) -> list[Alert]:
    """Rows as messages know them."""
    return [Alert(*row[:EXECUTION]) for row in rows]


def over(history: History, rows: Sequence[Row]) -> set[int]:
    """Of what quiet hours held back, that which nobody needs to hear of any more.

    A failure of a flow that has completed since, with the word of its recovery; something that ran
    long and has ended; something that was queued long and has started.
    """
    found = {row[ID] for row in rows if _is_over(history, row)}
    healed = {row[FLOW] for row in rows if row[ID] in found and row[OCCASION] in FAILURES}
    found |= {row[ID] for row in rows if row[OCCASION] == "recovered" and row[FLOW] in healed}
    return found


FAILURES = ("failed", "partial", "cancelled")


def _is_over(history: History, row: Row) -> bool:
    execution, occasion = row[EXECUTION], row[OCCASION]
    if occasion in FAILURES:
        return bool(_one(history, "is_over", execution, row[FLOW]))
    if execution is None:
        return False
    if occasion == "long_running":
        return str(_one(history, "state_of", execution)) not in ("running", "paused")
    if occasion == "not_started":
        return str(_one(history, "state_of", execution)) != "queued"
    return False


def _one(history: History, name: str, *values: Any) -> Any:
    return history.connection.execute(queries()[name], values).get
