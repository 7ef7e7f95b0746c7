"""How attempts end: by themselves, by a timeout, by a cancel; and what must be true before `end`.

Role: the way of docs/protocols.md from the main process's exit to the `end` record: empty the
containment set, drain the pipes, flush the log. Called by runner.py. Imports the standard library
and the runner's own parts.
"""

from __future__ import annotations

import os

from engine.runner import procfs
from engine.runner.attempt import CLOSING, QUEUED, RUNNING
from engine.runner.declared import collect_outputs
from engine.runner.timers import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.runner.attempt import Attempt
    from engine.runner.capture import Recorder
    from engine.runner.containment import Containment
    from engine.runner.memory import MemoryFiles
    from engine.runner.timers import Timers

LEFTOVER_GRACE_S = 0.5  # between SIGTERM and SIGKILL for what a step left behind
DRAIN_S = 2.0  # how long a stranger may hold a pipe open after the end
KILL_AGAIN_S = 0.02
MESSAGE_LIMIT = 4096
LOOK_S = 0.25
OOM_LOOKS = 4  # a kill within the last second may be ours
GIVE_UP_S = 10.0  # a process that SIGKILL does not end in this time hangs in the kernel


class Endings:
    """Moves attempts from running over closing to ended."""

    def __init__(
        self, containment: Containment, recorder: Recorder, timers: Timers, memory: MemoryFiles,
        report: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.on_leftovers: Callable[[Attempt], None] = lambda _attempt: None
        self.ended: list[Attempt] = []  # taken by the runner once a turn
        self.live: dict[str, Attempt] = {}
        self._containment = containment
        self._recorder = recorder
        self._timers = timers
        self._memory = memory
        self._report = report
        self._exited = False  # a main process has exited in this turn
        self._check: dict[Attempt, None] = {}
        self._oom_kills: tuple[int, ...] = (0,)  # the latest readings, LOOK_S apart
        self._looking = False
        self._is_last_look = False
        self._rss_floor_bytes = 0

    def add(self, attempt: Attempt, now: float) -> None:
        """Take in an attempt that has been asked for."""
        if not self._looking:
            self._looking = True
            count = procfs.oom_kills()
            self._oom_kills = (count,)
            self._timers.set(self._look, now + LOOK_S)
        self.live[attempt.id] = attempt

    def _look(self, now: float) -> None:
        """What has to be looked at now and then, as long as something runs, and once more."""
        self._containment.adopt()  # a daemon that ends while its step runs on is to be reaped
        if not self.live and self._is_last_look:
            self._looking = False
            return
        self._is_last_look = not self.live  # what was killed may become our child a little later
        self._timers.set(self._look, now + LOOK_S)
        self._bound_outputs()
        self._oom_kills = (*self._oom_kills[-OOM_LOOKS:], procfs.oom_kills())

    def watch_time(self, attempt: Attempt) -> None:
        """Wake the attempt at its next moment."""
        at = attempt.plan()
        if at != NEVER:
            self._timers.set(self._wake, at)

    def check(self, attempt: Attempt) -> None:
        """Look at a closing attempt again at the end of this turn."""
        if attempt.state == CLOSING:
            self._check[attempt] = None

    def exited(self, attempt: Attempt, status: int, usage: Any, now: float) -> None:
        """The main process has been reaped."""
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            attempt.exit_code = code
        else:
            attempt.signal_number = -code
        attempt.add_usage(usage)
        attempt.pidfd = -1
        if code == -9 and attempt.reason is None:
            attempt.oom = self._oom_killed()
        self.close(attempt, now)

    def close(self, attempt: Attempt, now: float) -> None:
        """The main process is done: what is left is to empty, drain and flush."""
        attempt.state = CLOSING
        attempt.deadline = attempt.sample_at = NEVER
        attempt.drain_until = now + DRAIN_S
        self._exited = True
        self._check[attempt] = None

    def failed_to_start(self, attempt: Attempt, message: str, now: float) -> None:
        """There is no process; the attempt ends at once."""
        attempt.start_failed = message
        attempt.error = {"type": "start_failed", "message": message[:MESSAGE_LIMIT]}
        self._finish(attempt, now)

    def cancel(self, attempt: Attempt, kill: bool, reason: str, now: float) -> None:
        """End a queued or running attempt with this reason; a kill overtakes a cancel."""
        if attempt.state == QUEUED:
            attempt.reason = reason
            self._finish(attempt, now)
            return
        if attempt.reason is None and attempt.state == RUNNING:
            attempt.reason = reason
        elif attempt.reason is None or not kill:
            return  # it has ended by itself already, or is being cancelled
        elif attempt.reason == "cancelled":
            attempt.reason = reason
        attempt.deadline = NEVER
        if kill:
            attempt.kill_at = now
            self._kill(attempt, now)
        else:
            self._containment.terminate(attempt)
            attempt.kill_at = min(attempt.kill_at, now + attempt.grace_s)
        self.watch_time(attempt)

    def recall(self, attempt: Attempt, now: float) -> None:
        """End an attempt only if it has not begun."""
        if attempt.state == QUEUED:
            attempt.reason = "recalled"
            self._finish(attempt, now)

    def settle(self, now: float) -> None:
        """Once a turn: move every attempt on that may have become able to."""
        while self._check:
            if self._exited:
                self._exited = False
                self._containment.adopt()
            attempts, self._check = self._check, {}
            for attempt in attempts:
                if attempt.state == CLOSING:
                    self._move(attempt, now)

    def _move(self, attempt: Attempt, now: float) -> None:
        """From closing to ended, as far as it goes now."""
        if attempt.worker is not None and attempt.worker.leaving_with is attempt:
            return  # the worker takes what was left behind with it
        capture = attempt.capture
        if not self._is_empty(attempt, now):
            if capture is not None:
                capture.watch()
            return
        if capture is not None and not capture.drain() and now < attempt.drain_until:
            capture.watch()
            attempt.kill_at = NEVER
            self.watch_time(attempt)
            return
        self._finish(attempt, now)

    def _is_empty(self, attempt: Attempt, now: float) -> bool:
        """True when nothing of the attempt lives; otherwise its end is on the way."""
        if not attempt.adopted and attempt.reason is None:
            return True
        living = attempt.adopted.keys() - attempt.unkillable
        if not living and attempt.reason is not None and not attempt.swept:
            living = set(self._containment.marked(attempt))  # a cancel is checked everywhere
            attempt.swept = not living
        if not living:
            return True
        if now > attempt.drain_until + GIVE_UP_S + attempt.grace_s:
            self._report(f"{attempt.id}: {len(living)} processes cannot be ended: {living}")
            return True
        if attempt.reason is None and attempt.kill_at == NEVER:
            attempt.leftovers += len(living)
            self.on_leftovers(attempt)
            self._containment.terminate_adopted(attempt)
            attempt.kill_at = now + LEFTOVER_GRACE_S
        elif attempt.kill_at <= now:
            self._kill(attempt, now)
        self.watch_time(attempt)
        return False

    def _kill(self, attempt: Attempt, now: float) -> None:
        self._containment.kill(attempt)
        attempt.kill_at = now + KILL_AGAIN_S
        self._exited = True  # what was below the killed ones is ours to adopt now

    def _wake(self, now: float) -> None:
        """A moment that some attempt waits for has come."""
        for attempt in list(self.live.values()):
            if attempt.wake_at > now:
                continue
            if attempt.state == RUNNING:
                self._wake_running(attempt, now)
            elif attempt.state == CLOSING:
                self._check[attempt] = None
                if attempt.kill_at <= now:
                    self._kill(attempt, now)
        wake_at = min((attempt.plan() for attempt in self.live.values()), default=NEVER)
        if wake_at != NEVER:
            self._timers.set(self._wake, max(wake_at, now + 0.001))

    def _wake_running(self, attempt: Attempt, now: float) -> None:
        if attempt.deadline <= now:
            self.cancel(attempt, kill=False, reason="timeout", now=now)
        if attempt.kill_at <= now:
            self._kill(attempt, now)
        if attempt.sample_at <= now:
            sample_peak(attempt, now)

    def _finish(self, attempt: Attempt, now: float) -> None:
        """Nothing of it runs or prints any more: its place is free, `complete` makes its `end`."""
        attempt.finish(now)
        self._containment.disown(attempt)
        for pid in attempt.adopted:
            self._report(f"{attempt.id}: process {pid} outlived it (not ours to signal?)")
        if attempt.capture is not None:
            attempt.capture.close()
        self.live.pop(attempt.id, None)
        self.ended.append(attempt)

    def complete(self, attempt: Attempt) -> None:
        """Everything is known: close the log, read the outputs, make the `end`."""
        log_bytes, log_records = 0, 0
        if attempt.capture is not None:
            log_bytes, log_records = self._recorder.finish(attempt.capture)
        collect_outputs(attempt, self._recorder.masker_for)
        attempt.end_json = attempt.make_end_json(log_bytes, log_records, self._rss_floor(attempt))
        if attempt.output_fd >= 0 and self._is_alone(attempt) and not attempt.declared:
            self._memory.give_back(attempt.output_fd)  # nobody can write to it any more
            attempt.output_fd = -1
        forget_details(attempt)

    def _is_alone(self, attempt: Attempt) -> bool:
        """True when an attempt that has ended has left nothing behind, also nothing killed."""
        left = attempt.leftovers or attempt.adopted or attempt.unkillable
        return self._containment.subreaper and not left

    def _bound_outputs(self) -> None:
        """Cut what a step floods its outputs file with: that file is memory."""
        for attempt in self.live.values():
            worker = attempt.worker
            fd = worker.output_fd if worker is not None else attempt.output_fd
            if fd >= 0 and os.fstat(fd).st_size > attempt.spec["output_limit_bytes"] * 2:
                os.ftruncate(fd, attempt.spec["output_limit_bytes"] + 1)

    def _rss_floor(self, attempt: Attempt) -> int:
        """Peaks up to this size are the runner's own, which a spawned process starts with."""
        floor_bytes = self._rss_floor_bytes
        if not floor_bytes or floor_bytes < attempt.max_rss_bytes <= floor_bytes * 2:  # we may grow
            self._rss_floor_bytes = max(floor_bytes, own_peak_rss_bytes())
        return 0 if attempt.worker is not None else self._rss_floor_bytes

    def _oom_killed(self) -> bool:
        """True when the kernel has killed for memory within the last seconds."""
        return procfs.oom_kills() > self._oom_kills[0]


def own_peak_rss_bytes() -> int:
    """The runner's own peak."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def sample_peak(attempt: Attempt, now: float) -> None:
    """Note the peak of each process of a running attempt; small ones are known only this way."""
    if attempt.worker is not None or not attempt.pid:
        attempt.sample_at = NEVER
        return
    pids = [attempt.pid, *attempt.adopted]
    while pids:
        pid = pids.pop()
        attempt.peak_rss_bytes = max(attempt.peak_rss_bytes, procfs.read_peak_rss_bytes(pid))
        pids.extend(procfs.read_children(pid))
    elapsed_s = now - attempt.clock_began
    attempt.sample_at = now + min(5.0, max(0.25, elapsed_s))  # ever more seldom


def forget_details(attempt: Attempt) -> None:
    """Keep of an ended attempt only what a repeated `ends` needs."""
    for fd in (attempt.output_fd, attempt.script_fd, *attempt.item_fds):
        if fd >= 0:
            os.close(fd)
    attempt.output_fd = attempt.script_fd = -1
    attempt.item_fds = ()
    attempt.spec = {}
    attempt.outputs = {}
    attempt.declared = b""
    attempt.error = attempt.capture = attempt.failed_items = None
    attempt.worker = None
