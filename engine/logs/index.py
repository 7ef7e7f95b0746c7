"""Reads an execution's index while it is written: records by their number, both ways.

Used by `engine.logs.scan` and `reader`; standard library only. A record's number is its place in
the file divided by its size, also where a torn write has moved the records that follow: each slot
of 40 bytes holds the beginning of one record at most. A slot without one is damage.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from zlib import crc32

from engine.logs.format import HEAD, RECORD, RECORD_BYTES, Record, unpack_record

CHUNK_RECORDS = 256
CHUNKS_KEPT = 64

Slot = tuple[int, "Record | None"]


class Index:
    """The records of one index file; None stands for a damaged slot."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._chunks: OrderedDict[int, list[Record | None]] = OrderedDict()

    @property
    def count(self) -> int:
        """How many slots there are now."""
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
            except FileNotFoundError:
                return 0
        return os.fstat(self._fd).st_size // RECORD_BYTES

    def get(self, number: int) -> Record | None:
        """One record, or None where there is no valid one."""
        chunk = self._chunk(number // CHUNK_RECORDS, number + 1)
        at = number % CHUNK_RECORDS
        return chunk[at] if at < len(chunk) else None

    def forward(self, start: int, stop: int) -> Iterator[Slot]:
        """Records from `start` up to `stop`; a run of damaged slots counts once, by its first."""
        number, damaged = max(0, start), False
        while number < stop:
            end = min(stop, (number // CHUNK_RECORDS + 1) * CHUNK_RECORDS)
            chunk = self._chunk(number // CHUNK_RECORDS, end)
            first = number % CHUNK_RECORDS
            for record in chunk[first : first + end - number]:
                if record is not None or not damaged:
                    yield number, record
                damaged = record is None
                number += 1
            if number < end:
                return  # the file has become shorter

    def backward(self, start: int) -> Iterator[Slot]:
        """Records from `start` down to the first; damaged slots as `forward` has them."""
        number, damaged = min(start, self.count - 1), False
        while number >= 0:
            chunk = self._chunk(number // CHUNK_RECORDS, number + 1)
            for record in reversed(chunk[: number % CHUNK_RECORDS + 1]):
                if damaged and record is not None:
                    yield number + 1, None
                damaged = record is None
                if record is not None:
                    yield number, record
                number -= 1
            if number >= 0 and (number + 1) % CHUNK_RECORDS:
                return  # the file has become shorter
        if damaged:
            yield 0, None

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _chunk(self, which: int, needed: int) -> list[Record | None]:
        """The records of a stretch; read again when it has grown past what is kept."""
        first = which * CHUNK_RECORDS
        kept = self._chunks.get(which)
        if kept is not None and first + len(kept) >= needed:
            self._chunks.move_to_end(which)
            return kept
        stop = min(self.count, first + CHUNK_RECORDS)
        if self._fd < 0 or stop <= first:
            return []
        # one record more: the last slot's record may begin inside of it
        size = (stop - first + 1) * RECORD_BYTES
        chunk = _parse(os.pread(self._fd, size, first * RECORD_BYTES), stop - first)
        self._chunks[which] = chunk
        while len(self._chunks) > CHUNKS_KEPT:
            self._chunks.popitem(last=False)
        return chunk


def _parse(data: bytes, slots: int) -> list[Record | None]:
    """The record that begins in each slot; after a torn one all the others are shifted alike."""
    records: list[Record | None] = []
    slots = min(slots, len(data) // RECORD_BYTES)
    whole = memoryview(data)[: slots * RECORD_BYTES]
    at = 0
    for fields in RECORD.iter_unpack(whole):
        if crc32(whole[at : at + HEAD.size]) != fields[9]:
            return records + _parse_shifted(data, slots, len(records))
        records.append(Record._make(fields[:9]))
        at += RECORD_BYTES
    return records


def _parse_shifted(data: bytes, slots: int, first: int) -> list[Record | None]:
    records: list[Record | None] = []
    shift = 0
    for slot in range(first, slots):
        at = slot * RECORD_BYTES
        record = unpack_record(data, at + shift)
        if record is None:
            shift, record = _search_slot(data, at, shift)
        records.append(record)
    return records


def _search_slot(data: bytes, at: int, shift: int) -> tuple[int, Record | None]:
    if not any(data[at : at + 2 * RECORD_BYTES]):  # zeros, as a power cut leaves them
        return shift, None
    for other in range(RECORD_BYTES):
        record = unpack_record(data, at + other)
        if record is not None:
            return other, record
    return shift, None
