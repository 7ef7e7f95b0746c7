"""The runner's loop: takes the engine's messages, starts attempts, tells how they ended.

Role: wires the parts together and keeps the order that the crash protocol asks for: `begin` is
written before a process exists, `end` before it is sent, and all of it is remembered until the
engine acknowledges it. One thread, one epoll set, one write to the results file and one send a
turn. Imports the standard library and the runner's own parts.
"""

from __future__ import annotations

import collections
import os
import time
import traceback

from engine.runner.add_mask import Derived
from engine.runner.attempt import CLOSING, REQUIRED, RUNNING, Attempt
from engine.runner.capture import Recorder
from engine.runner.containment import Containment
from engine.runner.ending import Endings
from engine.runner.frames import dump_json
from engine.runner.lines import Lines
from engine.runner.link import Link
from engine.runner.memory import MemoryFiles
from engine.runner.poller import Poller
from engine.runner.results import ResultsFile
from engine.runner.spawn import Spawner
from engine.runner.starting import Starting
from engine.runner.timers import NEVER, Timers
from engine.runner.watching import Watching
from engine.runner.workers import IN_WORKERS, Workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection
    from typing import Any

    from engine.runner.worker import Worker

DISK_RETRY_S = 0.5
FIRST_WAIT_S = 30.0  # the engine that started us may still be loading
LAST_ACKS_S = 5.0  # a draining runner waits this long for its last acknowledgements
ENDS_FRAME_BYTES = 1 << 20
RELEASED_KEPT = 4096
# ends that nobody waits for, since the next in line has the place already, are told together
HELD_S = 0.025
HELD_ENDS = 16
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
        self._live = self._endings.live
        self._derived = Derived(self._live, self._recorder, self._link)
        self._beginning: list[tuple[Attempt, Worker | None]] = []  # `begin` on its way to disk
        self._closing: collections.deque[Attempt] = collections.deque()  # over, no `end` yet
        self._recording: dict[str, Attempt] = {}  # `end` on its way to disk
        self._untold: list[Attempt] = []  # `end` on disk, and on its way to the engine
        self._ended: dict[str, Attempt] = {}  # not acknowledged
        self._released: dict[str, None] = {}  # the latest acknowledged: never start them again
        self._watching = Watching(self._link, self._recorder, self._timers, self._live)
        self._quiet_since: float | None = None  # nothing runs and nobody is connected
        self._leaving = False  # take nothing new
        self._done = False
        self._disk_refuses = False
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
        self._poller.add(fd, lambda _events: void(os.read(fd, 512)))

    def _turn(self) -> None:
        busy = self._starting.queue or self._endings.ended or self._closing
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
        self._endings.settle(self._now)
        for attempt in self._endings.ended:
            self._lines.left(attempt)
            self._closing.append(attempt)
        self._endings.ended.clear()
        # where nobody waits for these ends, the next ones in line come first: a place is not to
        # stay empty while the ends of others are put into words
        may_wait = self._may_wait(self._closing)
        if not may_wait:
            self._complete()
        self._begin()
        if may_wait and self._closing:
            self._complete()  # written with the next `begin`, or when it is time to tell
            self._timers.set(self._tell_held, self._now + HELD_S)
        self._link.flush()
        if not self._live or self._quiet_since is not None:
            self._consider_leaving()

    def _complete(self) -> None:
        """Make the `end` of each attempt that has ended, for the next write."""
        while self._closing:
            attempt = self._closing.popleft()
            self._endings.complete(attempt)
            self._results.add(attempt.id, f'{{"k":"end","end":{attempt.end_json}}}'.encode("ascii"))
            self._recording[attempt.id] = attempt

    def _begin(self) -> None:
        """Start what is to begin in this turn, its `begin` on the disk before."""
        if not self._beginning:
            self._beginning = self._starting.choose(self._now)
        if self._record() and self._beginning:
            self._link.flush()  # the engine can go on while we spawn
            beginning, self._beginning = self._beginning, []
            for attempt, worker in beginning:
                self._starting.start(attempt, worker, self._now)

    def _record(self) -> bool:
        """Write what is new, tell what is to be told; False while the disk does not take it."""
        if not self._write():
            return False
        if self._untold:
            self._tell_ends()
        return True

    def _write(self) -> bool:
        """Write all new records at once; False while the disk does not take them."""
        error = self._results.write()
        if error is not None:
            if not self._disk_refuses:
                self._report(f"results file: {error}; nothing new starts until it can be written")
            self._disk_refuses = True
            self._timers.set(void, self._now + DISK_RETRY_S)
            return False
        self._disk_refuses = False
        if self._recording:
            self._ended |= self._recording
            self._untold += self._recording.values()
            self._recording.clear()
        return True

    def _tell_ends(self) -> None:
        """Send the ends of late, unless it does no harm to wait for more of them."""
        untold = self._untold
        if len(untold) >= HELD_ENDS or not self._may_wait(untold):
            self._send_ends(untold)
            self._untold = []
            self._timers.clear(self._tell_held)
        else:
            self._timers.set(self._tell_held, self._now + HELD_S)

    def _tell_held(self, _now: float) -> None:
        """Ends have been held for long enough."""
        if self._write() and self._untold:
            self._send_ends(self._untold)
            self._untold = []

    def _may_wait(self, ended: Collection[Attempt]) -> bool:
        """Whether nobody waits for these ends: each has left its place to the next in line."""
        return all(map(self._lines.has, {attempt.execution for attempt in ended}))

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
        over = [attempt.id for attempt in (*self._endings.ended, *self._closing)]
        running = [*self._live, *over, *self._recording]
        welcome = {
            "t": "welcome", "generation": self._generation, "pid": os.getpid(),
            "boot": self._boot, "running": running, "ended": list(self._ended),
            "containment": self._containment.describe(),
        }  # fmt: skip
        self._wait_s = self._idle_s
        self._watching.clear()  # what an earlier one watched is of no interest
        self._link.send(dump_json(welcome))
        self._derived.tell_all()
        self._send_ends(list(self._ended.values()))
        self._untold = []
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
        known = self._ended.get(name) or self._live.get(name)
        if known is not None:
            self._tell(known)
        elif name not in self._recording and name not in self._released:
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
        if attempt.id in self._ended:
            self._send_ends([attempt])
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
        known = [name for name in message["attempts"] if self._ended.pop(name, None)]
        self._results.acknowledge(known)
        self._released.update(dict.fromkeys(known))
        while len(self._released) > RELEASED_KEPT:
            del self._released[next(iter(self._released))]

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

    def _send_ends(self, attempts: list[Attempt]) -> None:
        """Ended attempts, in frames of about a mebibyte."""
        rows: list[str] = []
        size = 0
        for attempt in attempts:
            if rows and size + len(attempt.end_json) > ENDS_FRAME_BYTES:
                self._link.send(f'{{"t":"ends","ends":[{",".join(rows)}]}}')
                rows, size = [], 0
            rows.append(attempt.end_json)
            size += len(attempt.end_json)
        if rows:
            self._link.send(f'{{"t":"ends","ends":[{",".join(rows)}]}}')

    def _send_began(self, rows: list[str]) -> None:
        self._link.send(f'{{"t":"began","attempts":[{",".join(rows)}]}}')

    # -- leaving --

    def _lost_engine(self) -> None:
        self._watching.clear()

    def _consider_leaving(self) -> None:
        """Leave when nothing runs and nobody is connected for a while, or when told to."""
        if self._live or self._closing or self._recording or self._beginning or self._endings.ended:
            self._quiet_since = None
            return
        if self._link.connected and not self._leaving:
            self._quiet_since = None
            return
        if self._quiet_since is None:
            self._quiet_since = self._now
        wait_s = self._wait_s
        if self._leaving:
            wait_s = LAST_ACKS_S if self._link.connected and self._ended else 0.0
        if self._now >= self._quiet_since + wait_s:
            self._done = True
        else:
            self._timers.set(void, self._quiet_since + wait_s)


def void(_anything: object) -> None:
    """Do nothing but wake the loop."""
