"""Whether the other end of a line is still there, by what arrives from it, and how much that is.

A line that is half open says nothing: no error, no end. So whoever holds one asks now and then,
and takes any byte for an answer: on a slow line the answer itself waits behind what was sent.
"""

from __future__ import annotations

import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.client import ClientConnection

ASK_S = 5.0  # of silence, then the other end is asked
GONE_S = 15.0  # of silence: it is not there
SPAN_S = 5.0  # over which a rate is told


class Pulse:
    """What has arrived on a line, and when last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._came: deque[tuple[float, int]] = deque()

    def came(self, size_bytes: int) -> None:
        """Some bytes have arrived."""
        self._last = self._clock()
        if self._came and self._last - self._came[-1][0] < 0.1:
            at, before = self._came.pop()
            self._came.append((at, before + size_bytes))
        else:
            self._came.append((self._last, size_bytes))
        self._forget()

    def begin(self) -> None:
        """A new line: it is given its time."""
        self._last = self._clock()

    @property
    def silent_s(self) -> float:
        """For how long nothing has come."""
        return self._clock() - self._last

    @property
    def bytes_s(self) -> float:
        """Bytes a second, over the last seconds."""
        self._forget()
        return sum(size for _, size in self._came) / SPAN_S

    def _forget(self) -> None:
        oldest = self._clock() - SPAN_S
        while self._came and self._came[0][0] < oldest:
            self._came.popleft()


def counting(pulse: Pulse) -> type[ClientConnection]:
    """A WebSocket's connection that tells a pulse what arrives."""
    from websockets.asyncio.client import ClientConnection

    class Counting(ClientConnection):
        def data_received(self, data: bytes) -> None:
            pulse.came(len(data))
            super().data_received(data)

    return Counting
