"""When each try of each step began and ended, as the journal has it; for `insight/attempts.py`."""

from __future__ import annotations

from engine.insight.attempts import Row
from engine.journal.database import queries
from engine.journal.history import History


def run_rows(history: History, ord_: int) -> list[Row]:
    """(at, type, step, state, began, ended, error's type, attempt) of one execution, in order."""
    rows: list[Row] = list(history.connection.execute(queries()["runs_of"], (ord_,)))
    return rows
