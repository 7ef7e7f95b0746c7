"""Reads the log of one execution while it is written, or after.

Called by the engine's API. The order is the index's; a cursor is (record, line). Nothing holds a
whole log in memory, and a page can be given a budget, so that a rare word in a large log is
searched in slices.

    reader = LogReader(log_dir, names)            names: attempt number -> (step path, its attempt)
    reader.page_back(wanted, 200)                 the tail; `before=page.before` for earlier lines
    reader.page_forward(wanted, 200, after=...)   onwards from a cursor
    reader.follow(wanted, 200)                    a window on the end (engine.logs.tail)
    reader.lines(wanted)                          all lines, one by one
    reader.raw(wanted)                            the bytes, as printed
    reader.levels.count(ended)                    lines by level (engine.logs.level_counts)

Its methods read files: call them in a thread, one at a time for a reader.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from engine.logs.blocks import Blocks
from engine.logs.format import GAP, INDEX_NAME, Record
from engine.logs.index import Index, Slot
from engine.logs.level_counts import LevelCounter
from engine.logs.levels import DEBUG
from engine.logs.lines import Cursor, Filter, Line
from engine.logs.partials import Partials
from engine.logs.runs import Found, worth_a_look
from engine.logs.scan import LAST_LINE, Scanner
from engine.logs.tail import Tail

if TYPE_CHECKING:
    from engine.wire import LogLine

Names = Mapping[int, tuple[str, int]]
EVERYTHING = Filter()
PAGE_LINES = 1000
RAW_BYTES = 64 << 10


class Page(NamedTuple):
    """Lines in order, and where to go on; `before` is None at the beginning of the log.

    `done` is False when the budget ended the search early: ask again from `before` or `after`.
    """

    lines: list[Line]
    before: Cursor | None
    after: Cursor | None
    done: bool = True


class LogReader:
    """The log of one execution."""

    def __init__(self, log_dir: str | os.PathLike[str], names: Names | None = None) -> None:
        path = os.fspath(log_dir)
        self._names = names if names is not None else {}
        self.index = Index(os.path.join(path, INDEX_NAME))
        self.blocks = Blocks(path)
        self.scanner = Scanner(self.index, self.blocks)
        self.partials = Partials(self.index, self.scanner)
        self.levels = LevelCounter(path, self.index, self.blocks, self.scanner)

    def close(self) -> None:
        """Close the files; reading on opens them again."""
        self.index.close()
        self.blocks.close()

    # -- names --

    def name_of(self, attempt: int) -> tuple[str, int]:
        """The step's path of an attempt, and which attempt of that step it is."""
        known = self._names.get(attempt)
        return known if known is not None else (self.blocks.step_of(attempt), 1)

    def to_wire(self, line: Line) -> LogLine:
        """A line as the API sends it."""
        return line.to_wire(*self.name_of(line.attempt))

    def takes_record(self, record: Record | None, wanted: Filter) -> bool:
        """True when a record's attempt and stream are wanted; damage belongs to everybody."""
        if record is None or wanted.any_record:
            return True
        if wanted.streams is not None and record.stream not in wanted.streams:
            return False
        if wanted.attempts is not None and record.attempt not in wanted.attempts:
            return False
        return not wanted.steps or wanted.takes_step(self.name_of(record.attempt)[0])

    # -- pages --

    def page_back(
        self,
        wanted: Filter = EVERYTHING,
        limit: int = 200,
        before: Cursor | None = None,
        *,
        budget_bytes: int | None = None,
    ) -> Page:
        """The last lines before a cursor, or before the end.

        With `budget_bytes` it may give up early, where so many were read: the page is not `done`.
        """
        start, high = before if before is not None else (self.index.count - 1, LAST_LINE)
        end = self._after_end()
        pages: list[list[Line]] = []
        missing, spent_from = limit, self.blocks.read_bytes
        for number, record, look in self._looked_at(self.index.backward(start), wanted):
            top = high if number == start else LAST_LINE
            if look:
                found = self.scanner.lines(
                    number, record, wanted, high=top, limit=missing, backward=True
                )
                pages.append(found)
                missing -= len(found)
                if not found and top == LAST_LINE:
                    self.levels.note_none(number, record, wanted)
            if missing <= 0:
                return _page(pages, before=None, after=end)
            spent = self.blocks.read_bytes - spent_from
            if budget_bytes is not None and spent > budget_bytes and number > 0:
                return _page(pages, before=Cursor(number, 0), after=end, done=False)
        lines = [line for found in reversed(pages) for line in found]
        return Page(lines, None, lines[-1].cursor if lines else end)

    def page_forward(
        self,
        wanted: Filter = EVERYTHING,
        limit: int = 200,
        after: Cursor | None = None,
        *,
        budget_bytes: int | None = None,
    ) -> Page:
        """The first lines after a cursor, or from the beginning."""
        start, low = (after.record, after.line + 1) if after is not None else (0, 0)
        lines: list[Line] = []
        reached, spent_from = after, self.blocks.read_bytes
        stop = self.index.count
        for number, record, look in self.worth_a_look(start, stop, wanted):
            bottom = low if number == start else 0
            if look:
                lines += self.scanner.lines(
                    number, record, wanted, low=bottom, limit=limit - len(lines)
                )
            if len(lines) >= limit:
                return Page(lines, lines[0].cursor, lines[-1].cursor)
            reached = Cursor(number, record.lines if record is not None else 0)
            spent = self.blocks.read_bytes - spent_from
            if budget_bytes is not None and spent > budget_bytes and number < stop - 1:
                return Page(lines, lines[0].cursor if lines else reached, reached, done=False)
        if stop > 0 and (reached is None or reached.record < stop - 1):
            reached = self._after_end(stop)  # the last records were not wanted
        return Page(lines, lines[0].cursor if lines else after, reached)

    def lines(self, wanted: Filter = EVERYTHING, after: Cursor | None = None) -> Iterator[Line]:
        """All wanted lines from a cursor to the present end."""
        stop = self.index.count
        while True:
            page = self.page_forward(wanted, PAGE_LINES, after)
            for line in page.lines:
                if line.cursor.record >= stop:
                    return
                yield line
            if len(page.lines) < PAGE_LINES or page.after is None:
                return
            after = page.after

    def follow(self, wanted: Filter = EVERYTHING, limit: int = 200, **options: bool) -> Tail:
        """A window on the end of the log that takes in what is appended."""
        return Tail(self, wanted, limit, **options)

    # -- bytes --

    def raw(
        self, wanted: Filter = EVERYTHING, start: int = 0, stop: int | None = None
    ) -> Iterator[bytes]:
        """The bytes of the wanted steps and streams in the index's order, in pieces.

        `start` and `stop` are records (`reader.index.count` is where to go on later). What is not
        there any more is told on a line of its own.
        """
        inside_line = False
        batch: list[bytes] = []
        size = 0
        for number, record in self.index.forward(start, self.index.count if stop is None else stop):
            data = self._raw_block(number, record) if self.takes_record(record, wanted) else None
            if data is None:
                continue
            if isinstance(data, str):
                data = (b"\n" if inside_line else b"") + data.encode() + b"\n"
            inside_line = not data.endswith(b"\n")
            batch.append(data)
            size += len(data)
            if size >= RAW_BYTES:
                yield b"".join(batch)
                batch, size = [], 0
        if batch:
            yield b"".join(batch)

    def indexed_bytes(self) -> dict[int, int]:
        """How many bytes of each attempt the index tells of."""
        found: dict[int, int] = {}
        for _, record in self.index.forward(0, self.index.count):
            if record is not None and not record.flags & GAP:
                found[record.attempt] = found.get(record.attempt, 0) + record.length
        return found

    def _raw_block(self, number: int, record: Record | None) -> bytes | str | None:
        if record is None or record.flags & GAP:
            return self.scanner.note_of(number, record)
        data = self.blocks.read(record)
        if data is None or isinstance(data, bytes):
            return data or None
        return self.scanner.lost_text(record, data)

    # -- inside --

    def worth_a_look(self, start: int, stop: int, wanted: Filter) -> Iterator[Found]:
        """The records from `start` up to `stop`, those in which nothing can be told apart."""
        return self._looked_at(self.index.forward(start, stop), wanted)

    def _looked_at(self, slots: Iterator[Slot], wanted: Filter) -> Iterator[Found]:
        def takes(number: int, record: Record | None) -> bool:
            return self.takes_record(record, wanted) and not self._has_none(number, wanted)

        any_record = wanted.any_record and wanted.min_level == DEBUG
        return worth_a_look(slots, wanted.candidates, self.blocks, None if any_record else takes)

    def _after_end(self, stop: int | None = None) -> Cursor | None:
        last = (self.index.count if stop is None else stop) - 1
        if last < 0:
            return None
        record = self.index.get(last)
        return Cursor(last, record.lines if record is not None else 0)

    def _has_none(self, number: int, wanted: Filter) -> bool:
        """True when it is known that no line of a record reaches the wanted level."""
        return self.levels.highest(number) < wanted.min_level


def _page(
    pages: list[list[Line]], *, before: Cursor | None, after: Cursor | None, done: bool = True
) -> Page:
    lines = [line for found in reversed(pages) for line in found]
    first = lines[0].cursor if lines else None
    if before is None and first is not None and first > (0, 0):
        before = first
    return Page(lines, before, lines[-1].cursor if lines else after, done)
