"""The places of one engine: how many steps run at once over all executions, and who waits for one.

Owned by the scheduler. What an execution has taken is `core/lining.places`.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping

from engine.core.state import Execution

MAX_RUNNING_STEPS = max(32, 8 * (os.cpu_count() or 1))
OWN_FILES = 48  # the runner's own, and what warm workers take
FILES_A_STEP = 8  # pipes, pidfd, outputs, log and index


def most_steps(wanted: int | None) -> int:
    """How many steps run at once: what was asked for, as far as open files allow it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    affordable = max(1, (hard - OWN_FILES) // FILES_A_STEP) if hard > 0 else sys.maxsize
    return min(wanted or MAX_RUNNING_STEPS, affordable)


class Places:
    """A number of places and the line before them; `offer` lets an execution start what it can."""

    def __init__(
        self, limit: int, live: Mapping[str, Execution], offer: Callable[[Execution], bool]
    ) -> None:
        self.limit = limit
        self.taken = 0
        self._live = live
        self._offer = offer
        self._starved: OrderedDict[str, None] = OrderedDict()
        self._feeding = False

    @property
    def anybody_waits(self) -> bool:
        """Whether an execution has ready steps and found no place for them."""
        return bool(self._starved)

    def free_for(self, execution: Execution) -> int:
        """How many steps may start; none while others were there first."""
        if self._starved and next(iter(self._starved)) != execution.id:
            return 0
        return self.limit - self.taken

    def note(self, execution: Execution, starved: bool) -> None:
        """Keep the line of executions with ready steps and no place; serve it when one is free."""
        if starved:
            self._starved.setdefault(execution.id)
        else:
            self._starved.pop(execution.id, None)
        if self._starved and self.taken < self.limit and not self._feeding:
            self._feeding = True
            asyncio.get_running_loop().call_soon(self.feed)

    def feed(self) -> None:
        """Give free places to those that wait longest, one turn each."""
        self._feeding = False
        for _ in range(len(self._starved)):
            if self.taken >= self.limit or not self._starved:
                return
            execution_id = next(iter(self._starved))
            execution = self._live.get(execution_id)
            if execution is None:
                self._starved.pop(execution_id)
                continue
            if not self._offer(execution):
                self._starved.pop(execution_id, None)
            elif execution_id in self._starved:
                self._starved.move_to_end(execution_id)

    def forget(self, execution: Execution) -> None:
        """An execution has left memory."""
        self._starved.pop(execution.id, None)
