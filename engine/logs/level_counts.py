"""Counts an execution's lines by level, once: later calls only look at what is new.

For every record it keeps one byte, the highest level in it, so that a filter passes over blocks
that hold nothing for it. When an execution has ended both go to a small file beside the log
(`levels`), which a later reader takes instead of counting again; it is a cache and may be deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import time
import zlib
from typing import NamedTuple

from engine.logs.blocks import Blocks
from engine.logs.format import GAP, LEVELS_NAME, PARTIAL, Record
from engine.logs.index import Index
from engine.logs.levels import DEBUG, ERROR, INFO, WARNING, LevelCounts, count_levels, level_of
from engine.logs.lines import Filter
from engine.logs.scan import Scanner

HEADER = struct.Struct("<8sQII")  # magic, slots of the index, size of the totals, CRC of the rest
MAGIC = b"wmlevel1"
UNKNOWN = 0
LARGEST_BYTES = 256 << 20
PIECE_BYTES = 64 << 10  # counted between two looks at the clock: 1 ms


class _Block(NamedTuple):
    """A record whose lines are being counted."""

    number: int
    record: Record
    whole: bytes  # the lines that end in it
    begins_line: bool  # and its last one goes on in another record
    counts: list[int]


class LevelCounter:
    """Lines by level of each attempt of one execution."""

    def __init__(self, log_dir: str, index: Index, blocks: Blocks, scanner: Scanner) -> None:
        self._path = os.path.join(log_dir, LEVELS_NAME)
        self._index = index
        self._blocks = blocks
        self._scanner = scanner
        self._counts: dict[int, list[int]] = {}  # attempt -> lines of each level
        self._highest = bytearray()  # a slot: 1 + the highest level that it may hold, 0 unknown
        self._next = 0
        self._block: _Block | None = None
        self._at = 0  # how much of it is counted
        self._open: dict[tuple[int, int], tuple[int, Record]] = {}
        self._loaded = False
        self._saved = -1  # how many slots the file beside the log tells of

    def count(self, *, ended: bool, within_s: float | None = None) -> bool:
        """Count what has come since; False when the time was over first, one piece is always done.

        `ended` says that nothing more is written: then the result is kept beside the log.
        """
        self._load()
        stop, began_s = self._index.count, time.perf_counter()
        if self._next >= stop and (not ended or self._saved == stop):
            return True
        while self._next < stop:
            self._count_piece()
            if within_s is not None and time.perf_counter() - began_s >= within_s:
                break
        if self._next < stop:
            return False
        if ended:
            for number, record in list(self._open.values()):
                self._count_open(number, record, at_last=True)
            self._save()
        return True

    def of_attempt(self, attempt: int) -> LevelCounts:
        """The lines of one attempt, as far as they are counted."""
        return LevelCounts(*self._counts.get(attempt, (0, 0, 0, 0)))

    @property
    def total(self) -> LevelCounts:
        """The lines of all attempts, as far as they are counted."""
        return LevelCounts(*(sum(column) for column in zip(*self._counts.values(), strict=True)))

    def highest(self, number: int) -> int:
        """The highest level that a line of a record may have."""
        self._load()
        known = self._highest[number] if number < len(self._highest) else UNKNOWN
        return known - 1 if known != UNKNOWN else ERROR

    def note_none(self, number: int, record: Record | None, wanted: Filter) -> None:
        """A search through the whole record has found no line of the wanted level."""
        if record is None or record.flags & (GAP | PARTIAL) or wanted.grep is not None:
            return
        if wanted.min_level > DEBUG and self.highest(number) >= wanted.min_level:
            self._set_highest(number, wanted.min_level - 1)

    # -- counting --

    def _count_piece(self) -> None:
        """Count some lines of the next record; where those are all, go on to the one after it."""
        if self._block is None:
            self._block, self._at = self._begin(self._next, self._index.get(self._next)), 0
        block = self._block
        if block is not None:
            end = block.whole.find(b"\n", self._at + PIECE_BYTES) + 1 or len(block.whole)
            for level, lines in enumerate(count_levels(block.whole[self._at : end])):
                block.counts[level] += lines
            self._at = end
            if end < len(block.whole):
                return
            self._end(block)
        self._block = None
        self._next += 1

    def _begin(self, number: int, record: Record | None) -> _Block | None:
        if record is None or record.flags & GAP:
            return None
        key = (record.attempt, record.stream)
        if key in self._open:
            self._count_open(*self._open[key], at_last=False)
        data = self._blocks.read(record)
        if not isinstance(data, bytes):
            return None
        continued = self._scanner.continues_another(number, record)
        start = data.find(b"\n") + 1 if continued else 0
        whole = data[start : data.rfind(b"\n") + 1] if start or not continued else b""
        begins_line = bool(record.flags & PARTIAL and (record.lines or not continued))
        return _Block(number, record, whole, begins_line, [0, 0, 0, 0])

    def _end(self, block: _Block) -> None:
        number, record = block.number, block.record
        self._add(record.attempt, LevelCounts(*block.counts))
        if block.begins_line:
            self._open[record.attempt, record.stream] = (number, record)
            self._count_open(number, record, at_last=False)
        elif not record.flags & PARTIAL:
            self._set_highest(number, _highest_of(LevelCounts(*block.counts)))

    def _count_open(self, number: int, record: Record, *, at_last: bool) -> None:
        """Count a line of several records once it has ended."""
        key = (record.attempt, record.stream)
        data = self._blocks.read(record)
        if not isinstance(data, bytes):
            self._open.pop(key, None)
            return
        joined = self._scanner.join(record, data[data.rfind(b"\n") + 1 :], number + 1)
        if joined.open and not at_last:
            return
        self._open.pop(key, None)
        counts = [0, 0, 0, 0]
        counts[level_of(joined.data)] = 1
        self._add(record.attempt, LevelCounts(*counts))

    def _add(self, attempt: int, counts: LevelCounts) -> None:
        total = self._counts.setdefault(attempt, [0, 0, 0, 0])
        for level, lines in enumerate(counts):
            total[level] += lines

    def _set_highest(self, number: int, level: int) -> None:
        if number >= len(self._highest):
            self._highest.extend(bytes(number + 1 - len(self._highest)))
        self._highest[number] = level + 1

    # -- the file beside the log --

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        with contextlib.suppress(OSError, ValueError, struct.error):
            self._take_file()

    def _take_file(self) -> None:
        with open(self._path, "rb") as file:
            head = file.read(HEADER.size)
            rest = file.read(LARGEST_BYTES)
        magic, slots, size, checksum = HEADER.unpack(head)
        if magic != MAGIC or zlib.crc32(rest) != checksum or slots != self._index.count:
            return  # another version, damaged, or the log went on (a retry)
        totals = json.loads(rest[:size])
        self._counts = {int(attempt): list(counts) for attempt, counts in totals.items()}
        self._highest = bytearray(rest[size:])
        self._next = self._saved = slots

    def _save(self) -> None:
        totals = json.dumps({str(key): counts for key, counts in self._counts.items()}).encode()
        rest = totals + bytes(self._highest)
        head = HEADER.pack(MAGIC, self._next, len(totals), zlib.crc32(rest))
        temporary = f"{self._path}.{os.getpid()}"
        with contextlib.suppress(OSError):  # a cache: a full disk only means counting again
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(fd, "wb") as file:
                file.write(head + rest)
            os.replace(temporary, self._path)
        self._saved = self._next


def _highest_of(counts: LevelCounts) -> int:
    for level in (ERROR, WARNING, INFO):
        if counts[level]:
            return level
    return DEBUG
