"""Writes what a step prints: masked, in blocks, to its own file and to the execution's index.

Runs inside the runner's one thread; standard library only. Nothing is done per line, nothing here
raises into the runner's loop: what cannot be written is dropped and counted (`dropped_bytes`), and
a gap record says so as soon as there is space again.

    log = AttemptLog(log_dir, number, "checks/disk", masker, limit_bytes)
    log.feed(STDOUT, data, time.time_ns())      as data arrives
    log.flush_partial(time.time_ns())           at `partial_due_ns`, while `has_partial`
    log_bytes, log_records = log.close(time.time_ns())
    sync_all()                                  each second: everything written since the last call
"""

from __future__ import annotations

import errno
import zlib
from typing import TYPE_CHECKING

from engine.logs import files, format
from engine.logs.format import BLOCK_BYTES, CONTINUES, GAP, PARTIAL, Record
from engine.logs.segments import Segments

if TYPE_CHECKING:
    from engine.runner.masking import Masker

PARTIAL_BYTES = 64 << 10
PARTIAL_HOLD_NS = 200_000_000
RETRY_NS = 1_000_000_000  # how long a full disk is left alone

sync_all = files.sync_all


class AttemptLog:
    """The output of one attempt on its way to the disk."""

    def __init__(
        self, log_dir: str, number: int, step: str, masker: Masker | None, limit_bytes: int
    ) -> None:
        self._number = number
        self._masker = masker.fresh() if masker is not None and masker.active else None
        self._segments = Segments(log_dir, number, step, limit_bytes)
        self._index: files.Index | None = None
        self._log_dir = log_dir
        self._held: dict[int, bytearray] = {}
        self._held_since: dict[int, int] = {}
        self._inside_line: dict[int, bool] = {}  # the last block on disk did not end its line
        self._dropped: dict[int, int] = {}  # bytes of each stream that wait for a gap record
        self._failed_at_ns: int | None = None
        self._records = 0
        self.dropped_bytes = 0
        self.problem: OSError | None = None

    # -- what the runner calls --

    def feed(self, stream: int, data: bytes | memoryview, now_ns: int) -> None:
        """Take bytes as they came; whole lines go to the disk at once, the rest is held."""
        if self._masker is not None:
            data = self._masker.feed(stream, data)
        elif not isinstance(data, bytes):
            data = bytes(data)
        if data:
            self._take(stream, data, now_ns)

    def mask_by(self, masker: Masker) -> None:
        """Mask more values from now on; what an earlier masker held back goes to this one."""
        self._masker = masker.after(self._masker)

    def flush_partial(self, now_ns: int) -> None:
        """Write the unfinished lines that have been held for long enough."""
        for stream, since in list(self._held_since.items()):
            if not 0 <= now_ns - since < PARTIAL_HOLD_NS:  # also after the clock was set back
                self._write_held(stream, now_ns)

    @property
    def has_partial(self) -> bool:
        """True while an unfinished line is held that `flush_partial` will write."""
        return bool(self._held_since)

    @property
    def partial_due_ns(self) -> int | None:
        """When `flush_partial` has something to write."""
        if not self._held_since:
            return None
        return min(self._held_since.values()) + PARTIAL_HOLD_NS

    def close(self, now_ns: int) -> tuple[int, int]:
        """Write what is held and end; (bytes in the files now, index records of this attempt)."""
        self._failed_at_ns = None  # try once more, however short ago it failed
        if self._masker is not None:
            for stream in (format.STDOUT, format.STDERR, format.ENGINE):
                rest = self._masker.flush(stream)
                if rest:
                    self._take(stream, rest, now_ns)
        for stream in list(self._held_since):
            self._write_held(stream, now_ns)
        self._write_gaps_at_last(now_ns)
        self._segments.close()
        if self._index is not None:
            self._index.release()
            self._index = None
        return self._segments.kept_bytes, self._records

    @property
    def lost_bytes(self) -> int:
        """After `close`: bytes that not even a gap record could tell of."""
        return sum(self._dropped.values())

    def sync(self) -> None:
        """Make what was written so far survive a power cut; also right after `close`."""
        files.sync_directory_of(self._log_dir)

    # -- lines --

    def _take(self, stream: int, data: bytes, now_ns: int) -> None:
        end = data.rfind(b"\n") + 1
        held = self._held.get(stream)
        if end:
            whole = data if end == len(data) else data[:end]
            if held:
                whole = bytes(held) + whole
                self._release(stream)
            self._write(stream, whole, now_ns)
            if end == len(data):
                return
            data = data[end:]
        self._hold(stream, data, now_ns)

    def _hold(self, stream: int, data: bytes, now_ns: int) -> None:
        self._held.setdefault(stream, bytearray()).extend(data)
        self._held_since.setdefault(stream, now_ns)
        if len(self._held[stream]) >= PARTIAL_BYTES:
            self._write_held(stream, now_ns)

    def _write_held(self, stream: int, now_ns: int) -> None:
        data = bytes(self._held[stream])
        self._release(stream)
        self._write(stream, data, now_ns)

    def _release(self, stream: int) -> None:
        self._held[stream] = bytearray()
        self._held_since.pop(stream, None)

    # -- blocks --

    def _write(self, stream: int, data: bytes, now_ns: int) -> None:
        largest = min(BLOCK_BYTES, self._segments.segment_bytes)
        if len(data) <= largest:
            self._write_block(stream, data, now_ns)
            return
        start = 0
        while start < len(data):
            end = min(start + largest, len(data))
            newline = data.rfind(b"\n", start, end)
            if newline >= 0:
                end = newline + 1
            self._write_block(stream, data[start:end], now_ns)
            start = end

    def _write_block(self, stream: int, data: bytes, now_ns: int) -> None:
        if self._waits_for_space(now_ns):
            self._drop(stream, len(data))
            return
        try:
            self._write_gaps(now_ns)
            self._store(stream, data, now_ns)
        except OSError as error:
            # A full disk, a quota, a lost mount: the step must go on, so its output gives way.
            self.problem = error
            self._failed_at_ns = now_ns
            self._drop(stream, len(data))

    def _store(self, stream: int, data: bytes, now_ns: int) -> None:
        rolled = self._segments.make_room(len(data))
        if rolled is not None:
            self._append(rolled._replace(time_ns=now_ns, stream=stream))
        before = self._segments.append(data)
        flags = CONTINUES if self._inside_line.get(stream) else 0
        inside = not data.endswith(b"\n")
        if inside:
            flags |= PARTIAL
        lines, crc, segment = data.count(b"\n"), zlib.crc32(data), self._segments.number
        record = Record(
            now_ns, self._number, stream, flags, segment, before, len(data), lines, crc
        )
        try:
            self._append(record)
        except OSError:
            self._segments.take_back(before)
            raise
        self._inside_line[stream] = inside

    def _append(self, record: Record) -> None:
        if self._index is None:
            self._index = files.open_index(self._log_dir)
        self._index.append(format.pack_record(record))
        self._records += 1

    # -- what could not be written --

    def _waits_for_space(self, now_ns: int) -> bool:
        failed = self._failed_at_ns
        return failed is not None and 0 <= now_ns - failed < RETRY_NS

    def _drop(self, stream: int, count: int) -> None:
        self._dropped[stream] = self._dropped.get(stream, 0) + count
        self._inside_line[stream] = False
        self.dropped_bytes += count

    def _write_gaps(self, now_ns: int) -> None:
        if not self._dropped:
            return
        cause = (self.problem.errno if self.problem else None) or errno.EIO
        for stream, count in list(self._dropped.items()):
            while count > 0:
                part = min(count, 0xFFFFFFFF)
                segment = self._segments.number
                self._append(
                    Record(now_ns, self._number, stream, GAP, segment, cause, part, 0, 0)
                )
                count -= part
                self._dropped[stream] = count
            del self._dropped[stream]
        self._failed_at_ns = None
        self.problem = None

    def _write_gaps_at_last(self, now_ns: int) -> None:
        try:
            self._write_gaps(now_ns)
        except OSError as error:
            self.problem = error  # `dropped_bytes` still tells how much is missing
