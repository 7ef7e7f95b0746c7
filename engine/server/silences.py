"""How long the steps of a flow usually print nothing, from the logs of its last good executions.

Looked up only where a step has run for a while and somebody looks, and kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from typing import TYPE_CHECKING

from engine.core.state import Execution
from engine.journal.database import queries
from engine.journal.history import History
from engine.service import Service
from engine.times import from_text

if TYPE_CHECKING:
    from engine.logs.reader import LogReader
    from engine.server.logbook import LogBook

MEASURED = 3  # the last good executions
RECORDS_READ = 20_000  # of one log, from its end
KEPT = 256

Times = dict[str, tuple[int, int]]  # when a step began and ended, in microseconds, by path


class Silences:
    """The longest usual silences of one engine's steps."""

    def __init__(self, service: Service, logs: LogBook) -> None:
        self._service = service
        self._logs = logs
        self._kept: OrderedDict[tuple[int, str], int | None] = OrderedDict()

    async def of(self, ex: Execution, paths: Collection[str]) -> dict[str, int]:
        """The longest silence of each of these steps that its last good executions have known."""
        found: dict[str, int] = {}
        for ord_, id_ in await self._service.reader(lambda history: _last_good(history, ex)):
            unknown = [path for path in paths if (ord_, path) not in self._kept]
            if unknown:
                await self._measure(ord_, id_, unknown)
            for path in paths:
                longest_us = self._kept.get((ord_, path))
                if longest_us is not None:
                    found[path] = max(found.get(path, 0), longest_us)
        return found

    async def _measure(self, ord_: int, id_: str, paths: list[str]) -> None:
        times = await self._service.reader(lambda history: _times(history, ord_, paths))
        log = await self._logs.open(ord_, id_)
        numbers = {number: path for number, (path, _) in log.names.items() if path in times}
        gaps = await log.ask(lambda reader: longest_gaps(reader, numbers, times))
        for path in paths:
            self._kept[ord_, path] = gaps.get(path)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _last_good(history: History, ex: Execution) -> list[tuple[int, str]]:
    rows = history.connection.execute(queries()["last_good"], (ex.flow, ex.ord, MEASURED))
    ords: list[int] = [ord_ for ord_, *_ in rows.fetchall()]  # type: ignore[misc]
    return [(ord_, row["id"]) for ord_, row in zip(ords, history.rows(ords), strict=False)]


def _times(history: History, ord_: int, paths: list[str]) -> Times:
    return {
        step["path"]: (from_text(step["started_at"]), from_text(step["ended_at"]))
        for step in history.execution(ord_)["steps"]
        if step["path"] in paths and step["started_at"] and step["ended_at"]
    }


def longest_gaps(reader: LogReader, numbers: dict[int, str], times: Times) -> dict[str, int]:
    """The longest time without a record of each step, between its begin and its end.

    A step that has printed nothing was silent all the time. Where a log is long, what lies before
    the records that are read says nothing.
    """
    later = {path: ended for path, (_, ended) in times.items()}
    found = dict.fromkeys(times, 0)
    count = reader.index.count
    for number, record in reader.index.backward(count - 1):
        path = numbers.get(record.attempt) if record is not None else None
        if record is not None and path is not None:
            at_us = record.time_ns // 1000
            if times[path][0] <= at_us <= times[path][1]:
                found[path] = max(found[path], later[path] - at_us)
                later[path] = at_us
        if count - number >= RECORDS_READ:
            return found
    return {path: max(gap, later[path] - times[path][0]) for path, gap in found.items()}
