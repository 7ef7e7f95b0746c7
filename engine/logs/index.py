"""Reads an execution's index while it is written: records by their number, both ways.

Used by `engine.logs.scan` and `reader`; standard library only. A record's number is its place in
the file divided by its size, also where a torn write has moved the records that follow: each slot
of 40 bytes holds the beginning of one record at most. A slot without one is damage.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator

from engine.logs.format import RECORD_BYTES, Record, unpack_record

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
        damaged = False
        for number in range(max(0, start), stop):
            record = self.get(number)
            if record is not None or not damaged:
                yield number, record
            damaged = record is None

    def backward(self, start: int) -> Iterator[Slot]:
        """Records from `start` down to the first; damaged slots as `forward` has them."""
        number = min(start, self.count - 1)
        while number >= 0:
            record = self.get(number)
            if record is None:
                while number > 0 and self.get(number - 1) is None:
                    number -= 1
            yield number, record
            number -= 1

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
    shift = 0
    for slot in range(slots):
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
