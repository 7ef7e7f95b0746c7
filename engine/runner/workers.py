"""Warm Python workers: interpreters that stay, one set for each flow version.

Role: gives waiting `python` attempts to idle workers, starts and recycles workers. Called by
runner.py; the other side is worker_main.py. Imports the standard library and the runner's own
parts.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time

from engine.runner import procfs
from engine.runner.attempt import CLOSING, QUEUED, RUNNING
from engine.runner.frames import dump_json, load_json
from engine.runner.spawn import StartFailed
from engine.runner.timers import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.runner.attempt import Attempt
    from engine.runner.containment import Containment
    from engine.runner.ending import Endings
    from engine.runner.poller import Poller
    from engine.runner.spawn import Spawner
    from engine.runner.timers import Timers

    SetKey = tuple[str, ...]

PACKET_BYTES = 1 << 15  # as in worker_main
IDLE_S = 10.0
ATTEMPTS_PER_WORKER = 1000
PATIENCE_S = 0.02  # a longer wait for a worker asks for one more
LEAVE_S = 2.0
WORKERS_KEPT = 32  # beyond it, a new worker takes the place of an idle one
WORKER_MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker_main.py")
# what an interpreter needs before it knows its attempt; nothing that could be secret
WORKER_ENV = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH",
)
_ONE_FD = socket.CMSG_SPACE(4)


class Worker:
    """One interpreter: its socket, its process, and the attempt that it runs."""

    __slots__ = (
        "attempt", "attempts", "cpu_s", "idle_since", "leaving", "leaving_with", "marker",
        "output_fd", "output_path", "pid", "pidfd", "read_bytes", "ready", "set", "sock",
        "start_ticks", "write_bytes",
    )

    def __init__(self, worker_set: WorkerSet, sock: socket.socket, marker: int | None) -> None:
        self.set = worker_set
        self.sock = sock
        self.marker = marker
        self.attempt: Attempt | None = None
        self.leaving_with: Attempt | None = None  # its end waits until this worker is gone
        self.attempts = 0
        self.ready = self.leaving = False
        self.idle_since = 0.0
        self.pid = self.start_ticks = 0
        self.pidfd = self.output_fd = -1
        self.output_path = ""
        self.cpu_s = 0.0
        self.read_bytes = self.write_bytes = 0


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
        containment: Containment, endings: Endings, report: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._python = python
        self._poller = poller
        self._timers = timers
        self._spawner = spawner
        self._containment = containment
        self._endings = endings
        self._report = report
        self._sets: dict[SetKey, WorkerSet] = {}
        self._wanting: dict[WorkerSet, None] = {}  # the sets with attempts that wait
        self._all: dict[int, Worker] = {}
        self._starting = 0
        self._start_limit = max(2, os.cpu_count() or 2)
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)

    def check(self, python: dict[str, Any]) -> None:
        """Raises KeyError for what a request lacks."""
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
        spec = attempt.spec
        python = spec["python"]
        env = spec["env"]
        env["WINGMAN_OUTPUT"] = worker.output_path
        request: dict[str, Any] = {
            "env": env, "cwd": spec["cwd"], "path": python["path"], "args": python["args"],
            "name": spec["step"], "limit": spec["output_limit_bytes"],
        }  # fmt: skip
        kind = "call" if python.get("call") else "script"
        request[kind] = python[kind]
        packet = dump_json(request).encode("ascii")
        fds = [stdout, stderr]
        extra = -1
        if len(packet) > PACKET_BYTES:
            extra, _ = self._spawner.memory_file("request")
            with open(extra, "wb", closefd=False) as file:
                file.write(packet)
            fds.append(extra)
            packet = b"M"
        try:
            worker.sock.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, _pack(fds))])
        except OSError as error:
            raise StartFailed(f"the Python worker does not answer: {error.strerror}") from error
        finally:
            if extra >= 0:
                os.close(extra)
        attempt.pid, attempt.pidfd = worker.pid, worker.pidfd
        attempt.start_ticks = worker.start_ticks
        worker.attempts += 1

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
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        marker = procfs.new_marker()
        worker = Worker(worker_set, ours, marker)
        env = next(iter(worker_set.waiting)).spec["env"]
        argv = [self._python, "-E", "-P", "-X", "utf8", WORKER_MAIN]
        try:
            os.chdir("/")
            worker.pid = self._spawner.start(
                argv, {name: env[name] for name in WORKER_ENV if name in env}, marker,
                self._null, self._null, 2, extra=(theirs.fileno(), 3),
            )  # fmt: skip
        except (StartFailed, OSError):
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self._containment.know(worker.pid)
        worker.pidfd = os.pidfd_open(worker.pid)
        stat = procfs.read_stat(worker.pid)
        worker.start_ticks = stat.start_ticks if stat else 0
        worker.output_fd, worker.output_path = self._spawner.memory_file("output")
        self._all[worker.pid] = worker
        worker_set.size += 1
        worker_set.starting += 1
        self._starting += 1
        self._poller.add(ours.fileno(), lambda _events: self._on_packet(worker))
        self._poller.add(worker.pidfd, lambda _events: self._on_exit(worker))

    def _fail_waiting(self, worker_set: WorkerSet, message: str, now: float) -> None:
        for attempt in list(worker_set.waiting):
            del worker_set.waiting[attempt]
            if attempt.state == QUEUED:
                self._endings.failed_to_start(attempt, message, now)

    # -- answers --

    def _on_packet(self, worker: Worker) -> None:
        try:
            packet, ancillary, _, _ = worker.sock.recvmsg(PACKET_BYTES, _ONE_FD)
        except OSError:
            return
        if not packet:
            return  # it has ended; its pidfd tells
        if ancillary:
            with open(int.from_bytes(ancillary[0][2][:4], sys.byteorder), "rb") as file:
                file.seek(0)
                packet = file.read()
        answer = load_json(packet)
        now = time.monotonic()
        attempt = worker.attempt
        if not worker.ready:
            worker.ready = True
            worker.set.starting -= 1
            self._starting -= 1
            worker.cpu_s = answer["cpu_s"]
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
        size_bytes = os.fstat(worker.output_fd).st_size
        if size_bytes:  # taken now: the file is the next attempt's too
            limit_bytes = attempt.spec["output_limit_bytes"]
            attempt.declared = os.pread(worker.output_fd, limit_bytes + 1, 0)
            os.ftruncate(worker.output_fd, 0)
        attempt.cpu_s += answer["cpu_s"] - worker.cpu_s
        attempt.max_rss_bytes = answer["max_rss_kb"] * 1024
        attempt.read_bytes += (answer["in"] - worker.read_bytes) * 512
        attempt.write_bytes += (answer["out"] - worker.write_bytes) * 512
        worker.cpu_s, worker.read_bytes, worker.write_bytes = (
            answer["cpu_s"], answer["in"], answer["out"],
        )  # fmt: skip
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
        os.close(worker.pidfd)
        os.close(worker.output_fd)
        worker.pidfd = worker.output_fd = -1
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


def _pack(fds: list[int]) -> bytes:
    """Descriptors as a control message carries them."""
    return struct.pack(f"{len(fds)}i", *fds)
