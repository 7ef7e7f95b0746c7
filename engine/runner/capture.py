"""Reads what attempts print from their pipes and hands it to the logs.

Role: one Recorder in the runner, one Capture an attempt. Everything passes through one reused
buffer, so that output of any size costs constant memory. Imports the standard library, and the
log writer at the first byte.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from engine.runner.add_mask import MaskLines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.logs.writer import AttemptLog
    from engine.runner.attempt import Attempt
    from engine.runner.masking import Masker
    from engine.runner.poller import Poller
    from engine.runner.timers import Timers

# below the size from which the C library maps memory for every copy: half the cost of 1 MiB
BUFFER_BYTES = 96 << 10
READS_PER_TURN = 8  # of one stream, then the others have their turn
PIPE_BYTES = 1 << 16  # what a new pipe holds
BUSY_PIPE_BYTES = 1 << 20
PARTIAL_S = 0.1
GREW_S = 0.1
SYNC_S = 0.5
MASKERS_KEPT = 64
STDOUT, STDERR = 1, 2


class Capture:
    """The two pipes of one attempt, their log, and stdout itself where it is the output."""

    __slots__ = (
        "_grown",
        "_recorder",
        "_watched",
        "attempt",
        "commands",
        "fds",
        "kept",
        "kept_limit",
        "log",
        "lost_bytes",
        "on_end",
    )

    def __init__(self, attempt: Attempt, recorder: Recorder, on_end: Callable[[], None]) -> None:
        self.attempt = attempt
        self.on_end = on_end  # called when the last pipe has ended
        self.fds = [-1, -1, -1]
        self.log: AttemptLog | None = None
        self.commands = MaskLines()
        self.lost_bytes = 0
        spec = attempt.spec
        self.kept = bytearray() if spec["outputs"] == "json" else None
        self.kept_limit: int = spec["output_limit_bytes"]
        self._grown = 0
        self._watched = False
        self._recorder = recorder

    def open(self) -> tuple[int, int]:
        """Make fresh pipes; the caller hands on the two write ends and closes its own."""
        out, out_write = os.pipe2(os.O_CLOEXEC)
        try:
            err, err_write = os.pipe2(os.O_CLOEXEC)
        except OSError:
            os.close(out)
            os.close(out_write)
            raise
        os.set_blocking(out, False)
        os.set_blocking(err, False)
        self.fds[STDOUT], self.fds[STDERR] = out, err
        return out_write, err_write

    def watch(self) -> None:
        """Read from now on whenever there is something.

        Not from the start: most short steps are over before, and what they printed waits in the
        pipe; without this each of them would wake the loop once more.
        """
        if not self._watched:
            self._watched = True
            poller = self._recorder.poller
            if self.fds[STDOUT] >= 0:
                poller.add(self.fds[STDOUT], self._on_stdout)
            if self.fds[STDERR] >= 0:
                poller.add(self.fds[STDERR], self._on_stderr)

    @property
    def ended(self) -> bool:
        """True when both pipes have come to their end."""
        return self.fds[STDOUT] < 0 and self.fds[STDERR] < 0

    def drain(self) -> bool:
        """Read what a pipe holds at most; True when both pipes have come to their end."""
        for stream in (STDOUT, STDERR):
            for _ in range(BUSY_PIPE_BYTES // BUFFER_BYTES + 2):  # a stranger may never stop
                if not self._read(stream):
                    break
        return self.ended

    def close(self) -> None:
        """Let go of the pipes, also where somebody still holds the other end."""
        for stream in (STDOUT, STDERR):
            self._end(stream)

    def _on_stdout(self, _events: int) -> None:
        self._read_on(STDOUT)

    def _on_stderr(self, _events: int) -> None:
        self._read_on(STDERR)

    def _read_on(self, stream: int) -> None:
        for _ in range(READS_PER_TURN):
            if self._read(stream) < BUFFER_BYTES:
                break
        if self.ended:
            self.on_end()

    def _read(self, stream: int) -> int:
        """Read one chunk: its size, 0 when there is nothing more now."""
        fd = self.fds[stream]
        if fd < 0:
            return 0
        recorder = self._recorder
        try:
            count = os.readv(fd, recorder.buffers[stream])
        except BlockingIOError:
            return 0
        if not count:
            self._end(stream)
            return 0
        if count >= PIPE_BYTES and not self._grown & stream:
            self._grow(stream)
        if stream == STDERR:
            self._take_stdout()
        recorder.feed(self, stream, count)
        return count

    def _take_stdout(self) -> None:
        """What was printed before the chunk of stderr that is at hand: it may ask to mask."""
        for _ in range(BUSY_PIPE_BYTES // BUFFER_BYTES + 2):
            if self._read(STDOUT) < BUFFER_BYTES:
                return

    def _grow(self, stream: int) -> None:
        """A busy stream gets a larger pipe: fewer turns for the same bytes."""
        self._grown |= stream
        with contextlib.suppress(OSError):  # over the user's share: the small one works too
            fcntl.fcntl(self.fds[stream], fcntl.F_SETPIPE_SZ, BUSY_PIPE_BYTES)

    def _end(self, stream: int) -> None:
        fd = self.fds[stream]
        if fd >= 0:
            self.fds[stream] = -1
            if self._watched:
                self._recorder.poller.remove(fd)
            os.close(fd)


class Recorder:
    """What all captures share: the buffer, maskers, the flushing and syncing of logs."""

    def __init__(self, poller: Poller, timers: Timers, report: Callable[[str], None]) -> None:
        self.poller = poller
        self.on_growth: Callable[[str], None] | None = None  # with the execution, while watched
        self.on_masks: Callable[[str, list[str]], None] | None = None
        self._timers = timers
        self._report = report
        # one for each stream: what stdout holds is recorded while a chunk of stderr is at hand
        self.buffers = {stream: [bytearray(BUFFER_BYTES)] for stream in (STDOUT, STDERR)}
        self._views = {stream: memoryview(part[0]) for stream, part in self.buffers.items()}
        self._maskers: dict[tuple[str, ...], Masker] = {}
        self._partial: set[Capture] = set()
        self._unsynced = self._syncing = False

    def feed(self, capture: Capture, stream: int, count: int) -> None:
        """Record the first `count` bytes of the stream's buffer."""
        found = capture.commands.look(stream, self.buffers[stream][0], count)
        data: memoryview | bytes = self._views[stream][:count]
        if found is not None:  # what may be a command to mask, or its beginning, is among it
            data, values = found
            if values and self.on_masks is not None:
                self.on_masks(capture.attempt.execution, values)
            if not data:
                return
        self._record(capture, stream, data)

    def _record(self, capture: Capture, stream: int, data: memoryview | bytes) -> None:
        kept = capture.kept
        if kept is not None and stream == STDOUT and len(kept) <= capture.kept_limit:
            kept += data[: capture.kept_limit + 1 - len(kept)]
        try:
            log = capture.log
            if log is None:
                log = capture.log = self._open_log(capture.attempt.spec)
            log.feed(stream, data, time.time_ns())
        except Exception as error:  # whatever befalls the log: the step must not hang on its pipe
            self._lose(capture, len(data), error)
            return
        if capture not in self._partial and log.has_partial:
            self._partial.add(capture)
            self._timers.set(self._flush_partials, time.monotonic() + PARTIAL_S)
        if not self._unsynced:
            self._unsynced = True
            self._timers.set(self._sync, time.monotonic() + SYNC_S)
        if self.on_growth is not None:
            self.on_growth(capture.attempt.execution)

    def finish(self, capture: Capture) -> tuple[int, int]:
        """Close the log: its bytes and index records."""
        for stream in capture.commands.unfinished():
            data, values = capture.commands.rest(stream)
            if values and self.on_masks is not None:
                self.on_masks(capture.attempt.execution, values)
            if data:
                self._record(capture, stream, data)
        self._partial.discard(capture)
        log = capture.log
        if log is None:
            return 0, 0
        figures = log.close(time.time_ns())
        if capture.attempt.spec["log_sync"]:
            try:
                log.sync()
            except OSError as error:
                self._lose(capture, 0, error)
        capture.attempt.log_lost_bytes = log.lost_bytes
        if log.dropped_bytes:
            self._report(f"log of {capture.attempt.id}: {log.dropped_bytes} bytes: {log.problem}")
        return figures

    def masker_for(self, values: list[str]) -> Masker | None:
        """The masker of these values; the steps of an execution share one."""
        if not values:
            return None
        key = tuple(values)
        masker = self._maskers.get(key)
        if masker is None:
            from engine.runner.masking import Masker

            if len(self._maskers) >= MASKERS_KEPT:
                del self._maskers[next(iter(self._maskers))]
            masker = self._maskers[key] = Masker(values)
        return masker

    def _open_log(self, spec: dict[str, Any]) -> AttemptLog:
        from engine.logs.writer import AttemptLog

        return AttemptLog(
            spec["log_dir"], spec["number"], spec["step"],
            self.masker_for(spec["masks"]), spec["log_limit_bytes"],
        )  # fmt: skip

    def _lose(self, capture: Capture, count: int, error: Exception) -> None:
        if not capture.lost_bytes:
            self._report(f"log of {capture.attempt.id}: {error!r}; its output is not kept")
        capture.lost_bytes += max(1, count)

    def _flush_partials(self, now: float) -> None:
        moment_ns = time.time_ns()
        for capture in list(self._partial):
            log = capture.log
            if log is not None:
                log.flush_partial(moment_ns)
            if log is None or not log.has_partial:
                self._partial.discard(capture)
                if self.on_growth is not None:
                    self.on_growth(capture.attempt.execution)
        if self._partial:
            self._timers.set(self._flush_partials, now + PARTIAL_S)

    def _sync(self, now: float) -> None:
        """Sync what was written, in a thread: a slow disk must not hold the loop."""
        if self._syncing:
            self._timers.set(self._sync, now + SYNC_S)
            return
        self._unsynced, self._syncing = False, True
        import threading

        threading.Thread(target=self._sync_logs, daemon=True).start()

    def _sync_logs(self) -> None:
        from engine.logs.writer import sync_all

        try:
            sync_all()
        except OSError as error:
            self._report(f"logs could not be synced: {error}")
        finally:
            self._syncing = False
