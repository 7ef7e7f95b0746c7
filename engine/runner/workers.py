"""Warm Python workers: interpreters that stay, one set for each flow version.

Role: gives waiting `python` attempts to idle workers, starts and recycles workers. Called by
runner.py; the other side is in warm/. Imports the standard library and the runner's own
parts.
"""

from __future__ import annotations

import os
import time

from engine.runner.attempt import CLOSING, QUEUED, RUNNING
from engine.runner.spawn import StartFailed
from engine.runner.timers import NEVER
from engine.runner.worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.runner.attempt import Attempt
    from engine.runner.containment import Containment
    from engine.runner.ending import Endings
    from engine.runner.poller import Poller
    from engine.runner.spawn import Spawner
    from engine.runner.timers import Timers

    SetKey = tuple[str, ...]

IDLE_S = 10.0
ATTEMPTS_PER_WORKER = 1000
PATIENCE_S = 0.02  # a longer wait for a worker asks for one more
LEAVE_S = 2.0
HTTP_CALL = "engine.httpstep.carry:carry"
OWN_PATH = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IN_WORKERS = frozenset({"python", "http"})  # the kinds of steps that run here
WORKERS_KEPT = 32  # beyond it, a new worker takes the place of an idle one


class WorkerSet:
    """The workers of one flow version, and the attempts that wait for one of them."""

    def __init__(self, key: SetKey) -> None:
        self.key = key
        self.waiting: dict[Attempt, float] = {}  # since when
        self.idle: list[Worker] = []
        self.size = 0
        self.starting = 0


class Workers:
    """All sets."""

    def __init__(
        self, python: str, poller: Poller, timers: Timers, spawner: Spawner,
        containment: Containment, endings: Endings,
    ) -> None:  # fmt: skip
        self._python = python
        self._poller = poller
        self._timers = timers
        self._spawner = spawner
        self._containment = containment
        self._endings = endings
        self._sets: dict[SetKey, WorkerSet] = {}
        self._wanting: dict[WorkerSet, None] = {}  # the sets with attempts that wait
        self._all: dict[int, Worker] = {}
        self._starting = 0
        self._start_limit = max(2, os.cpu_count() or 2)

    def check(self, spec: dict[str, Any]) -> None:
        """Raises KeyError for what a request lacks; an `http` step is a call of our own code."""
        if spec["kind"] == "http":
            args = {"http": spec["http"], "limit_bytes": spec["output_limit_bytes"]}
            spec["python"] = {"call": HTTP_CALL, "args": args, "path": [OWN_PATH], "set": "http"}
        python = spec["python"]
        for name in ("set", "path", "args", "call" if python.get("call") else "script"):
            python[name]

    def submit(self, attempt: Attempt, now: float) -> None:
        """Let the attempt wait for a worker of its set."""
        python = attempt.spec["python"]
        key = (python["set"], *python["path"])
        worker_set = self._sets.get(key)
        if worker_set is None:
            worker_set = self._sets[key] = WorkerSet(key)
        worker_set.waiting[attempt] = now
        self._wanting[worker_set] = None

    def pair(self, now: float) -> list[tuple[Attempt, Worker]]:
        """Attempts that can go to a worker now; starts workers where they are short."""
        pairs: list[tuple[Attempt, Worker]] = []
        for worker_set in list(self._wanting):
            for attempt in [a for a in worker_set.waiting if a.state != QUEUED]:
                del worker_set.waiting[attempt]  # cancelled meanwhile
            while worker_set.waiting and worker_set.idle:
                attempt = next(iter(worker_set.waiting))
                del worker_set.waiting[attempt]
                pairs.append((attempt, worker_set.idle.pop()))
            if worker_set.waiting:
                self._start_more(worker_set, now)
            else:
                del self._wanting[worker_set]
        return pairs

    def take(self, attempt: Attempt, worker: Worker) -> None:
        """Reserve the worker, so that the attempt's `begin` can name its marker."""
        attempt.marker = worker.marker
        worker.attempt = attempt
        attempt.worker = worker

    def release(self, worker: Worker, now: float) -> None:
        """The attempt was cancelled before it was sent: the worker waits again."""
        worker.attempt = None
        self._make_idle(worker, now)

    def lose(self, worker: Worker | None) -> None:
        """The attempt could not be sent: this worker is not to be trusted any more."""
        if worker is not None:
            worker.attempt = None
            self._retire(worker)

    def send(self, attempt: Attempt, worker: Worker, stdout: int, stderr: int) -> None:
        """Hand the attempt to its worker; raises StartFailed."""
        worker.send(attempt.spec, stdout, stderr)
        attempt.pid, attempt.pidfd = worker.pid, worker.pidfd
        attempt.start_ticks = worker.start_ticks

    def retire_of(self, attempt: Attempt) -> None:
        """The attempt left processes behind, which share its worker's marker: end the worker."""
        if attempt.worker is not None:
            self._retire(attempt.worker)

    def close(self) -> None:
        """End all workers."""
        for worker in list(self._all.values()):
            self._retire(worker)

    # -- starting --

    def _start_more(self, worker_set: WorkerSet, now: float) -> None:
        """Start a few at a time: those that are ready first may be enough."""
        wanted = len(worker_set.waiting) - worker_set.starting
        oldest = next(iter(worker_set.waiting.values()))
        patient = worker_set.size >= self._start_limit and now - oldest < PATIENCE_S
        if patient:
            self._timers.set(self._look_again, oldest + PATIENCE_S)
        while wanted > 0 and self._starting < self._start_limit and not patient:
            wanted -= 1
            if len(self._all) >= WORKERS_KEPT:
                self._retire_oldest_idle()
            try:
                self._start(worker_set)
            except (StartFailed, OSError) as error:
                self._fail_waiting(worker_set, f"cannot start a Python worker: {error}", now)
                return
            patient = worker_set.size >= self._start_limit and now - oldest < PATIENCE_S

    def _look_again(self, _now: float) -> None:
        """Nothing to do here: the turn that follows pairs again."""

    def _start(self, worker_set: WorkerSet) -> None:
        env = next(iter(worker_set.waiting)).spec["env"]
        worker = Worker(worker_set, self._spawner, self._python, env)
        self._containment.know(worker.pid)
        self._all[worker.pid] = worker
        worker_set.size += 1
        worker_set.starting += 1
        self._starting += 1
        self._poller.add(worker.sock.fileno(), lambda _events: self._on_packet(worker))
        self._poller.add(worker.pidfd, lambda _events: self._on_exit(worker))

    def _fail_waiting(self, worker_set: WorkerSet, message: str, now: float) -> None:
        for attempt in list(worker_set.waiting):
            del worker_set.waiting[attempt]
            if attempt.state == QUEUED:
                self._endings.failed_to_start(attempt, message, now)

    # -- answers --

    def _on_packet(self, worker: Worker) -> None:
        answer = worker.receive()
        if answer is None:
            return  # it has ended; its pidfd tells
        now = time.monotonic()
        attempt = worker.attempt
        if not worker.ready:
            worker.ready = True
            worker.set.starting -= 1
            self._starting -= 1
            worker.account(None, answer)
        elif attempt is not None:
            self._take_answer(worker, attempt, answer, now)
        if not worker.leaving:
            self._make_idle(worker, now)

    def _take_answer(
        self, worker: Worker, attempt: Attempt, answer: dict[str, Any], now: float
    ) -> None:
        """The attempt is done; the worker may have to leave."""
        worker.attempt = None
        attempt.pidfd = -1
        attempt.exit_code = answer["exit_code"]
        attempt.outputs = answer["outputs"]
        attempt.error = answer["error"]
        attempt.declared = worker.take_declared(attempt.spec["output_limit_bytes"])
        worker.account(attempt, answer)
        if answer["left"] or attempt.reason is not None:
            worker.leaving_with = attempt
        if worker.leaving_with or answer["retire"] or worker.attempts >= ATTEMPTS_PER_WORKER:
            self._retire(worker)
        self._endings.close(attempt, now)

    def _make_idle(self, worker: Worker, now: float) -> None:
        worker.idle_since = now
        worker.set.idle.append(worker)
        self._timers.set(self._retire_idle, now + IDLE_S)

    def _retire_oldest_idle(self) -> None:
        """Make room: many flow versions with a worker each would fill the memory."""
        idle = [worker for group in self._sets.values() for worker in group.idle]
        if idle:
            self._retire(min(idle, key=lambda worker: worker.idle_since))

    def _retire_idle(self, now: float) -> None:
        oldest = NEVER
        for worker in list(self._all.values()):
            if worker.ready and worker.attempt is None and not worker.leaving:
                if worker.idle_since + IDLE_S <= now:
                    self._retire(worker)
                else:
                    oldest = min(oldest, worker.idle_since)
        if oldest != NEVER:
            self._timers.set(self._retire_idle, oldest + IDLE_S)

    # -- leaving --

    def _retire(self, worker: Worker) -> None:
        """Ask the worker to end; it is forgotten when it has."""
        if worker.leaving:
            return
        worker.leaving = True
        if worker in worker.set.idle:
            worker.set.idle.remove(worker)
        self._poller.remove(worker.sock.fileno())
        worker.sock.close()
        now = time.monotonic()
        worker.idle_since = now
        self._timers.set(self._hurry, now + LEAVE_S)

    def _hurry(self, now: float) -> None:
        """Kill what was asked to leave and did not."""
        for worker in self._all.values():
            if worker.leaving and worker.attempt is None:
                if now - worker.idle_since >= LEAVE_S:
                    os.killpg(worker.pid, 9)
                self._timers.set(self._hurry, now + LEAVE_S)

    def _on_exit(self, worker: Worker) -> None:
        reaped, status, usage = os.wait4(worker.pid, os.WNOHANG)
        if not reaped:
            return
        now = time.monotonic()
        self._forget(worker)
        attempt = worker.attempt
        if not worker.ready:
            code = os.waitstatus_to_exitcode(status)
            message = f"the Python worker ended at its start ({code}); runner.log has its words"
            if worker.set.size == worker.set.starting:  # none of the set has ever come up
                self._fail_waiting(worker.set, message, now)
        elif attempt is not None and attempt.state == RUNNING:
            attempt.cpu_s -= worker.cpu_s
            worker.attempt = None
            self._endings.exited(attempt, status, usage, now)
        self._containment.adopt()
        left = worker.leaving_with
        if left is not None:
            worker.leaving_with = None
            if left.state == CLOSING:
                self._endings.check(left)

    def _forget(self, worker: Worker) -> None:
        self._poller.remove(worker.pidfd)
        worker.close()
        self._containment.forget(worker.pid)
        if not worker.leaving:
            if worker in worker.set.idle:
                worker.set.idle.remove(worker)
            self._poller.remove(worker.sock.fileno())
            worker.sock.close()
        if not worker.ready:
            worker.set.starting -= 1
            self._starting -= 1
        worker.set.size -= 1
        del self._all[worker.pid]
        if not worker.set.size and not worker.set.waiting:
            self._sets.pop(worker.set.key, None)
