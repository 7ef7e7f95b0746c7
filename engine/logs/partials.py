"""Which lines of a log may still grow: of each attempt and stream the one its last record ends in.

Found once for all who follow a log: only records that have come since the last look are read.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.logs.format import GAP, PARTIAL, Record
from engine.logs.index import Index
from engine.logs.scan import LOOK_RECORDS, Scanner


class Partials:
    """The records of one execution's log in which a line begins that does not end there."""

    def __init__(self, index: Index, scanner: Scanner) -> None:
        self._index = index
        self._scanner = scanner
        self._seen = 0  # how many records were looked at
        self._last: dict[tuple[int, int], tuple[int, Record]] = {}

    def since(self, start: int, stop: int) -> Iterator[tuple[int, Record]]:
        """Those from a record on, where `stop` records are there now."""
        self._look(stop)
        return ((number, record) for number, record in self._last.values() if number >= start)

    def _look(self, stop: int) -> None:
        if stop < self._seen:  # a log that has become shorter
            self._seen = 0
            self._last.clear()
        for number, record in self._index.forward(max(self._seen, stop - LOOK_RECORDS), stop):
            if record is None or record.flags & GAP:
                continue
            key = (record.attempt, record.stream)
            if not record.flags & PARTIAL:
                self._last.pop(key, None)
            elif record.lines or not self._scanner.continues_another(number, record):
                self._last[key] = (number, record)
        self._seen = stop
