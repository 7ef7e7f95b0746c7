"""The ends of attempts on their way: put into words, written, told, until they are acknowledged.

Role: keeps what the crash protocol asks of an `end`: it is in the results file before it is sent,
and remembered until the engine has acknowledged it. How an attempt comes to its end: ending.py.
Called by runner.py. Imports the standard library and the runner's own parts.
"""

from __future__ import annotations

import collections

from engine.runner.timers import wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from engine.runner.attempt import Attempt
    from engine.runner.ending import Endings
    from engine.runner.lines import Lines
    from engine.runner.link import Link
    from engine.runner.results import ResultsFile
    from engine.runner.timers import Timers

DISK_RETRY_S = 0.5
FRAME_BYTES = 1 << 20
RELEASED_KEPT = 4096
# ends that nobody waits for, since the next in line has the place already, are told together
HELD_S = 0.025
HELD_ENDS = 16


class Ends:
    """The attempts that are over, and how far their ends have come."""

    def __init__(
        self, results: ResultsFile, endings: Endings, lines: Lines, link: Link, timers: Timers,
        report: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._results = results
        self._endings = endings
        self._lines = lines
        self._link = link
        self._timers = timers
        self._report = report
        self.closing: collections.deque[Attempt] = collections.deque()  # over, no `end` yet
        self.recording: dict[str, Attempt] = {}  # `end` on its way to disk
        self._untold: list[Attempt] = []  # `end` on disk, and on its way to the engine
        self.unacknowledged: dict[str, Attempt] = {}  # `end` on disk
        self._released: dict[str, None] = {}  # the latest acknowledged: never start them again
        self._disk_refuses = False

    def is_past(self, name: str) -> bool:
        """Whether an attempt is over, and its end either not on disk or acknowledged already."""
        return name in self.recording or name in self._released

    def may_wait(self, ended: Collection[Attempt]) -> bool:
        """Whether nobody waits for these ends: each has left its place to the next in line."""
        return all(map(self._lines.has, {attempt.execution for attempt in ended}))

    def complete(self) -> None:
        """Make the `end` of each attempt that is over, for the next write."""
        while self.closing:
            attempt = self.closing.popleft()
            self._endings.complete(attempt)
            self._results.add(attempt.id, f'{{"k":"end","end":{attempt.end_json}}}'.encode("ascii"))
            self.recording[attempt.id] = attempt

    def hold(self, now: float) -> None:
        """Make them too, but written with the next `begin`, or when it is time to tell."""
        self.complete()
        self._timers.set(self._tell_held, now + HELD_S)

    def record(self, now: float) -> bool:
        """Write what is new, tell what is to be told; False while the disk does not take it."""
        if not self._write(now):
            return False
        if self._untold:
            self._tell(now)
        return True

    def send(self, attempts: list[Attempt]) -> None:
        """Tell the engine of ended attempts, in frames of about a mebibyte."""
        rows: list[str] = []
        size = 0
        for attempt in attempts:
            if rows and size + len(attempt.end_json) > FRAME_BYTES:
                self._link.send(f'{{"t":"ends","ends":[{",".join(rows)}]}}')
                rows, size = [], 0
            rows.append(attempt.end_json)
            size += len(attempt.end_json)
        if rows:
            self._link.send(f'{{"t":"ends","ends":[{",".join(rows)}]}}')

    def send_all(self) -> None:
        """Tell an engine that has just come of every end that nobody has acknowledged."""
        self.send(list(self.unacknowledged.values()))
        self._untold = []

    def acknowledge(self, names: list[str]) -> None:
        """The engine's journal has these ends: they may be forgotten, but never started again."""
        known = [name for name in names if self.unacknowledged.pop(name, None)]
        self._results.acknowledge(known)
        self._released.update(dict.fromkeys(known))
        while len(self._released) > RELEASED_KEPT:
            del self._released[next(iter(self._released))]

    def _write(self, now: float) -> bool:
        """Write all new records at once; False while the disk does not take them."""
        error = self._results.write()
        if error is not None:
            if not self._disk_refuses:
                self._report(f"results file: {error}; nothing new starts until it can be written")
            self._disk_refuses = True
            self._timers.set(wake, now + DISK_RETRY_S)
            return False
        self._disk_refuses = False
        if self.recording:
            self.unacknowledged |= self.recording
            self._untold += self.recording.values()
            self.recording.clear()
        return True

    def _tell(self, now: float) -> None:
        """Send the ends of late, unless it does no harm to wait for more of them."""
        untold = self._untold
        if len(untold) >= HELD_ENDS or not self.may_wait(untold):
            self.send(untold)
            self._untold = []
            self._timers.clear(self._tell_held)
        else:
            self._timers.set(self._tell_held, now + HELD_S)

    def _tell_held(self, now: float) -> None:
        """Ends have been held for long enough."""
        if self._write(now) and self._untold:
            self.send(self._untold)
            self._untold = []
