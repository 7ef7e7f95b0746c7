"""After a runner died: gives bytes that reached a log file, but not the index, a place in it.

The runner writes a block and then its record; a kill or a power cut between the two leaves bytes
that no reader would show. Called by the engine's recovery for executions with an interrupted
attempt, when nothing writes into their log any more. Running it again does nothing.
"""

from __future__ import annotations

import os
import zlib

from engine.logs.blocks import Blocks
from engine.logs.files import open_append
from engine.logs.format import (
    BLOCK_BYTES,
    CONTINUES,
    GAP,
    INDEX_NAME,
    PARTIAL,
    RECORD_BYTES,
    STDOUT,
    Record,
    pack_record,
)
from engine.logs.index import Index


def adopt_unindexed(log_dir: str, attempt: int | None = None) -> int:
    """Append records for the bytes behind the last indexed ones of each file; how many bytes.

    With `attempt` only its files count: another one may be written by a living runner.
    """
    blocks, index = Blocks(log_dir), Index(os.path.join(log_dir, INDEX_NAME))
    try:
        covered = _covered(index)
        records = [
            record
            for of, segment, path in blocks.files()
            if attempt is None or of == attempt
            for record in _missing(path, of, segment, covered.get((of, segment), 0))
        ]
    finally:
        index.close()
        blocks.close()
    if records:
        _append(log_dir, sorted(records))
    return sum(record.length for record in records)


def _covered(index: Index) -> dict[tuple[int, int], int]:
    """How far the index tells of each file."""
    ends: dict[tuple[int, int], int] = {}
    for _, record in index.forward(0, index.count):
        if record is not None and not record.flags & GAP:
            key = (record.attempt, record.segment)
            ends[key] = max(ends.get(key, 0), record.offset + record.length)
    return ends


def _missing(path: str, attempt: int, segment: int, start: int) -> list[Record]:
    records: list[Record] = []
    inside_line = False
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        file.seek(start)
        while data := file.read(BLOCK_BYTES):
            flags = CONTINUES if inside_line else 0
            inside_line = not data.endswith(b"\n")
            flags |= PARTIAL if inside_line else 0
            # which stream it was is lost with the record
            records.append(
                Record(
                    status.st_mtime_ns, attempt, STDOUT, flags, segment, start, len(data),
                    data.count(b"\n"), zlib.crc32(data),
                )
            )  # fmt: skip
            start += len(data)
    return records


def _append(log_dir: str, records: list[Record]) -> None:
    fd = open_append(log_dir, INDEX_NAME)
    try:
        torn = os.fstat(fd).st_size % RECORD_BYTES
        filler = bytes(RECORD_BYTES - torn) if torn else b""
        os.write(fd, filler + b"".join(map(pack_record, records)))
        os.fsync(fd)
    finally:
        os.close(fd)
