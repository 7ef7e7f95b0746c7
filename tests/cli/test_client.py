"""The light client against a server on a real socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from engine.client.http import Client, quote, with_query
from engine.errors import Conflict, Unavailable, UsageError, WingmanError
from engine.paths import Home
from tests.cli.fake_engine import FakeEngine, Request


def test_requests_share_one_connection(home: Home) -> None:
    routes = {"GET /healthz": lambda _: {"status": "ok"}}
    with FakeEngine(home, routes) as fake:
        client = Client(home)
        answers = [client.request("GET", "/healthz") for _ in range(5)]
        client.close()
    assert answers == [{"status": "ok"}] * 5
    assert fake.connections == 1


def test_body_and_headers_arrive(home: Home) -> None:
    routes = {"POST /v1/executions": lambda request: {"got": request.body}}
    body = {"flow": "night", "inputs": {"name": "Zürich ☃"}}
    with FakeEngine(home, routes) as fake:
        answer = Client(home).request("POST", "/v1/executions", body, {"Idempotency-Key": "k1"})
    assert answer == {"got": body}
    assert fake.requests[0].headers["idempotency-key"] == "k1"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"inputs_text": {"who": "you", "token": "hush\udcff"}}, "token"),
        ({"inputs_text": {"na\udcfcme": "x"}}, "na\\udcfcme"),
        ({"text": "\ud83d"}, "text"),
        ({"channels": ["ops", "\udc80"]}, "channels"),
    ],
)
def test_text_of_another_encoding_is_named_and_not_shown(
    home: Home, body: dict[str, object], name: str
) -> None:
    """As `-i token=…` typed in a terminal of another encoding."""
    with FakeEngine(home, {}) as fake, pytest.raises(UsageError, match="no UTF-8 text") as found:
        Client(home).request("POST", "/v1/executions", body)
    assert f"`{name}`" in found.value.message
    assert "hush" not in found.value.message + found.value.hint
    assert not fake.requests


def test_chunks_arrive_while_the_answer_goes_on(home: Home) -> None:
    more = threading.Event()

    def chunks(_: Request) -> Iterator[bytes]:
        yield b"first\n"
        assert more.wait(30)
        yield b"second\n"

    with FakeEngine(home, {"GET /logs": chunks, "GET /healthz": lambda _: {}}) as fake:
        client = Client(home)
        stream = client.stream("GET", "/logs")
        assert next(stream) == b"first\n"
        more.set()
        assert b"".join(stream) == b"second\n"
        client.request("GET", "/healthz")
        client.close()
    assert fake.connections == 1  # the stream was read to its end: its connection serves again


def test_large_and_empty_bodies(home: Home) -> None:
    big = b"x" * 3_000_000
    with FakeEngine(home, {"GET /big": lambda _: big, "GET /none": lambda _: b""}):
        client = Client(home)
        assert client.text("/big") == big.decode()
        assert client.request("GET", "/none") == {}
        client.close()


def test_an_error_comes_back_as_its_class(home: Home) -> None:
    def refuse(_: Request) -> None:
        raise Conflict("it has ended", "retry it: wingman retry night#7", state="completed")

    with FakeEngine(home, {"POST /v1/executions/x/cancel": refuse}):
        client = Client(home)
        with pytest.raises(Conflict) as caught:
            client.request("POST", "/v1/executions/x/cancel", {})
        client.close()
    assert caught.value.message == "it has ended"
    assert caught.value.hint == "retry it: wingman retry night#7"
    assert caught.value.details == {"state": "completed"}


def test_nobody_listens(home: Home) -> None:
    with pytest.raises(Unavailable, match="no engine listens"):
        Client(home).request("GET", "/healthz")


def test_an_engine_that_dies_in_the_middle_is_unavailable(home: Home) -> None:
    def chunks(_: Request) -> Iterator[bytes | None]:
        yield b"first\n"
        yield None

    with FakeEngine(home, {"GET /logs": chunks}):
        stream = Client(home).stream("GET", "/logs")
        assert next(stream) == b"first\n"
        with pytest.raises(Unavailable, match="went away"):
            next(stream)


def test_a_kept_connection_that_was_closed_is_replaced(home: Home) -> None:
    client = Client(home)
    with FakeEngine(home, {"GET /healthz": lambda _: {"n": 1}}):
        client.request("GET", "/healthz")
        first = client._idle
        assert first is not None
        first._raw.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
        assert client.request("GET", "/healthz") == {"n": 1}
        client.close()


def test_silence_ends_in_a_clear_error(home: Home) -> None:
    release = threading.Event()

    def wait(_: Request) -> dict[str, str]:
        release.wait(30)
        return {}

    with FakeEngine(home, {"GET /slow": wait}):
        with pytest.raises(Unavailable, match=r"not answered for 0\.2 s"):
            Client(home).request("GET", "/slow", timeout_s=0.2)
        release.set()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0\r\n\r\n",
        b"\x00" * 100_000,
        b"HTTP/1.1 ok\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    ],
)
def test_something_else_on_the_socket(home: Home, answer: bytes) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(home.socket))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(answer)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with pytest.raises((Unavailable, WingmanError)):
            Client(home).request("GET", "/healthz")
    finally:
        thread.join()
        listener.close()
        home.socket.unlink()


def test_bytes_that_come_one_by_one(home: Home) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(home.socket))
    listener.listen()
    body = json.dumps({"a": "b" * 50}).encode()
    answer = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nX-Odd:  a:b \r\n\r\n"
        + b"5;note=1\r\n" + body[:5] + b"\r\n%X\r\n" % (len(body) - 5) + body[5:]
        + b"\r\n0\r\nTrailer: x\r\n\r\n"
    )  # fmt: skip

    def serve() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        for i in range(len(answer)):
            connection.sendall(answer[i : i + 1])
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert Client(home).request("GET", "/x") == {"a": "b" * 50}
    finally:
        thread.join()
        listener.close()
        home.socket.unlink()


def test_paths_are_percent_encoded() -> None:
    assert quote("nightly backup#12/ä") == "nightly%20backup%2312%2F%C3%A4"
    path = with_query("/v1/executions", state="a,b", limit=5, follow=True, step=None, engine=False)
    assert path == "/v1/executions?state=a%2Cb&limit=5&follow=true"


def test_a_line_break_in_a_header_is_refused(home: Home) -> None:
    with FakeEngine(home, {}), pytest.raises(WingmanError, match="line break"):
        Client(home).request("POST", "/v1/executions", {}, {"Idempotency-Key": "a\r\nX: y"})
