"""Attempts that wait in line for a place of their execution, so that none stays empty for long.

Role: decides when an accepted attempt may go on to its start. An attempt with `at_most` waits until
fewer than so many attempts of its execution are under way here. Called by runner.py. Imports the
runner's own parts.
"""

from __future__ import annotations

import collections

from engine.runner.attempt import QUEUED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runner.attempt import Attempt


class Lines:
    """A line for each execution that has one, and how many attempts each has under way."""

    def __init__(self, dispatch: Callable[[Attempt], None]) -> None:
        self._dispatch = dispatch
        self._under_way: dict[str, int] = {}
        self._waiting: dict[str, collections.deque[Attempt]] = {}

    def add(self, attempt: Attempt) -> None:
        """Let an attempt go on at once, or when there is a place for it."""
        execution = attempt.execution
        if attempt.at_most and (
            execution in self._waiting or self._count(execution) >= attempt.at_most
        ):
            self._waiting.setdefault(execution, collections.deque()).append(attempt)
        else:
            self._go(attempt)

    def left(self, attempt: Attempt) -> None:
        """An attempt has ended: the next of its execution may take its place."""
        execution = attempt.execution
        if attempt.under_way:
            attempt.under_way = False
            count = self._count(execution) - 1
            if count:
                self._under_way[execution] = count
            else:
                del self._under_way[execution]
        line = self._waiting.get(execution)
        while line:
            first = line[0]
            if first.state == QUEUED:
                if self._count(execution) >= first.at_most:
                    return
                self._go(first)
            line.popleft()  # it goes, or was taken back or cancelled meanwhile
        if line is not None:
            del self._waiting[execution]

    def has(self, execution: str) -> bool:
        """Whether somebody of this execution is in line."""
        return execution in self._waiting

    def _count(self, execution: str) -> int:
        return self._under_way.get(execution, 0)

    def _go(self, attempt: Attempt) -> None:
        attempt.under_way = True
        self._under_way[attempt.execution] = self._count(attempt.execution) + 1
        self._dispatch(attempt)
