"""The segment files of one attempt: made at the first byte, rolled at 64 MiB, bounded in all.

Over the limit the middle goes: the first half of the limit is kept as it is, and the newest
segments after it. Used by `engine.logs.writer` alone; standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os

from engine.logs import files, format
from engine.logs.format import GAP, ROLLED, SEGMENT_BYTES, SEGMENT_MAX, Record

SMALLEST_SEGMENT_BYTES = 4096  # a limit under eight of them is not kept to exactly


class Segments:
    """Appends to the current segment; `make_room` rolls to the next and drops old ones."""

    def __init__(self, log_dir: str, number: int, step: str, limit_bytes: int) -> None:
        self._log_dir = log_dir
        self._attempt = number
        self._step = step
        self._limit = limit_bytes  # 0 or less: no limit
        eighth = max(limit_bytes // 8, SMALLEST_SEGMENT_BYTES)
        self.segment_bytes = min(SEGMENT_BYTES, eighth) if limit_bytes > 0 else SEGMENT_BYTES
        self._head = max(1, limit_bytes // 2 // self.segment_bytes)  # segments that always stay
        self._sizes: list[int] = []  # of every segment so far
        self._first_kept = self._head  # the oldest segment after the head that still exists
        self._fd = -1
        self._file = ""  # the name of the current segment
        self._in_doubt = False  # a write failed: ask the file how long it is

    @property
    def number(self) -> int:
        """The segment that is written now."""
        return max(0, len(self._sizes) - 1)

    @property
    def kept_bytes(self) -> int:
        """The bytes in the files that exist."""
        return sum(self._sizes) - sum(self._sizes[self._head : self._first_kept])

    def make_room(self, size: int) -> Record | None:
        """Open the segment for a block; the conditional gap record of a new tail segment."""
        if self._in_doubt and self._fd >= 0:
            self._sizes[-1] = os.fstat(self._fd).st_size
            self._in_doubt = False
        if self._sizes and self._fd >= 0 and self._sizes[-1] + size <= self.segment_bytes:
            return None
        return self._roll()

    def append(self, data: bytes | memoryview) -> int:
        """Write a whole block; the offset where it begins. On an error nothing of it stays."""
        before = self._sizes[-1]
        try:
            files.write_all(self._fd, data)
        except OSError:
            self.take_back(before)
            raise
        self._sizes[-1] = before + len(data)
        files.mark_unsynced(self._log_dir, self._file)
        return before

    def take_back(self, size: int) -> None:
        """Cut the current segment back to a size it had."""
        self._in_doubt = True
        with contextlib.suppress(OSError):  # then `make_room` finds the true length
            os.ftruncate(self._fd, size)
            self._sizes[-1] = size
            self._in_doubt = False

    def close(self) -> None:
        """Close the current file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _roll(self) -> Record | None:
        number = len(self._sizes)
        if number > SEGMENT_MAX:
            raise OSError(errno.EFBIG, "the log has too many segments")
        name = self._name(number)
        fd = files.open_append(self._log_dir, name)
        self.close()
        self._file = name
        self._fd = fd
        self._sizes.append(os.fstat(fd).st_size)
        self._drop_middle()
        if self._limit <= 0 or number <= self._head:
            return None
        gone = sum(self._sizes[self._head : number])
        length = min(gone, 0xFFFFFFFF)
        return Record(0, self._attempt, 0, GAP | ROLLED, number, gone, length, 0, 0)

    def _drop_middle(self) -> None:
        if self._limit <= 0:
            return
        newest = len(self._sizes) - 1
        while (
            self.kept_bytes + self.segment_bytes > self._limit and self._first_kept < newest
        ):
            with contextlib.suppress(OSError):  # gone already, or it stays for retention
                os.unlink(os.path.join(self._log_dir, self._name(self._first_kept)))
            self._first_kept += 1

    def _name(self, segment: int) -> str:
        return format.segment_name(self._attempt, self._step, segment)
