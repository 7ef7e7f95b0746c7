"""Where attempts are carried out: the seam between the engine and whatever runs a step.

An Executor carries one attempt of one step to where it runs. Attempts are JSON, results are events;
nothing is pickled. `local.LocalExecutor` is the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Listener(Protocol):
    """Who hears what an executor reports; every call is made on the engine's loop."""

    def attempts_ended(self, generation: str, ends: list[dict[str, Any]]) -> None:
        """These attempts have ended; acknowledge them once that is journaled."""

    def attempts_began(self, moments: dict[str, float]) -> None:
        """These run, since when (unix time): of attempts that were in line it was not known."""

    def attempts_interrupted(self, attempts: dict[str, int]) -> None:
        """The runner of these died under them; the bytes that each had logged."""

    def attempts_never_started(self, attempts: list[str]) -> None:
        """These were recorded as starting, and surely never began."""

    def adopted(self, generation: str, attempts: list[str]) -> None:
        """These run on, under a runner that has welcomed this engine."""

    def generation_settled(self, remove: Callable[[], None]) -> None:
        """A dead runner's attempts were all reported; call `remove` once that is journaled."""

    def masks_added(self, execution: str, values: list[str]) -> None:
        """A step has derived these from what is secret: they are to appear nowhere."""

    def logs_grew(self, executions: list[str]) -> None:
        """Watched executions have new log bytes."""

    def sampled(self, at: float, samples: dict[str, dict[str, float]]) -> None:
        """What running attempts of watched executions take now."""


class Executor(Protocol):
    """Carries attempts out. `generation` names the runner that new attempts go to.

    `keeps_lines`: whether an attempt with `at_most` waits there until fewer of its execution run.
    """

    generation: str
    keeps_lines: bool

    def start(self, spec: dict[str, Any]) -> None:
        """Start an attempt that is journaled, at the next flush; at most once, whatever happens."""

    def cancel(self, generation: str, attempt: str, mode: str, reason: str) -> None:
        """End an attempt: `mode` is term, kill, or recall: only if it has not begun."""

    def acknowledge(self, generation: str, attempts: Iterable[str]) -> None:
        """The ends of these attempts are journaled."""

    def flush(self) -> None:
        """No more follows from what was journaled: starts and acknowledgements leave together."""

    def watch(self, execution: str, on: bool) -> None:
        """Somebody looks at this execution: growth and samples are wanted."""
