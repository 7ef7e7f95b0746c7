"""The connection under a feed. Over the network it has to be read, and little waits on the way.

What the kernel holds for a slow line is out of date when it arrives, and a key's answer waits
behind it: so it may hold little. Who takes nothing for a minute is not there.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

STALLED_S = 60.0
WAITING_BYTES = 16 << 10  # in the kernel, and as many in the loop


class FeedLine(WebSocketsSansIOProtocol):
    """A WebSocket's connection."""

    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.scheme == "wss":
            raw: socket.socket = transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WAITING_BYTES)
            self.transport.set_write_buffer_limits(WAITING_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        self._go_on()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.scheme == "wss" and self._stalled is None:
            self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._go_on()
        super().resume_writing()

    def _go_on(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def feed_line(**arguments: Any) -> asyncio.Protocol:
    """Made by uvicorn for each upgrade."""
    return FeedLine(**arguments)
