"""The runner's loop: takes the engine's messages, starts attempts, tells how they ended.

Role: wires the parts together and keeps the order that the crash protocol asks for: `begin` is
written before a process exists, `end` before it is sent, and all of it is remembered until the
engine acknowledges it. One thread, one epoll set, one write to the results file and one send a
turn. Imports the standard library and the runner's own parts.
"""

from __future__ import annotations

import os
import time
import traceback

from engine.runner.add_mask import Derived
from engine.runner.attempt import CLOSING, REQUIRED, RUNNING, Attempt
from engine.runner.capture import Recorder
from engine.runner.containment import Containment
from engine.runner.ending import Endings
from engine.runner.ends import Ends
from engine.runner.frames import dump_json
from engine.runner.lines import Lines
from engine.runner.link import Link
from engine.runner.memory import MemoryFiles
from engine.runner.poller import Poller
from engine.runner.results import ResultsFile
from engine.runner.spawn import Spawner
from engine.runner.starting import Starting
from engine.runner.timers import NEVER, Timers, wake
from engine.runner.watching import Watching
from engine.runner.workers import IN_WORKERS, Workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from engine.runner.worker import Worker

FIRST_WAIT_S = 30.0  # the engine that started us may still be loading
LAST_ACKS_S = 5.0  # a draining runner waits this long for its last acknowledgements
TROUBLE_LIMIT = 100  # a handler that fails this often loses its descriptor


class Runner:
    """One runner generation."""

    def __init__(
        self, folder: str, generation: str, boot: str, python: str, listener: socket.socket,
        idle_s: float, report: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._generation = generation
        self._boot = boot
        self._idle_s = idle_s
        self._wait_s = max(idle_s, FIRST_WAIT_S)
        self._report = report
        self._poller = Poller()
        self._timers = Timers()
        self._results = ResultsFile(folder)
        self._recorder = Recorder(self._poller, self._timers, report)
        self._containment = Containment(self._poller, self._check)
        memory = MemoryFiles()
        self._endings = Endings(self._containment, self._recorder, self._timers, memory, report)
        spawner = Spawner(memory)
        self._workers = Workers(
            python, self._poller, self._timers, spawner, self._containment, self._endings
        )
        self._starting = Starting(
            self._poller, self._timers, self._results, spawner, self._recorder, self._workers,
            self._containment, self._endings, self._send_began, report,
        )  # fmt: skip
        self._endings.on_leftovers = self._workers.retire_of
        self._lines = Lines(self._dispatch)
        self._link = Link(
            listener, self._poller, self._welcome, self._take, self._lost_engine, report
        )
        self._ends = Ends(
            self._results, self._endings, self._lines, self._link, self._timers, report
        )
        self._live = self._endings.live
        self._derived = Derived(self._live, self._recorder, self._link)
        self._beginning: list[tuple[Attempt, Worker | None]] = []  # `begin` on its way to disk
        self._watching = Watching(self._link, self._recorder, self._timers, self._live)
        self._quiet_since: float | None = None  # nothing runs and nobody is connected
        self._leaving = False  # take nothing new
        self._done = False
        self._troubles: dict[int, int] = {}
        self._now = time.monotonic()
        self._handlers = {
            "start": self._start_all, "cancel": self._cancel, "ack": self._acknowledge,
            "watch": self._watch, "drain": self._drain, "stop": self._stop,
        }  # fmt: skip

    # -- the loop --

    def run(self) -> None:
        """Work until there is nothing to do and nobody to do it for."""
        self._settle()
        while not self._done:
            try:
                self._turn()
            except Exception:  # a fault of ours must not take all steps with it
                self._report(traceback.format_exc())
                time.sleep(0.05)
        self._link.close()
        self._workers.close()
        self._results.close()

    def request_stop(self) -> None:
        """End all attempts and leave; called by the handler of SIGTERM."""
        self._timers.set(self._stop_now, 0.0)

    def add_wakeup(self, fd: int) -> None:
        """Wake up the loop when a signal has written to `fd`."""
        self._poller.add(fd, lambda _events: self._wake_up(fd))

    @staticmethod
    def _wake_up(fd: int) -> None:
        os.read(fd, 512)

    def _turn(self) -> None:
        busy = self._starting.queue or self._endings.ended or self._ends.closing
        due = 0.0 if busy else self._timers.next_due
        timeout_s = -1.0 if due == NEVER else max(0.0, due - time.monotonic())
        events = self._poller.wait(timeout_s)
        self._now = time.monotonic()
        self._containment.start_turn()
        handlers = self._poller.handlers
        for fd, mask in events:
            handler = handlers.get(fd)
            if handler is not None:
                try:
                    handler(mask)
                except Exception:  # one attempt's or connection's trouble is not the others'
                    self._note_trouble(fd)
        self._now = time.monotonic()
        if self._timers.next_due <= self._now:
            self._timers.run(self._now)
        self._settle()

    def _note_trouble(self, fd: int) -> None:
        self._report(traceback.format_exc())
        self._troubles[fd] = self._troubles.get(fd, 0) + 1
        time.sleep(0.01)  # it may come again at once
        if self._troubles[fd] >= TROUBLE_LIMIT:
            del self._troubles[fd]
            self._poller.remove(fd)

    def _settle(self) -> None:
        """Once a turn: record what ended and what begins, tell the engine, then start."""
        ends = self._ends
        self._endings.settle(self._now)
        for attempt in self._endings.ended:
            self._lines.left(attempt)
            ends.closing.append(attempt)
        self._endings.ended.clear()
        # where nobody waits for these ends, the next ones in line come first: a place is not to
        # stay empty while the ends of others are put into words
        may_wait = ends.may_wait(ends.closing)
        if not may_wait:
            ends.complete()
        self._begin()
        if may_wait and ends.closing:
            ends.hold(self._now)
        self._link.flush()
        if not self._live or self._quiet_since is not None:
            self._consider_leaving()

    def _begin(self) -> None:
        """Start what is to begin in this turn, its `begin` on the disk before."""
        if not self._beginning:
            self._beginning = self._starting.choose(self._now)
        if self._ends.record(self._now) and self._beginning:
            self._link.flush()  # the engine can go on while we spawn
            beginning, self._beginning = self._beginning, []
            for attempt, worker in beginning:
                self._starting.start(attempt, worker, self._now)

    def _check(self, attempt: Attempt) -> None:
        self._endings.check(attempt)

    # -- messages of the engine --

    def _take(self, message: dict[str, Any]) -> None:
        handler = self._handlers.get(str(message.get("t")))
        if handler is None:
            self._report(f"unknown message {message.get('t')!r}")
            return
        try:
            handler(message)
        except (KeyError, TypeError, AttributeError) as error:
            self._report(f"message {message.get('t')!r} is not as agreed: {error!r}")

    def _welcome(self) -> None:
        # queued ones too, and those whose end is not on disk yet: the engine must not take any
        # of them for unknown and start it a second time
        over = [attempt.id for attempt in (*self._endings.ended, *self._ends.closing)]
        running = [*self._live, *over, *self._ends.recording]
        welcome = {
            "t": "welcome", "generation": self._generation, "pid": os.getpid(),
            "boot": self._boot, "running": running, "ended": list(self._ends.unacknowledged),
            "containment": self._containment.describe(),
        }  # fmt: skip
        self._wait_s = self._idle_s
        self._watching.clear()  # what an earlier one watched is of no interest
        self._link.send(dump_json(welcome))
        self._derived.tell_all()
        self._ends.send_all()
        begun = [a for a in self._live.values() if a.at_most and a.state in (RUNNING, CLOSING)]
        if begun:  # this engine may not know that they have left the line
            self._send_began([attempt.began_json() for attempt in begun])

    def _start_all(self, message: dict[str, Any]) -> None:
        for spec in message["attempts"]:
            try:
                self._start_one(spec)
            except (KeyError, TypeError, AttributeError) as error:
                self._report(f"a start is not as agreed: {error!r}")

    def _start_one(self, spec: dict[str, Any]) -> None:
        name = spec["attempt"]
        known = self._ends.unacknowledged.get(name) or self._live.get(name)
        if known is not None:
            self._tell(known)
        elif not self._ends.is_past(name):
            self._accept(spec)

    def _accept(self, spec: dict[str, Any]) -> None:
        try:
            attempt = Attempt(spec)
            if spec["kind"] in IN_WORKERS:
                self._workers.check(spec)
        except KeyError as error:
            attempt = Attempt({**dict.fromkeys(REQUIRED, ""), **spec})
            self._endings.failed_to_start(attempt, f"the request lacks {error}", self._now)
            return
        if self._leaving:
            self._endings.failed_to_start(attempt, "this runner takes nothing new", self._now)
            return
        self._endings.add(attempt, self._now)
        self._derived.accept(attempt)
        self._lines.add(attempt)

    def _dispatch(self, attempt: Attempt) -> None:
        """There is a place for it: on to its start."""
        if attempt.spec["kind"] in IN_WORKERS:
            self._workers.submit(attempt, self._now)
        else:
            self._starting.queue.append(attempt)

    def _tell(self, attempt: Attempt) -> None:
        """The state of an attempt that was asked for again."""
        if attempt.id in self._ends.unacknowledged:
            self._ends.send([attempt])
        elif attempt.state in (RUNNING, CLOSING):
            self._send_began([attempt.began_json()])

    def _cancel(self, message: dict[str, Any]) -> None:
        attempt = self._live.get(message["attempt"])
        if attempt is not None and message["mode"] == "recall":
            self._endings.recall(attempt, self._now)
        elif attempt is not None:
            kill = message["mode"] == "kill"
            reason = message.get("reason", "killed" if kill else "cancelled")
            self._endings.cancel(attempt, kill, reason, self._now)

    def _acknowledge(self, message: dict[str, Any]) -> None:
        self._ends.acknowledge(message["attempts"])

    def _watch(self, message: dict[str, Any]) -> None:
        self._watching.set(message["execution"], message["on"], self._now)

    def _drain(self, _message: dict[str, Any]) -> None:
        self._leaving = True

    def _stop_now(self, _now: float) -> None:
        self._stop({})

    def _stop(self, _message: dict[str, Any]) -> None:
        self._leaving = True
        for attempt in list(self._live.values()):
            self._endings.cancel(attempt, kill=True, reason="killed", now=self._now)

    # -- messages to the engine --

    def _send_began(self, rows: list[str]) -> None:
        self._link.send(f'{{"t":"began","attempts":[{",".join(rows)}]}}')

    # -- leaving --

    def _lost_engine(self) -> None:
        self._watching.clear()

    def _consider_leaving(self) -> None:
        """Leave when nothing runs and nobody is connected for a while, or when told to."""
        waiting = self._ends.closing or self._ends.recording or self._endings.ended
        if self._live or waiting or self._beginning:
            self._quiet_since = None
            return
        if self._link.connected and not self._leaving:
            self._quiet_since = None
            return
        if self._quiet_since is None:
            self._quiet_since = self._now
        wait_s = self._wait_s
        if self._leaving:
            wait_s = LAST_ACKS_S if self._link.connected and self._ends.unacknowledged else 0.0
        if self._now >= self._quiet_since + wait_s:
            self._done = True
        else:
            self._timers.set(wake, self._quiet_since + wait_s)
