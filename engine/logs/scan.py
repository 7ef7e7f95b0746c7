"""Finds the lines of one record of the index: joined, filtered, with the gaps told.

The heart of the reader. A line has its place where it begins; what later records of the same
attempt and stream continue is joined to it there, so reading forward and backward give the same
lines with the same cursors. Blocks are searched whole, lines are only cut out where they may match.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from engine.logs.blocks import Blocks, Lost
from engine.logs.format import CONTINUES, ENGINE, GAP, PARTIAL, ROLLED, STREAM_NAMES, Record
from engine.logs.index import Index
from engine.logs.levels import INFO, WARNING, level_of, line_around, next_candidate
from engine.logs.lines import Cursor, Filter, Line
from engine.logs.regex import Search
from engine.logs.text import VIEW_BYTES, shorten

LOOK_RECORDS = 4096  # how far the other parts of a line are looked for
HEAD_BYTES = 4096
LAST_LINE = 1 << 31
FEW_LINES = 40  # for more, a search through the block costs less than a look at each

Piece = tuple[int, bytes]  # number of the line in the record, its bytes


class Joined(NamedTuple):
    """A line put together from several records, as far as it goes."""

    data: bytes
    open: bool
    next: int  # the record from which on to look for more


class Scanner:
    """Reads records of one execution as lines."""

    def __init__(self, index: Index, blocks: Blocks) -> None:
        self._index = index
        self._blocks = blocks

    def lines(
        self,
        number: int,
        record: Record | None,
        wanted: Filter,
        *,
        low: int = 0,
        high: int = LAST_LINE,
        limit: int = LAST_LINE,
        backward: bool = False,
    ) -> list[Line]:
        """The wanted lines of a record from `low` up to `high`: the first ones, or the last."""
        if record is None or record.flags & GAP:
            text = self.note_of(number, record)
            notes = [] if text is None else [self._note(number, record, text)]
            return [note for note in notes if low <= 0 < high and _note_wanted(note, wanted)]
        if wanted.candidates is not None and self._holds_none(number, record, wanted):
            return []
        data = self._blocks.read(record)
        if not isinstance(data, bytes):
            note = self._lost(number, record, data)
            return [note] if note and low <= 0 < high and _note_wanted(note, wanted) else []
        low = max(low, 1 if self.continues_another(number, record) else 0)
        if not backward:
            found = self._whole_lines(number, record, data, wanted, low, high, limit, backward)
            rest = limit - len(found)
            return found + self._last_line(number, record, data, wanted, low, high, rest)
        last = self._last_line(number, record, data, wanted, low, high, limit)
        rest = limit - len(last)
        return self._whole_lines(number, record, data, wanted, low, high, rest, backward) + last

    def _holds_none(self, number: int, record: Record, wanted: Filter) -> bool:
        """True when a search finds nothing in a block, be it damaged or not: most have nothing.

        To check a block costs more than to search it.
        """
        search = wanted.candidates
        if search is None or wanted.grep is None:  # a level's filter wants every note of damage
            return False
        data = self._blocks.read(record, checked=False)
        if not isinstance(data, bytes) or search(data, 0) is not None:
            return False
        if record.flags & PARTIAL:
            tail = data[data.rfind(b"\n") + 1 :]
            joined = self.join(record, tail, number + 1, checked=False)
            if search(joined.data, 0) is not None:
                return False
        note = self.lost_text(record, Lost(record.length, "damaged"))
        return wanted.grep(note.encode(), 0) is None

    def _whole_lines(
        self, number: int, record: Record, data: bytes, wanted: Filter,
        low: int, high: int, limit: int, backward: bool,
    ) -> list[Line]:  # fmt: skip
        """The wanted lines that end within the block."""
        if limit <= 0 or not record.lines or low >= record.lines:
            return []
        if wanted.candidates is not None:
            return self._searched(number, record, data, wanted, low, high, limit, backward)
        stop = min(high, record.lines)
        if wanted.takes_all and stop - low > limit:
            low, stop = (stop - limit, stop) if backward else (low, low + limit)
        pieces = _cut(data, record.lines, low, stop)
        known = _levels(data) if stop - low > FEW_LINES else None
        found: list[Line] = []
        for at in range(stop - 1, low - 1, -1) if backward else range(low, stop):
            text = pieces[at - low]
            level = level_of(text) if known is None else known.get(at, INFO)
            if wanted.takes(text, level):
                found.append(_line(number, at, record, text, level))
                if len(found) >= limit:
                    break
        return found[::-1] if backward else found

    def _searched(
        self, number: int, record: Record, data: bytes, wanted: Filter,
        low: int, high: int, limit: int, backward: bool,
    ) -> list[Line]:  # fmt: skip
        found: list[Line] = []
        search = wanted.candidates
        assert search is not None
        for at, text in numbered_candidates(data, search):
            if at >= high:
                break
            if at < low or at >= record.lines:
                continue
            level = level_of(text)
            if wanted.takes(text, level):
                found.append(_line(number, at, record, text, level))
                if len(found) >= limit and not backward:
                    break
        return found[-limit:]

    def _last_line(
        self, number: int, record: Record, data: bytes, wanted: Filter,
        low: int, high: int, limit: int,
    ) -> list[Line]:  # fmt: skip
        """The line that begins in this block and does not end in it, if it is wanted."""
        at = record.lines
        if limit <= 0 or not record.flags & PARTIAL or not low <= at < high:
            return []
        joined = self.join(record, data[data.rfind(b"\n") + 1 :], number + 1)
        level = level_of(joined.data)
        line = _line(number, at, record, joined.data, level)._replace(open=joined.open)
        return [line] if wanted.takes(joined.data, level) else []

    # -- lines over several records --

    def join(self, record: Record, head: bytes, start: int, *, checked: bool = True) -> Joined:
        """Put what later records add to a line after its beginning; as much as a view shows."""
        text, number = shorten(head), start
        stop = min(self._index.count, start + LOOK_RECORDS)
        for number in range(start, stop):
            other = self._index.get(number)
            if other is None or not _same_stream(other, record):
                continue
            if not other.flags & CONTINUES:
                return Joined(text, False, number)
            data = self._continuation(other, checked)
            if not isinstance(data, bytes):
                return Joined(text, False, number)
            end = data.find(b"\n")
            text = shorten(text + (data if end < 0 else data[:end]))
            if end >= 0 or (len(text) > VIEW_BYTES and b"\r" not in text):
                return Joined(text, False, number + 1)
        return Joined(text, stop - start < LOOK_RECORDS, stop)

    def _continuation(self, record: Record, checked: bool) -> bytes | Lost | None:
        """What continues a line: the block, or unchecked its beginning if the end is there."""
        if not checked:
            head = self._blocks.read(record, checked=False, size=HEAD_BYTES)
            if not isinstance(head, bytes) or b"\n" in head:
                return head
        return self._blocks.read(record, checked=checked)

    def continues_another(self, number: int, record: Record) -> bool:
        """True when the first line of a block belongs to a line that begins before it."""
        if not record.flags & CONTINUES:
            return False
        for before in range(number - 1, max(-1, number - LOOK_RECORDS), -1):
            other = self._index.get(before)
            if other is not None and _same_stream(other, record):
                if not other.flags & PARTIAL or other.flags & GAP:
                    return False
                return isinstance(self._blocks.read(other), bytes)
        return False

    # -- what is not there --

    def note_of(self, number: int, record: Record | None) -> str | None:
        """What the engine says in the place of a gap or of damage; None where there is neither."""
        if record is None:
            return "… the log's index is damaged here, lines may be missing …"
        if not record.flags & GAP:
            return None
        if record.flags & ROLLED:
            before = record.segment - 1
            exists = self._blocks.exists
            if exists(record.attempt, before) or not exists(record.attempt, record.segment):
                return None
            return f"… {record.gap_bytes:,} bytes not kept (over the size limit of a log) …"
        why = f" ({os.strerror(record.offset)})" if record.offset else ""
        return f"… {record.length:,} bytes of {_stream(record)} not kept{why} …"

    def lost_text(self, record: Record, lost: Lost) -> str:
        """What the engine says in the place of a block that the disk has lost."""
        return f"… {lost.size:,} bytes of {_stream(record)} are {lost.why} …"

    def _lost(self, number: int, record: Record, lost: Lost | None) -> Line | None:
        return None if lost is None else self._note(number, record, self.lost_text(record, lost))

    def _note(self, number: int, record: Record | None, text: str) -> Line:
        time_ns, attempt = (record.time_ns, record.attempt) if record else (self._time(number), 0)
        return Line(Cursor(number, 0), time_ns, attempt, ENGINE, WARNING, text.encode())

    def _time(self, number: int) -> int:
        for before in range(number - 1, max(-1, number - LOOK_RECORDS), -1):
            record = self._index.get(before)
            if record is not None:
                return record.time_ns
        return 0


def numbered_candidates(data: bytes, search: Search) -> Iterator[Piece]:
    """The lines of a block in which a search finds something, with their numbers."""
    at = number = counted = 0
    while at < len(data) and (span := search(data, at)) is not None:
        start, end = line_around(data, span[0])
        number += data.count(b"\n", counted, start)
        counted = start
        yield number, data[start:end]
        at = end + 1


def _levels(data: bytes) -> dict[int, int]:
    """The levels of a block's lines, without those that are surely info."""
    return {at: level_of(text) for at, text in numbered_candidates(data, next_candidate)}


def _cut(data: bytes, lines: int, low: int, stop: int) -> list[bytes]:
    """The lines from `low` to `stop` of a block, splitting no more of it than is needed."""
    if low > lines - stop:  # near the end
        from_end = data.rsplit(b"\n", lines - low + 1)
        return from_end[len(from_end) - 1 - (lines - low) :]
    return data.split(b"\n", stop)[low:]


def _line(number: int, at: int, record: Record, text: bytes, level: int) -> Line:
    return Line(
        Cursor(number, at), record.time_ns, record.attempt, record.stream, level, shorten(text)
    )


def _note_wanted(note: Line, wanted: Filter) -> bool:
    return wanted.grep is None or wanted.grep(note.data, 0) is not None


def _same_stream(one: Record, other: Record) -> bool:
    if one.flags & ROLLED:
        return False  # it stands between segments, not between lines
    return one.attempt == other.attempt and one.stream == other.stream


def _stream(record: Record) -> str:
    return STREAM_NAMES.get(record.stream, "output")
