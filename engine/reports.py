"""What the executor reports of attempts, as decisions for the scheduler to take.

Called by the executor on the engine's loop; the other half of the seam in `engine.executor`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core import decide
from engine.core.cancelling import cancel_command, is_unwanted
from engine.failpoints import reach
from engine.ids import split_attempt_id
from engine.journal.journal import Journal
from engine.scheduler import Samples, Scheduler


class Reports:
    """The engine's `Listener`."""

    def __init__(self, scheduler: Scheduler, journal: Journal) -> None:
        self._scheduler = scheduler
        self._journal = journal

    def attempts_ended(self, generation: str, ends: list[dict[str, Any]]) -> None:
        """Take in ends, those of one execution together; acknowledge them once they are durable."""
        reach("end_received")
        by_execution: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for end in ends:
            execution_id, number = split_attempt_id(end["attempt"])
            by_execution.setdefault(execution_id, []).append((number, end))
        names: list[str] = []
        with self._scheduler.together():
            for execution_id, ended in by_execution.items():
                execution = self._scheduler.live.get(execution_id)
                if execution is None or self._scheduler.attempt(
                    execution, decide.attempts_ended, ended
                ):
                    names += [end["attempt"] for _, end in ended]
        if names:
            self._journal.when_durable(lambda: self._acknowledge(generation, names))

    def _acknowledge(self, generation: str, names: list[str]) -> None:
        reach("end_journaled")
        self._scheduler.executor.acknowledge(generation, names)

    def attempts_began(self, moments: dict[str, float]) -> None:
        """Of what was started at once that is known; what was in line is shown from now on."""
        for attempt, began_at in moments.items():
            self._scheduler.about(attempt, decide.attempt_began, began_at)

    def attempts_interrupted(self, attempts: dict[str, int]) -> None:
        """The outcome of these is unknown."""
        for attempt, log_bytes in attempts.items():
            self._scheduler.about(attempt, decide.attempt_interrupted, log_bytes)

    def attempts_never_started(self, attempts: list[str]) -> None:
        """These have had no effect."""
        for attempt in attempts:
            self._scheduler.about(attempt, decide.attempt_never_started)

    def adopted(self, generation: str, attempts: list[str]) -> None:
        """Steps of an execution that is being cancelled, or is paused, are told so again."""
        executor = self._scheduler.executor
        for attempt in attempts:
            execution_id, number = split_attempt_id(attempt)
            execution = self._scheduler.live.get(execution_id)
            step = execution.by_number.get(number) if execution else None
            if execution is None or step is None:
                continue
            if is_unwanted(execution, step):
                cancel = cancel_command(execution, step)
                executor.cancel(generation, attempt, cancel.mode, cancel.reason)
            elif step.is_lined_up and execution.state == "paused":
                executor.cancel(generation, attempt, "recall", "recalled")

    def generation_settled(self, remove: Callable[[], None]) -> None:
        """A dead runner's folder goes when all that it told is durable."""
        self._journal.when_durable(remove)

    def masks_added(self, execution: str, values: list[str]) -> None:
        """Mask them everywhere from now on, and after a restart."""
        self._scheduler.add_masks(execution, values)

    def logs_grew(self, executions: list[str]) -> None:
        """Somebody looks at them."""
        self._scheduler.on_grew(executions)

    def sampled(self, at: float, samples: Samples) -> None:
        """Somebody looks at them."""
        self._scheduler.on_sampled(at, samples)
