"""The results file of one runner generation: what began and what ended, until it is acknowledged.

Role: docs/protocols.md, "Results file". The runner appends; the engine reads a dead generation's
file with `read_results`. Written, never synced: it survives the runner, not a power cut.
Imports the standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

SEGMENT_LIMIT_BYTES = 4 << 20
_HEAD = struct.Struct("<IIQ")
_SEQUENCE = struct.Struct("<Q")
_PREFIX = "results-"


class ResultsFile:
    """Appends records in segments; a segment goes when all its attempts are acknowledged."""

    def __init__(self, folder: str, segment_limit_bytes: int = SEGMENT_LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = segment_limit_bytes
        self._segment = 0
        self._fd = -1
        self._end = 0  # where the next record goes in the current segment
        self._sequence = 0
        self._queue: list[bytes] = []
        self._queued_attempts: list[str] = []
        self._open_of: dict[int, set[str]] = {}  # segment → attempts not yet acknowledged
        self._segments_of: dict[str, list[int]] = {}

    def add(self, attempt: str, payload: bytes) -> None:
        """Queue a record of `attempt` for the next `write`."""
        self._sequence += 1
        crc = zlib.crc32(payload, zlib.crc32(_SEQUENCE.pack(self._sequence)))
        self._queue.append(_HEAD.pack(len(payload), crc, self._sequence) + payload)
        self._queued_attempts.append(attempt)

    def write(self) -> OSError | None:
        """Append everything queued with one write; on an error all of it stays queued."""
        if not self._queue:
            return None
        data = b"".join(self._queue)
        try:
            if self._fd < 0 or (self._end and self._end + len(data) > self._limit_bytes):
                self._open_next()
            written = 0
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self._end + written)
        except OSError as error:
            return error
        self._end += len(data)
        self._note_attempts()
        return None

    def acknowledge(self, attempts: list[str]) -> None:
        """Forget these attempts, and remove the segments that nothing needs any more."""
        for attempt in attempts:
            for segment in self._segments_of.pop(attempt, ()):
                remaining = self._open_of[segment]
                remaining.discard(attempt)
                if not remaining and segment != self._segment:
                    self._remove(segment)

    def close(self) -> None:
        """Stop writing; remove the last segment too where it is acknowledged whole."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            if not self._queue and not self._open_of[self._segment]:
                self._remove(self._segment)

    def _note_attempts(self) -> None:
        here = self._open_of[self._segment]
        for attempt in self._queued_attempts:
            if attempt not in here:
                here.add(attempt)
                self._segments_of.setdefault(attempt, []).append(self._segment)
        self._queue.clear()
        self._queued_attempts.clear()

    def _open_next(self) -> None:
        path = self._path(self._segment + 1)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # not every file system can; the write itself will tell
            # room for the ends of what runs, also when others fill the disk meanwhile
            os.posix_fallocate(fd, 0, self._limit_bytes)
        previous = self._segment
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._end, self._segment = fd, 0, previous + 1
        self._open_of[self._segment] = set()
        if previous and not self._open_of[previous]:
            self._remove(previous)

    def _remove(self, segment: int) -> None:
        del self._open_of[segment]
        os.unlink(self._path(segment))

    def _path(self, segment: int) -> str:
        return f"{self._folder}/{_PREFIX}{segment:06d}"


def read_results(folder: str | Path) -> Iterator[dict[str, Any]]:
    """Every record in `folder` in the order written; a torn or damaged tail ends its segment."""
    last = 0
    for name in sorted(os.listdir(folder)):
        if not name.startswith(_PREFIX):
            continue
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        expected = 0  # the first record of a segment may follow a removed segment
        for sequence, payload in _records(data):
            if sequence <= last or (expected and sequence != expected):
                break
            last, expected = sequence, sequence + 1
            yield json.loads(payload)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEAD.size <= len(data):
        length, crc, sequence = _HEAD.unpack_from(data, at)
        payload = data[at + _HEAD.size : at + _HEAD.size + length]
        # length 0 is the room that was set aside and never written
        if not length or len(payload) < length:
            return
        if zlib.crc32(payload, zlib.crc32(_SEQUENCE.pack(sequence))) != crc:
            return
        yield sequence, payload
        at += _HEAD.size + length
