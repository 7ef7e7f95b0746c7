"""Time for the engine: one clock that never goes back and never stands still. Standard library."""

from __future__ import annotations

import time
from collections.abc import Callable

CATCHING_UP = 8  # an eighth slower than time, while ahead of the wall clock


def _elapsed_ns() -> int:
    """Nanoseconds since some moment, suspended time included; nobody can set it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Clock:
    """Wall-clock microseconds that never go back, so that events are ordered as they happened.

    Where somebody sets the wall clock back, it goes on a little slower than real time until the
    wall clock has caught up: a retry that is due in ten seconds comes in twelve, not in an hour.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        elapsed_ns: Callable[[], int] = _elapsed_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._elapsed_ns = elapsed_ns
        self._last_us = 0
        self._last_elapsed_us = elapsed_ns() // 1000

    def now_us(self) -> int:
        """The time now in microseconds since 1970; at least one more than any given out before."""
        elapsed_us = self._elapsed_ns() // 1000
        passed_us = elapsed_us - self._last_elapsed_us
        least_us = self._last_us + max(1, passed_us - passed_us // CATCHING_UP)
        wall_us = self._wall_ns() // 1000
        if wall_us >= least_us:
            self._last_us = wall_us
        else:
            self._last_us = least_us
        self._last_elapsed_us = elapsed_us
        return self._last_us

    def wall_us(self) -> int:
        """What the wall clock shows, also where somebody has set it back: for schedules."""
        return self._wall_ns() // 1000

    def at_least(self, at_us: int) -> None:
        """Never give out a time before `at_us` (the newest event found in the journal)."""
        self._last_us = max(self._last_us, at_us)
