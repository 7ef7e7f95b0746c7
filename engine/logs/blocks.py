"""Reads the bytes that index records describe, and finds out what is not there any more.

Used by `engine.logs.scan` and `reader`; standard library only. Files are opened when they are first
needed and a few are kept open; nothing of a log stays in memory.
"""

from __future__ import annotations

import os
import time
import zlib
from collections import OrderedDict
from typing import NamedTuple

from engine.logs.format import Record, parse_segment_name

FILES_KEPT = 16
TICK_NS = 100_000_000


class Lost(NamedTuple):
    """Bytes that the index knows and the disk has lost."""

    size: int
    why: str  # damaged | missing


class Blocks:
    """The segment files of one execution."""

    def __init__(self, log_dir: str) -> None:
        self._log_dir = log_dir
        self._fds: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._names: dict[int, dict[int, str]] = {}  # attempt -> segment -> file name
        self._steps: dict[int, str] = {}
        self._listed_ns = -1
        self.read_bytes = 0

    def read(
        self, record: Record, *, checked: bool = True, size: int | None = None
    ) -> bytes | Lost | None:
        """The bytes of a record; None where its segment was dropped over the size limit.

        Not `checked`, damage is not seen, and with `size` no more than the first bytes are read.
        """
        fd = self._open(record.attempt, record.segment)
        if fd < 0:
            if self.was_dropped(record.attempt, record.segment):
                return None
            return Lost(record.length, "missing")
        wanted = record.length if size is None else min(size, record.length)
        data = os.pread(fd, wanted, record.offset)
        self.read_bytes += len(data)
        if len(data) < wanted:
            return Lost(record.length, "missing")
        if checked and zlib.crc32(data) != record.crc:
            return Lost(record.length, "damaged")
        return data

    def read_span(self, first: Record, size: int) -> bytes | None:
        """Bytes from a record on, over several of them, unchecked; None if some are lost."""
        fd = self._open(first.attempt, first.segment)
        data = os.pread(fd, size, first.offset) if fd >= 0 else b""
        self.read_bytes += len(data)
        return data if len(data) == size else None

    def was_dropped(self, attempt: int, segment: int) -> bool:
        """True for a middle segment that gave way to newer output."""
        segments = self._segments(attempt, segment)
        return segment > 0 and segment not in segments and max(segments, default=-1) > segment

    def exists(self, attempt: int, segment: int) -> bool:
        """True while the file of a segment is there."""
        name = self._segments(attempt, segment).get(segment)
        return name is not None and os.path.exists(os.path.join(self._log_dir, name))

    def step_of(self, attempt: int) -> str:
        """The step's path as the file's name tells it, or nothing."""
        self._segments(attempt, 0)
        return self._steps.get(attempt, "")

    def files(self) -> list[tuple[int, int, str]]:
        """Attempt, segment and path of every file."""
        self._list()
        return [
            (attempt, segment, os.path.join(self._log_dir, name))
            for attempt, segments in sorted(self._names.items())
            for segment, name in sorted(segments.items())
        ]

    def size_of(self, attempt: int) -> int:
        """The bytes of an attempt that are on the disk now."""
        self._list()
        total = 0
        for name in self._names.get(attempt, {}).values():
            try:
                total += os.stat(os.path.join(self._log_dir, name)).st_size
            except FileNotFoundError:
                continue
        return total

    def close(self) -> None:
        """Close all files; a later read opens them again."""
        while self._fds:
            os.close(self._fds.popitem()[1])

    def _open(self, attempt: int, segment: int) -> int:
        key = (attempt, segment)
        fd = self._fds.get(key, -1)
        if fd >= 0:
            self._fds.move_to_end(key)
            return fd
        name = self._segments(attempt, segment).get(segment)
        if name is None:
            return -1
        try:
            fd = os.open(os.path.join(self._log_dir, name), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:  # dropped or lost since the directory was listed
            self._listed_ns = -1
            self._list()
            return -1
        self._fds[key] = fd
        while len(self._fds) > FILES_KEPT:
            os.close(self._fds.popitem(last=False)[1])
        return fd

    def _segments(self, attempt: int, segment: int) -> dict[int, str]:
        """The segments of an attempt; the directory is listed again only when it has changed."""
        known = self._names.get(attempt)
        if known is None or segment not in known:
            self._list()
            known = self._names.get(attempt, {})
        return known

    def _list(self) -> None:
        try:
            changed_ns = os.stat(self._log_dir).st_mtime_ns
            if changed_ns == self._listed_ns:
                return
            names = os.listdir(self._log_dir)
        except FileNotFoundError:
            return
        # a directory's time is coarse: a file may still come within the same tick
        self._listed_ns = changed_ns if time.time_ns() - changed_ns > TICK_NS else -1
        self._names = {}
        for name in names:
            found = parse_segment_name(name)
            if found is not None:
                self._names.setdefault(found.attempt, {})[found.segment] = name
                self._steps[found.attempt] = found.step
        for attempt, segment in list(self._fds):
            if segment not in self._names.get(attempt, {}):  # an open file would keep its space
                os.close(self._fds.pop((attempt, segment)))
