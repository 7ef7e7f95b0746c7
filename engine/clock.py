"""Time for the engine: one clock that never goes back. Standard library only."""

from __future__ import annotations

import time


class Clock:
    """Wall-clock microseconds that never go back, so that events are ordered as they happened."""

    def __init__(self) -> None:
        self._last_us = 0

    def now_us(self) -> int:
        """The time now in microseconds since 1970; at least one more than any given out before."""
        now = time.time_ns() // 1000
        self._last_us = now if now > self._last_us else self._last_us + 1
        return self._last_us

    def at_least(self, at_us: int) -> None:
        """Never give out a time before `at_us` (the newest event found in the journal)."""
        self._last_us = max(self._last_us, at_us)
