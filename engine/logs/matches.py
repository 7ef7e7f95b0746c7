"""Counts the lines that a search finds, a slice at a time, and tells which of them one line is.

Called by the engine's search windows, on a thread. Counting begins at the log's beginning, goes on
as the log grows, and ends at a limit: who sees a hundred thousand matches wants another search.
"""

from __future__ import annotations

import time
from array import array
from typing import TYPE_CHECKING

from engine.logs.format import PARTIAL, Record
from engine.logs.lines import Cursor, Filter
from engine.logs.scan import LOOK_RECORDS

if TYPE_CHECKING:
    from engine.logs.reader import LogReader

MATCHES_LIMIT = 100_000
CHUNK_RECORDS = 16  # records with one count: a rank looks through no more than these


class MatchCounter:
    """How many lines of one log a filter takes."""

    def __init__(self, reader: LogReader, wanted: Filter, limit: int = MATCHES_LIMIT) -> None:
        self._reader = reader
        self._wanted = wanted
        self._limit = limit
        self._chunks = array("Q")
        self._next = 0  # the first record that was not looked at
        self._open: dict[int, int] = {}  # records whose last line goes on: matches counted in each
        self.total = 0
        self.counted = False  # all that was there at the last call

    @property
    def is_full(self) -> bool:
        """True when the limit ended the counting."""
        return self.total >= self._limit

    def advance(self, within_s: float) -> bool:
        """Count on for so long; True when all that is there is counted, or the limit is reached."""
        if self.is_full:
            return True
        stop, began_s = self._reader.index.count, time.perf_counter()
        if self._next < stop:
            self._recount_open()
        for number, record, look in self._reader.worth_a_look(self._next, stop, self._wanted):
            if look:
                self._add(number, self._matches(number, record, stop))
            self._next = number + 1
            if self.is_full or time.perf_counter() - began_s >= within_s:
                self.counted = self.is_full
                return self.counted
        self._next = max(self._next, stop)
        self.counted = True
        return True

    def rank(self, cursor: Cursor) -> int | None:
        """Which match the line of a cursor is, from 1; None where counting has not come yet."""
        if cursor.record >= self._next:
            return None
        chunk = cursor.record // CHUNK_RECORDS
        before = sum(self._chunks[:chunk])
        start = chunk * CHUNK_RECORDS
        scanner, wanted = self._reader.scanner, self._wanted
        for number, record in self._reader.index.forward(start, cursor.record + 1):
            if self._reader.takes_record(record, wanted):
                high = cursor.line + 1 if number == cursor.record else 1 << 31
                before += len(scanner.lines(number, record, wanted, high=high))
        return before

    def _matches(self, number: int, record: Record | None, stop: int) -> int:
        found = len(self._reader.scanner.lines(number, record, self._wanted))
        if record is not None and number >= stop - LOOK_RECORDS and self._goes_on(number, record):
            self._open[number] = found
        return found

    def _goes_on(self, number: int, record: Record) -> bool:
        """True when a record's last line has no end yet."""
        if not record.flags & PARTIAL:
            return False
        data = self._reader.blocks.read(record)
        if not isinstance(data, bytes):
            return False
        tail = data[data.rfind(b"\n") + 1 :]
        return self._reader.scanner.join(record, tail, number + 1).open

    def _recount_open(self) -> None:
        """Lines that were not whole when they were looked at may match by now."""
        before, self._open = self._open, {}
        for number, counted in before.items():
            record = self._reader.index.get(number)
            self._add(number, self._matches(number, record, self._reader.index.count) - counted)

    def _add(self, number: int, matches: int) -> None:
        chunk = number // CHUNK_RECORDS
        if matches:
            if chunk >= len(self._chunks):
                self._chunks.extend([0] * (chunk + 1 - len(self._chunks)))
            self._chunks[chunk] += matches
            self.total += matches
