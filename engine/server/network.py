"""The same app on TCP with TLS: limits for whoever connects, before anything is asked of them.

No request of a browser has a business here: one with an `Origin`, or for a host that this machine
is not called, is refused (a page that rebinds its name to this address sends that name as `Host`).
"""

from __future__ import annotations

import asyncio
import ipaddress
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


class NetworkProtocol(HttpToolsProtocol):
    """A connection that has to say something soon, and not too much."""

    def __init__(self, **arguments: Any) -> None:
        self.counts: Counter[str] = arguments.pop("counts")
        super().__init__(**arguments)
        self._patience: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type]
        self._address = self.client[0] if self.client else "unknown"
        self.counts[self._address] += 1
        total = self.counts.total()
        if total > CONNECTIONS or self.counts[self._address] > CONNECTIONS_OF_ONE:
            transport.abort()
            return
        self._wait(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._read_again()
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._stop_waiting()
        self._read_again()
        super().handle_websocket_upgrade()
        self._forget()

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

    def _forget(self) -> None:
        if self._address:
            self.counts[self._address] -= 1
            if self.counts[self._address] <= 0:
                del self.counts[self._address]
            self._address = ""


async def _refuse(kind: str, send: Send, error: WingmanError) -> None:
    prefix = "websocket.http.response" if kind == "websocket" else "http.response"
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": f"{prefix}.start", "status": error.status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": encode({"error": error.to_json()})})


async def listen_to_network(
    app: ASGIApp, serving: Serving, folder: Any, state: ServerState
) -> tuple[asyncio.Server, str]:
    """Serve the app on TCP with TLS; the server, and where and by which certificate, in words."""
    names = [*names_of_here(serving.host), *serving.names]
    cert, key = serving.tls_cert, serving.tls_key
    if not cert:
        cert, key = own_certificate(folder, names)
    context = server_context(cert, key)
    config: Config = make_config(Edge(app, names), NetworkProtocol, IDLE_S)
    counts: Counter[str] = Counter()
    try:
        server = await asyncio.get_running_loop().create_server(
            lambda: NetworkProtocol(config=config, server_state=state, app_state={}, counts=counts),
            serving.host,
            serving.port,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_S,
            backlog=512,
        )
    except OSError as error:
        raise UsageError(
            f"cannot listen on {serving.host}:{serving.port}: {error.strerror or error}",
            "another program may listen there; --port names another one",
        ) from None
    port = server.sockets[0].getsockname()[1]
    return server, f"https://{serving.host}:{port} (fingerprint {fingerprint(cert)})"
