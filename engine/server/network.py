"""The same app on TCP with TLS: limits for whoever connects, before anything is asked of them.

No request of a browser has a business here: one with an `Origin`, or for a host that this machine
is not called, is refused (a page that rebinds its name to this address sends that name as `Host`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import resource
import socket
import ssl
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from engine.errors import NotAllowed, UsageError, WingmanError
from engine.jsontext import encode
from engine.server.protocol import JoinedWrites, make_config
from engine.serving import Serving
from engine.tls import fingerprint, names_of_here, own_certificate, server_context

HANDSHAKE_S = 10.0
HEAD_S = 10.0  # from the first byte of a request to the end of its head; or nothing said at all
BODY_S = 30.0  # between two pieces of a body
IDLE_S = 90.0
STALLED_S = 60.0  # of an answer that nobody takes
HEAD_LIMIT_BYTES = 32 << 10
CONNECTIONS = 2048
CONNECTIONS_OF_ONE = 512  # address
OWN_FILES = 256  # that the engine may have open beside connections
ACCEPTED_AT_ONCE = 64  # in one turn of the loop
RATE_S, BURST = 100.0, 400.0  # requests of one address
FAILURE_RATE_S, FAILURE_BURST = 1 / 6, 10.0  # refused tokens of one address: ten, then ten a minute
ADDRESSES_KEPT = 10_000


class TooMany(WingmanError):
    """More requests than one address may make."""

    code = "too_many"
    status = 429


class Buckets:
    """A token bucket for each address; those that were used longest ago are forgotten."""

    def __init__(
        self, rate_s: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_s, self._burst, self._clock = rate_s, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, address: str) -> float:
        """How many requests an address has now."""
        now = self._clock()
        left, at = self._left.get(address, (self._burst, now))
        return min(self._burst, left + (now - at) * self._rate_s)

    def take(self, address: str) -> None:
        """One request less."""
        self._left[address] = (self.left(address) - 1, self._clock())
        self._left.move_to_end(address)
        if len(self._left) > ADDRESSES_KEPT:
            self._left.popitem(last=False)


class Edge:
    """What is asked of a request from the network before the app sees it."""

    def __init__(self, app: ASGIApp, names: list[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}
        self._requests = Buckets(RATE_S, BURST)
        self._failures = Buckets(FAILURE_RATE_S, FAILURE_BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = (scope.get("client") or ("unknown", 0))[0]
        try:
            self._check(Headers(scope=scope), address)
        except WingmanError as error:
            await _refuse(scope["type"], send, error)
            return

        async def sent(message: Any) -> None:
            if message.get("status") == 401:
                self._failures.take(address)
            await send(message)

        await self._app(scope, receive, sent)

    def _check(self, headers: Headers, address: str) -> None:
        """Raises TooMany, NotAllowed, UsageError."""
        if self._requests.left(address) < 1 or self._failures.left(address) < 1:
            raise TooMany("too many requests from this address", "wait a minute")
        self._requests.take(address)
        host = headers.get("host", "")
        if not self._is_called(host):
            raise UsageError(
                f"this server is not called {host[:100]!r}",
                "wingman serve --name NAME adds a name that clients may use",
            )
        if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none",):
            raise NotAllowed("no page of a browser may ask here", "use wingman attach")

    def _is_called(self, host: str) -> bool:
        """Whether a Host header names this machine: by an address, which cannot be rebound."""
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._names
        return True


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
            host = str(address[0])
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


async def _refuse(kind: str, send: Send, error: WingmanError) -> None:
    prefix = "websocket.http.response" if kind == "websocket" else "http.response"
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": f"{prefix}.start", "status": error.status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": encode({"error": error.to_json()})})


async def listen_to_network(
    app: ASGIApp, serving: Serving, folder: Any, state: ServerState
) -> tuple[Door, str]:
    """Serve the app on TCP with TLS; the server, and where and by which certificate, in words."""
    names = [*names_of_here(serving.host), *serving.names]
    cert, key = serving.tls_cert, serving.tls_key
    if not cert:
        cert, key = own_certificate(folder, names)
    context = server_context(cert, key)
    config: Config = make_config(Edge(app, names), NetworkProtocol, IDLE_S)
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
