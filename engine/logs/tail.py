"""A window on the end of a growing log: what the feed's log window and `logs -f` show.

`snapshot` gives the last lines, each `advance` what has come since. A line whose end is not written
yet is given at once and again when it has grown, under the same cursor; with `whole_lines` it waits
until it has ended (`finish` gives what never did, of attempts that are over).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.logs.format import CONTINUES, PARTIAL, Record
from engine.logs.levels import level_of
from engine.logs.lines import Cursor, Filter, Line
from engine.logs.scan import LOOK_RECORDS, Joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.logs.reader import LogReader, Page


class Growth(NamedTuple):
    """What has come: lines in order, and how many were left out before them."""

    lines: list[Line]
    skipped: int


class OpenLine(NamedTuple):
    """A line whose end has not come yet."""

    cursor: Cursor
    record: Record
    joined: Joined


class Tail:
    """Follows the end of one log through one filter."""

    def __init__(
        self, reader: LogReader, wanted: Filter, limit: int, *, whole_lines: bool = False
    ) -> None:
        self._reader = reader
        self._wanted = wanted
        self._limit = limit
        self._whole_lines = whole_lines
        self._next = 0  # the first record that was not looked at
        self._open: dict[tuple[int, int], OpenLine] = {}

    def snapshot(self, budget_bytes: int | None = None) -> Page:
        """The last lines there are; what comes later is for `advance`.

        Not `done`, the budget was spent first: `page_back` goes on from its `before`.
        """
        self.begin_at_end()
        page = self._reader.page_back(
            self._wanted, self._limit, Cursor(self._next, 0), budget_bytes=budget_bytes
        )
        if self._whole_lines:
            page = page._replace(lines=[line for line in page.lines if not line.open])
        return page

    def begin_at_end(self) -> int:
        """Take what is there as seen; how many records that is."""
        self._next = self._reader.index.count
        self._open.clear()
        self._remember_open(max(0, self._next - LOOK_RECORDS), self._next)
        return self._next

    def advance(self, limit: int | None = None) -> Growth:
        """What was written since the last call; at most `limit` lines, else the window's."""
        limit, stop = limit or self._limit, self._reader.index.count
        start, skipped = self._start(self._next, stop, limit)
        lines = self._grown_lines(stop)
        self._remember_open(self._next, stop)
        for number, record in self._reader.index.forward(start, stop):
            if not self._reader.takes_record(record, self._wanted):
                continue
            found = self._reader.scanner.lines(number, record, self._wanted)
            lines += [line for line in found if not (self._whole_lines and line.open)]
            if len(lines) > 4 * limit:
                skipped += len(lines) - limit
                lines = lines[-limit:]
        self._next = stop
        skipped += max(0, len(lines) - limit)
        return Growth(lines[-limit:], skipped)

    def finish(self, is_over: Callable[[int], bool] = lambda attempt: True) -> list[Line]:
        """The lines that never ended, of attempts from which nothing more comes."""
        over = [key for key in self._open if is_over(key[0])]
        lines = [self._line(self._open.pop(key), False) for key in over]
        return sorted(line for line in lines if self._takes(line)) if self._whole_lines else []

    def _start(self, start: int, stop: int, limit: int) -> tuple[int, int]:
        """Where to begin so that the window is filled, and how many lines lie before."""
        if not self._wanted.takes_all:
            return start, 0  # only looking tells how many match
        total = 0
        counted = [
            (number, _begun(record))
            for number, record in self._reader.index.forward(start, stop)
            if record is not None and self._reader.takes_record(record, self._wanted)
        ]
        for at in range(len(counted) - 1, -1, -1):
            total += counted[at][1]
            if total >= limit:
                return counted[at][0], sum(lines for _, lines in counted[:at])
        return start, 0

    def _grown_lines(self, stop: int) -> list[Line]:
        """Lines that were open and go on in the new records, as they are now."""
        grown: list[Line] = []
        for key, line in list(self._open.items()):
            joined = self._reader.scanner.join(line.record, line.joined.data, line.joined.next)
            changed = joined.data != line.joined.data or not joined.open
            self._open[key] = line = line._replace(joined=joined)
            if not joined.open:
                del self._open[key]
            shown = self._line(line, joined.open)
            if changed and self._takes(shown) and not (self._whole_lines and joined.open):
                grown.append(shown)
        return sorted(grown)

    def _remember_open(self, start: int, stop: int) -> None:
        """Find the lines that begin in these records and have not ended."""
        for number, record in self._reader.partials.since(start, stop):
            if self._reader.takes_record(record, self._wanted):
                self._open_at((record.attempt, record.stream), number, record)

    def _open_at(self, key: tuple[int, int], number: int, record: Record) -> None:
        data = self._reader.blocks.read(record)
        if not isinstance(data, bytes):
            return
        head = data[data.rfind(b"\n") + 1 :]
        joined = self._reader.scanner.join(record, head, number + 1)
        if joined.open:
            self._open[key] = OpenLine(Cursor(number, record.lines), record, joined)

    def _line(self, line: OpenLine, still_open: bool) -> Line:
        record, data = line.record, line.joined.data
        return Line(
            line.cursor, record.time_ns, record.attempt, record.stream, level_of(data), data,
            still_open,
        )  # fmt: skip

    def _takes(self, line: Line) -> bool:
        return self._wanted.takes(line.data, line.level)


def _begun(record: Record) -> int:
    """How many lines begin in a record."""
    return record.lines + bool(record.flags & PARTIAL) - bool(record.flags & CONTINUES)
