"""Those who connect and mean no good, or say nothing: bounded, dropped, and others are served."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from uvicorn.server import ServerState

from engine.server import edge as edge_module
from engine.server import feed_line, network
from engine.server.edge import place_of
from engine.server.network import Door, listen_to_network
from engine.serving import Serving

QUESTION = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PATIENCE_S = 60.0
KNOWN = {"Bearer annas": "anna", "Bearer ottos": "otto"}


class App:
    """Answers at once; `/flood` and a WebSocket send for ever, as fast as they are read."""

    def __init__(self) -> None:
        self.sent_bytes = 0
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.accept"})
                while True:
                    await send({"type": "websocket.send", "bytes": bytes(10_000)})
                    self.sent_bytes += 10_000
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if scope["path"] == "/flood":
                flood = asyncio.ensure_future(self._flood(send))
                while (await receive())["type"] != "http.disconnect":
                    pass
                flood.cancel()  # as every app that streams must: what is sent now is taken and lost
                return
            await send({"type": "http.response.body", "body": b"good"})
        finally:
            if scope["path"] != "/":
                self.ended.set()

    async def _flood(self, send: Any) -> None:
        while True:
            message = {"type": "http.response.body", "body": bytes(10_000), "more_body": True}
            await send(message)
            self.sent_bytes += 10_000
            await asyncio.sleep(0)


class Edge:
    def __init__(self, app: App, door: Door) -> None:
        self.app, self.door = app, door
        self.port = door.sockets[0].getsockname()[1]
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(
        self, address: str = "127.0.0.1", *, is_plain: bool = False, takes_bytes: int = 0
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        raw = socket.socket()
        raw.setblocking(False)
        if takes_bytes:  # before it connects: afterwards the kernel has its own mind, by megabytes
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes_bytes)
        raw.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(
            sock=raw, ssl=None if is_plain else context, server_hostname=None if is_plain else ""
        )
        self.writers.append(writer)
        return reader, writer

    async def answers(self, address: str = "127.0.0.1") -> bool:
        """Whether a question is answered."""
        reader, writer = await self.connect(address)
        writer.write(QUESTION)
        found = await asyncio.wait_for(reader.read(100), PATIENCE_S)
        writer.close()
        return found.startswith(b"HTTP/1.1 200 ")


def token_in(given: str) -> str:
    return KNOWN.get(given, "")


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    app = App()
    door, _ = await listen_to_network(app, Serving(port=0), tmp_path, ServerState(), token_in)
    made = Edge(app, door)
    yield made
    door.close()
    for writer in made.writers:
        writer.transport.abort()
    await until(lambda: not door.counts)


async def until(holds: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the other side hangs up."""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await asyncio.wait_for(reader.read(), PATIENCE_S)
    return True


async def test_thousands_who_say_nothing_are_bounded_and_others_are_served(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not even shake hands: what has no protocol yet is counted, too."""
    silent = []
    for _ in range(700):
        raw = socket.socket()
        raw.bind(("127.0.0.2", 0))
        raw.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            raw.connect(("127.0.0.1", edge.port))
        silent.append(raw)
    try:
        await until(lambda: edge.door.counts["127.0.0.2"] == network.CONNECTIONS_OF_ONE)
        assert await edge.answers("127.0.0.3")
        assert edge.door.counts["127.0.0.2"] <= network.CONNECTIONS_OF_ONE
    finally:
        for raw in silent:
            raw.close()
    await until(lambda: "127.0.0.2" not in edge.door.counts)
    assert await edge.answers("127.0.0.2"), "and served again when they are gone"


async def test_however_many_addresses_there_are_no_more_connections_than_that(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.door, "_most", 10)
    for n in range(30):
        with contextlib.suppress(ConnectionError):
            await edge.connect(f"127.0.0.{n + 10}", is_plain=True)
    await asyncio.sleep(0.1)
    assert edge.door.counts.total() == 10


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_who_does_not_go_on_is_dropped(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(network, "HEAD_S", 0.5)
    monkeypatch.setattr(network, "BODY_S", 0.5)
    reader, writer = await edge.connect()
    writer.write(said)
    assert await closed(reader)
    await until(lambda: not edge.door.counts)


async def test_a_head_that_comes_byte_by_byte_has_no_more_time_for_it(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "HEAD_S", 0.7)
    reader, writer = await edge.connect()

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 1000:
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(0.05)

    dripping = asyncio.ensure_future(drip())
    assert await closed(reader)
    dripping.cancel()


async def test_a_head_of_any_size_is_not_taken(edge: Edge) -> None:
    for head in (
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: yyyy\r\n" * 8_000 + b"\r\n",
    ):
        reader, writer = await edge.connect()
        with contextlib.suppress(ConnectionError):
            writer.write(head)
            found = await asyncio.wait_for(reader.read(), PATIENCE_S)
            assert not found.startswith(b"HTTP/1.1 200")
    assert await edge.answers()


@pytest.mark.parametrize(
    "asked", [b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n", UPGRADE], ids=["http", "websocket"]
)
async def test_who_never_reads_costs_little_and_is_dropped(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, asked: bytes
) -> None:
    monkeypatch.setattr(network, "STALLED_S", 1.0)
    monkeypatch.setattr(feed_line, "STALLED_S", 1.0)
    reader, writer = await edge.connect(takes_bytes=4096)
    writer.write(asked)
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await until(lambda: edge.app.sent_bytes > 0)
    assert await edge.answers("127.0.0.2"), "others are served meanwhile"
    await until(lambda: not edge.door.counts)
    await until(edge.app.ended.is_set)
    assert edge.app.sent_bytes < 8 << 20


async def test_bytes_that_are_no_tls_are_answered_with_a_hang_up(edge: Edge) -> None:
    reader, writer = await edge.connect(is_plain=True)
    writer.write(QUESTION)
    assert await closed(reader)
    assert await edge.answers()


# -- what is asked of each request --


class Asked:
    """An edge before an app that lets in who has a token, asked without a socket."""

    def __init__(self) -> None:
        self.edge = edge_module.Edge(self._app, ["here"], token_in)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope["headers"]).get(b"authorization", b"").decode()
        is_let_in = bool(token_in(given)) or scope["path"] == "/healthz"
        prefix = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
        status = 200 if is_let_in else 401
        await send({"type": f"{prefix}.start", "status": status, "headers": []})
        await send({"type": f"{prefix}.body", "body": b"the app's"})

    async def __call__(
        self, token: str = "", address: str = "10.0.0.1", path: str = "/", kind: str = "http"
    ) -> int:
        headers = [(b"host", b"here")]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        scope = {"type": kind, "path": path, "headers": headers, "client": (address, 1)}
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await self.edge(scope, None, send)  # type: ignore[arg-type]
        start, body = sent
        assert (body["body"] == b"the app's") == (start["status"] in (200, 401))
        return int(start["status"])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(edge_module, "RATE_S", 0.0)
    monkeypatch.setattr(edge_module, "FAILURE_RATE_S", 0.0)
    return Asked()


async def test_wrong_tokens_keep_out_nobody_but_those_who_bring_them(asked: Asked) -> None:
    guesses = [await asked("wrong") for _ in range(12)]
    assert guesses == [401] * 10 + [429] * 2
    assert await asked("annas") == 200, "she sits behind the same router"
    assert await asked("annas", kind="websocket") == 200
    assert await asked("wrong", kind="websocket") == 429
    assert await asked() == 429
    assert await asked(path="/healthz") == 200
    assert await asked("wrong", "10.0.0.2") == 401, "elsewhere it is the first"


async def test_the_haste_of_strangers_leaves_each_token_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge_module, "RATE_S", 0.0)
    monkeypatch.setattr(edge_module, "BURST", 3.0)
    asked = Asked()
    assert [await asked() for _ in range(4)] == [401, 401, 401, 429]
    assert [await asked("annas") for _ in range(4)] == [200, 200, 200, 429], "and no more than that"
    assert await asked("ottos") == 200
    assert await asked("wrong") == 429


async def test_addresses_cost_a_bounded_memory(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_module, "ADDRESSES_KEPT", 50)
    for n in range(200):
        await asked("wrong", f"10.0.1.{n}")
    assert len(asked.edge._requests) == len(asked.edge._failures) == 50


def test_who_owns_a_network_of_ipv6_has_one_address() -> None:
    """A household has 2 to the power of 64 of them; one of IPv4, seen through IPv6, is itself."""
    assert place_of("2001:db8:0:1::1") == place_of("2001:db8:0:1:ffff::2")
    assert place_of("2001:db8:0:1::1") != place_of("2001:db8:0:2::1")
    assert place_of("::ffff:10.0.0.1") == place_of("10.0.0.1") == "10.0.0.1"
    assert place_of("fe80::1%eth0") == place_of("fe80::2%eth0")
    assert place_of("unknown") == "unknown"
