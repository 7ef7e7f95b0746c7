"""What the engine wants to see live: whose logs grow, and what running attempts use.

Role: called by runner.py; costs nothing while nobody watches. Imports the standard library and
the runner's own parts.
"""

from __future__ import annotations

import time

from engine.runner.attempt import RUNNING
from engine.runner.frames import dump_json
from engine.runner.samples import take_samples

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.runner.attempt import Attempt
    from engine.runner.capture import Recorder
    from engine.runner.link import Link
    from engine.runner.timers import Timers

GREW_S = 0.1
SAMPLE_S = 1.0


class Watching:
    """The watched executions, and what is told about them."""

    def __init__(
        self, link: Link, recorder: Recorder, timers: Timers, live: dict[str, Attempt]
    ) -> None:
        self._link = link
        self._recorder = recorder
        self._timers = timers
        self._live = live
        self._watched: set[str] = set()
        self._grown: set[str] = set()
        self._grown_at = 0.0

    def set(self, execution: str, on: bool, now: float) -> None:
        """Start or stop to tell about an execution."""
        if on:
            self._watched.add(execution)
            self._timers.set(self._sample, now)
        else:
            self._watched.discard(execution)
        self._recorder.on_growth = self._note_growth if self._watched else None

    def clear(self) -> None:
        """Nobody watches any more."""
        self._watched.clear()
        self._grown.clear()
        self._recorder.on_growth = None

    def _note_growth(self, execution: str) -> None:
        if execution in self._watched and execution not in self._grown:
            self._grown.add(execution)
            self._timers.set(self._tell_growth, self._grown_at + GREW_S)

    def _tell_growth(self, now: float) -> None:
        if self._link.keeping_up and self._grown:
            self._grown_at = now
            self._link.send(dump_json({"t": "grew", "executions": list(self._grown)}))
            self._grown.clear()
        elif self._link.connected and self._grown:
            self._timers.set(self._tell_growth, now + GREW_S)

    def _sample(self, now: float) -> None:
        if not self._watched:
            return
        self._timers.set(self._sample, now + SAMPLE_S)
        running = [
            attempt
            for attempt in self._live.values()
            if attempt.state == RUNNING and attempt.execution in self._watched
        ]
        if running and self._link.keeping_up:
            samples = {"t": "samples", "at": time.time(), "attempts": take_samples(running)}
            self._link.send(dump_json(samples))
