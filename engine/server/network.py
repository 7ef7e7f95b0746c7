"""The same app on TCP with TLS: limits for whoever connects, before anything is asked of them."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from engine.errors import UsageError
from engine.keepalive import keep_alive
from engine.server.edge import Edge, TokenIn, place_of
from engine.server.protocol import JoinedWrites, make_config
from engine.serving import Serving
from engine.tls import fingerprint, names_of_here, own_certificate, server_context

HANDSHAKE_S = 10.0
HEAD_S = 10.0  # from the first byte of a request to the end of its head; or nothing said at all
BODY_S = 30.0  # between two pieces of a body
IDLE_S = 90.0
STALLED_S = 60.0  # of an answer that nobody takes
SILENT_S = 60  # of a client that waits for an answer, before it is asked whether it is there
HEAD_LIMIT_BYTES = 32 << 10
CONNECTIONS = 2048
CONNECTIONS_OF_ONE = 512  # address
OWN_FILES = 256  # that the engine may have open beside connections
ACCEPTED_AT_ONCE = 64  # in one turn of the loop


class Counted(socket.socket):
    """A connection's socket that tells when it is closed."""

    def __init__(self, raw: socket.socket, on_close: Callable[[], None]) -> None:
        super().__init__(raw.family, raw.type, raw.proto, fileno=raw.detach())
        self.setblocking(False)
        self._on_close: Callable[[], None] | None = on_close

    def close(self) -> None:
        super().close()
        tell, self._on_close = self._on_close, None
        if tell is not None:
            tell()


class Door:
    """Lets connections in and counts them from their first moment, before TLS, to their last."""

    def __init__(
        self,
        listening: list[socket.socket],
        make: Callable[[], NetworkProtocol],
        context: ssl.SSLContext,
    ) -> None:
        self.sockets = listening
        self.counts: Counter[str] = Counter()
        self._make, self._context = make, context
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = min(CONNECTIONS, max(64, files - OWN_FILES))
        self._loop = asyncio.get_running_loop()
        self._shaking: set[asyncio.Task[None]] = set()
        for raw in listening:
            self._loop.add_reader(raw, self._accept, raw)

    def close(self) -> None:
        """Let nobody in any more."""
        for raw in self.sockets:
            self._loop.remove_reader(raw)
            raw.close()
        for task in self._shaking:
            task.cancel()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                raw, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor left: those that are there have to end first
                self._loop.remove_reader(listening)
                self._loop.call_later(1.0, self._go_on, listening)
                return
            host = place_of(str(address[0]))
            if self.counts.total() >= self._most or self.counts[host] >= CONNECTIONS_OF_ONE:
                raw.close()
                continue
            self.counts[host] += 1
            task = self._loop.create_task(self._let_in(raw, host))
            self._shaking.add(task)
            task.add_done_callback(self._shaking.discard)

    def _go_on(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening, self._accept, listening)

    async def _let_in(self, raw: socket.socket, host: str) -> None:
        counted = Counted(raw, lambda: self._left(host))
        with contextlib.suppress(OSError):
            counted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(counted, SILENT_S)
        with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
            await self._loop.connect_accepted_socket(
                self._make, counted, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_S
            )
            return
        counted.close()

    def _left(self, host: str) -> None:
        self.counts[host] -= 1
        if self.counts[host] <= 0:
            del self.counts[host]


class NetworkProtocol(HttpToolsProtocol):
    """A connection that has to say something soon, and not too much."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._patience: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type]
        self._wait(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._read_again()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._stop_waiting()
        self._read_again()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_again()

    def _read_again(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._wait(HEAD_S)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._wait(BODY_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._wait(BODY_S)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_LIMIT_BYTES:
            self.transport.abort()

    def _wait(self, patience_s: float) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(patience_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


async def listen_to_network(
    app: ASGIApp, serving: Serving, folder: Any, state: ServerState, token_in: TokenIn
) -> tuple[Door, str]:
    """Serve the app on TCP with TLS; the server, and where and by which certificate, in words."""
    names = [*names_of_here(serving.host), *serving.names]
    cert, key = serving.tls_cert, serving.tls_key
    if not cert:
        cert, key = own_certificate(folder, names)
    context = server_context(cert, key)
    config: Config = make_config(Edge(app, names, token_in), NetworkProtocol, IDLE_S)
    try:
        listening = await asyncio.to_thread(_listening, serving.host, serving.port)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {serving.host}:{serving.port}: {error.strerror or error}",
            "another program may listen there; --port names another one",
        ) from None
    door = Door(
        listening,
        lambda: NetworkProtocol(config=config, server_state=state, app_state={}),
        context,
    )
    port = listening[0].getsockname()[1]
    return door, f"https://{serving.host}:{port} (fingerprint {fingerprint(cert)})"


def _listening(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address that a name means."""
    found: list[socket.socket] = []
    flags = socket.AI_PASSIVE
    for family, *_, address in socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=flags
    ):
        if port == 0 and found:
            break  # another one would get another port
        raw = socket.create_server(address[:2], family=family, backlog=512)
        raw.setblocking(False)
        found.append(raw)
    return found
