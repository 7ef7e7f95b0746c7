"""Moments at which something falls due, as one timer of the loop. Durable by the journal.

The moments are wall-clock microseconds; a clock that is set is looked at again (`look`) as soon as
the kernel tells it, else within a minute.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

LONGEST_SLEEP_S = 60.0


class Timers:
    """One moment a key; `due(key)` is called when it has come."""

    def __init__(self, now_us: Callable[[], int], due: Callable[[str], None]) -> None:
        self._now_us = now_us
        self._call = due
        self._moments: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._handle: asyncio.TimerHandle | None = None

    def set(self, key: str, at_us: int | None) -> None:
        """Fall due at `at_us` instead of the moment set before; None for never."""
        if self._moments.get(key) == at_us:
            return
        if at_us is None:
            self._moments.pop(key, None)
            return
        self._moments[key] = at_us
        heapq.heappush(self._heap, (at_us, key))
        if self._heap[0][1] == key:
            self._arm()

    def look(self) -> None:
        """The clock was set: what is due may be another one."""
        if self._heap:
            self._ring()

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._heap:
            delay_s = max(0.0, (self._heap[0][0] - self._now_us()) / 1e6)
            loop = asyncio.get_running_loop()
            self._handle = loop.call_later(min(delay_s, LONGEST_SLEEP_S), self._ring)

    def _ring(self) -> None:
        now_us = self._now_us()
        while self._heap and self._heap[0][0] <= now_us:
            at_us, key = heapq.heappop(self._heap)
            if self._moments.get(key) == at_us:
                del self._moments[key]
                self._call(key)
        self._arm()
