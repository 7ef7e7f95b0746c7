"""HTTP and WebSocket on the engine's own socket: uvicorn's protocol classes without its server.

`uvicorn.Server` wakes ten times a second and opens its socket for everybody; we listen on a socket
of our own, and each connection knows the user on its other end.
"""

from __future__ import annotations

import asyncio
import pwd
import socket
import struct
from functools import lru_cache
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

KEEP_ALIVE_S = 3600
HEAD = b"HTTP/1.1 "
PEER_CREDENTIALS = struct.Struct("3i")


class PeerProtocol(HttpToolsProtocol):
    """A connection that puts its peer's user into every request's state, for the gate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        uid = _peer_uid(transport)
        self.app_state = {"uid": uid, "user": _user_name(uid)}
        self._rests_since = 0.0
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type]

    # uvicorn makes and cancels a timer for each request; here one looks when its time has come

    def _unset_keepalive_if_required(self) -> None:
        """The timer goes on: it knows how long the connection has rested."""

    def connection_lost(self, exc: Exception | None) -> None:
        super()._unset_keepalive_if_required()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        super()._unset_keepalive_if_required()
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        """The next request may come; a connection that has long had none is closed."""
        if self.timeout_keep_alive_task is None:
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._rests_since = self.loop.time()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nothing was asked on it since; else look again later."""
        is_busy = self.cycle is not None and not self.cycle.response_complete
        now = self.loop.time()
        rest_s = self.timeout_keep_alive - (0.0 if is_busy else now - self._rests_since)
        if rest_s <= 0:
            super().timeout_keep_alive_handler()
        elif not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                rest_s, self.timeout_keep_alive_handler
            )


class JoinedWrites:
    """A transport that sends the head of an answer together with its body.

    uvicorn writes them apart: two system calls here, and two wake-ups of the client.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Send, or hold the head of an answer until its body or the end of the loop's turn."""
        if self._head:
            self._head += data
            self._flush()
        elif data.startswith(HEAD):
            self._head = data
            asyncio.get_running_loop().call_soon(self._flush)
        else:
            self._transport.write(data)

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """Close once everything is sent."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _peer_uid(transport: asyncio.BaseTransport) -> int:
    peer: socket.socket = transport.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    return int(PEER_CREDENTIALS.unpack(raw)[1])


@lru_cache(64)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _websocket_protocol(**arguments: Any) -> asyncio.Protocol:
    """Imported with the first WebSocket: most engines are asked by commands only."""
    from engine.server.feed_line import feed_line

    return feed_line(**arguments)


def make_config(app: Any, http: type[asyncio.Protocol], keep_alive_s: float) -> Config:
    """What uvicorn's protocol classes are told."""
    config = Config(
        app,
        http=http,
        ws=_websocket_protocol,  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=int(keep_alive_s),
        ws_max_size=1 << 20,
        ws_ping_interval=30.0,
        h11_max_incomplete_event_size=1 << 16,
    )
    config.load()
    return config


async def listen(app: Any, listening: socket.socket) -> tuple[asyncio.Server, ServerState]:
    """Serve an ASGI app on a socket that is bound already."""
    config = make_config(app, PeerProtocol, KEEP_ALIVE_S)
    state = ServerState()
    state.default_headers = [(b"server", b"wingman")]
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(
        lambda: PeerProtocol(config=config, server_state=state, app_state={}), sock=listening
    )
    return server, state
