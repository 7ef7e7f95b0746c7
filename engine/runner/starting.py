"""How attempts start: a few each turn, `begin` on the disk first, then pipes, then the process.

Role: called by runner.py, which writes the records between `choose` and `start`. Imports the
standard library and the runner's own parts.
"""

from __future__ import annotations

import collections
import os
import signal
import time
import traceback

from engine.runner.attempt import QUEUED, RUNNING
from engine.runner.capture import Capture
from engine.runner.items import lay_out
from engine.runner.procfs import new_marker, read_stat
from engine.runner.spawn import StartFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runner.attempt import Attempt
    from engine.runner.capture import Recorder
    from engine.runner.containment import Containment
    from engine.runner.ending import Endings
    from engine.runner.poller import Poller
    from engine.runner.results import ResultsFile
    from engine.runner.spawn import Spawner
    from engine.runner.timers import Action, Timers
    from engine.runner.worker import Worker
    from engine.runner.workers import Workers

SPAWNS_PER_TURN = 4  # between two looks at the pipes: a spawn takes half a millisecond
LISTEN_S = 0.01  # what ends sooner needs nobody who waits for its output: that is in the pipe
ANNOUNCE_S = 0.025  # what ends sooner needs no `began` and no `pid` record


class Starting:
    """Attempts on their way from queued to running."""

    def __init__(
        self, poller: Poller, timers: Timers, results: ResultsFile, spawner: Spawner,
        recorder: Recorder, workers: Workers, containment: Containment, endings: Endings,
        announce: Callable[[list[str]], None], report: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.queue: collections.deque[Attempt] = collections.deque()  # shells to spawn
        self._fresh: collections.deque[Attempt] = collections.deque()  # began just now
        self._unannounced: collections.deque[Attempt] = collections.deque()  # began a while ago
        self._poller = poller
        self._timers = timers
        self._results = results
        self._spawner = spawner
        self._recorder = recorder
        self._workers = workers
        self._containment = containment
        self._endings = endings
        self._announce = announce
        self._report = report

    def choose(self, now: float) -> list[tuple[Attempt, Worker | None]]:
        """The attempts to start in this turn, with their `begin` records queued."""
        chosen: list[tuple[Attempt, Worker | None]] = []
        while self.queue and len(chosen) < SPAWNS_PER_TURN:
            attempt = self.queue.popleft()
            if attempt.state == QUEUED:
                attempt.marker = new_marker()
                chosen.append((attempt, None))
        for attempt, worker in self._workers.pair(now):
            self._workers.take(attempt, worker)
            chosen.append((attempt, worker))
        for attempt, _ in chosen:
            self._results.add(attempt.id, attempt.begin_record())
        return chosen

    def start(self, attempt: Attempt, worker: Worker | None, now: float) -> None:
        """Start an attempt whose `begin` is on the disk; or tell why it cannot start."""
        if attempt.state != QUEUED:  # cancelled while its `begin` was on the way to the disk
            if worker is not None:
                self._workers.release(worker, now)
            return
        attempt.capture = Capture(attempt, self._recorder, lambda: self._endings.check(attempt))
        self._containment.own(attempt)
        try:
            self._hand_over(attempt, worker, now)
        except Exception as error:  # a request that is not as agreed is this attempt's trouble
            if not isinstance(error, StartFailed | OSError):
                self._report(traceback.format_exc())
            self._workers.lose(worker)
            self._endings.failed_to_start(attempt, str(error), now)
            return
        if worker is None:
            self._watch_process(attempt, now)
        self._endings.watch_time(attempt)
        self._fresh.append(attempt)
        self._timers.set(self._listen, now + LISTEN_S)

    def _hand_over(self, attempt: Attempt, worker: Worker | None, now: float) -> None:
        """Give the attempt its pipes and its process."""
        assert attempt.capture is not None
        stdout, stderr = attempt.capture.open()
        try:
            if "batch" in attempt.spec:
                lay_out(attempt, self._spawner.memory)
            attempt.begin(now)
            if worker is not None:
                self._workers.send(attempt, worker, stdout, stderr)
            else:
                attempt.pid = self._spawner.start_shell(attempt, stdout, stderr)
        finally:
            os.close(stdout)
            os.close(stderr)

    def _watch_process(self, attempt: Attempt, now: float) -> None:
        self._containment.know(attempt.pid)
        try:
            # the two ends just closed leave room for it
            attempt.pidfd = os.pidfd_open(attempt.pid)
        except OSError as error:
            self._report(f"{attempt.id}: cannot watch its process, so it is killed: {error}")
            os.killpg(attempt.pid, signal.SIGKILL)
            _, status, usage = os.wait4(attempt.pid, 0)
            self._containment.forget(attempt.pid)
            self._endings.exited(attempt, status, usage, now)
            return
        self._poller.add(attempt.pidfd, lambda _events: self._main_exited(attempt))

    def _main_exited(self, attempt: Attempt) -> None:
        if attempt.pidfd < 0:
            return
        reaped, status, usage = os.wait4(attempt.pid, os.WNOHANG)
        if reaped:
            self._poller.remove(attempt.pidfd)
            os.close(attempt.pidfd)
            self._containment.forget(attempt.pid)
            self._endings.exited(attempt, status, usage, time.monotonic())

    def _listen(self, now: float) -> None:
        """Attempts that still run after a moment: what they print is read from now on."""
        for attempt in self._outlasting(self._fresh, LISTEN_S, self._listen, now):
            if attempt.capture is not None:
                attempt.capture.watch()
            self._unannounced.append(attempt)
            self._timers.set(self._announce_lasting, attempt.clock_began + ANNOUNCE_S)

    def _announce_lasting(self, now: float) -> None:
        """Attempts that still run after a while: the engine hears of them."""
        lasting = self._outlasting(self._unannounced, ANNOUNCE_S, self._announce_lasting, now)
        if lasting:  # the records go to the disk at the end of this turn
            self._announce([self._identify(attempt) for attempt in lasting])

    def _outlasting(
        self, line: collections.deque[Attempt], span_s: float, again: Action, now: float
    ) -> list[Attempt]:
        """Those of a line, oldest first, that have run for so long; the others come again."""
        found = []
        while line:
            attempt = line[0]
            if attempt.state == RUNNING:
                if attempt.clock_began + span_s > now:
                    self._timers.set(again, attempt.clock_began + span_s)
                    break
                found.append(attempt)
            line.popleft()
        return found

    def _identify(self, attempt: Attempt) -> str:
        if not attempt.start_ticks:
            stat = read_stat(attempt.pid)
            attempt.start_ticks = stat.start_ticks if stat is not None else 0
        self._results.add(attempt.id, attempt.pid_record())
        return attempt.began_json()
