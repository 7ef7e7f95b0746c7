"""What the last good executions of a flow took. Called with a `History`, as its own methods are."""

from __future__ import annotations

import statistics
from collections import OrderedDict

from engine.insight.forecast import Usual
from engine.journal.database import queries
from engine.journal.history import NEWEST, History
from engine.jsontext import encode

MEASURED = 20  # executions
LEAST_MEASURED = 3  # also of flows with very many steps
MEASURED_STEPS = 5_000  # steps that are read at the most beyond those
KEPT = 64  # answers


class UsualRows:
    """Answers, kept as long as no other execution of the flow has completed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[tuple[int, int], ...], Usual] = OrderedDict()

    def of(self, history: History, flow: str, before: int | None = None) -> Usual:
        """The medians of the last good executions of a flow below the key `before`."""
        sql = queries()["last_good"]
        values = (flow, NEWEST if before is None else before, MEASURED)
        rows = list(history.connection.execute(sql, values))
        rows = rows[: _how_many([total for _, _, total in rows])]
        if not rows:
            return Usual()
        key = tuple((ord_, total) for ord_, _, total in rows)
        usual = self._kept.get(key)
        if usual is None:
            whole = statistics.median(duration or 0 for _, duration, _ in rows)
            usual = self._kept[key] = Usual(whole, _steps(history, key), len(rows))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return usual


def pool_waits(history: History, ord_: int) -> dict[str, str]:
    """The pool that each step of an execution has waited for, by path."""
    rows = history.connection.execute(queries()["pool_waits"], (ord_,))
    return {path: pool for path, pool in rows if pool}


def _how_many(totals: list[int]) -> int:
    """How many executions are measured, by how many steps they have."""
    seen = 0
    for n, total in enumerate(totals):
        seen += total
        if n >= LEAST_MEASURED and seen > MEASURED_STEPS:
            return n
    return len(totals)


def _steps(history: History, key: tuple[tuple[int, int], ...]) -> dict[str, float]:
    times: dict[str, list[int]] = {}
    sql = queries()["usual_steps"]
    for path, duration_ms in history.connection.execute(sql, (encode(key).decode(),)):
        if duration_ms is not None:
            times.setdefault(path, []).append(duration_ms)
    return {path: statistics.median(values) for path, values in times.items()}
