"""An engine on the network: TLS, who is let in, what is refused before anything is asked."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.client.servers import Server
from engine.client.tls import NotTrusted, fingerprint_of
from engine.errors import NotAllowed, Unauthenticated, Unavailable, UsageError
from engine.paths import Home
from engine.server.edge import Buckets
from tests.conftest import Wingman
from tests.engine.served import Served

TRUE = "name: plain\nsteps: [{id: s, run: 'echo there'}]"


def test_it_refuses_to_begin_where_nobody_has_a_token(home: Home) -> None:
    done = Wingman(home)("serve", "--port", "0")
    assert done.returncode == 2
    assert "nobody has a token yet" in done.stderr
    wingman = Wingman(home)
    wingman("engine", "start", check=True)
    assert wingman("serve", "--port", "0").returncode == 2
    assert wingman("engine", "status").returncode == 0, "and the engine that ran goes on"
    assert wingman("serve", "--tls-cert", "/nowhere").returncode == 2
    assert wingman("serve", "--tls-key", "/nowhere").returncode == 2


def test_everything_goes_as_it_does_here(served: Served) -> None:
    client = served.client("editor")
    started = client.request("POST", "/v1/executions", {"text": TRUE})
    found = client.request("GET", f"/v1/executions/{started['id']}?wait=true")
    assert found["state"] == "completed"
    assert found["actor"] == "editor"
    assert client.text(f"/v1/executions/{started['id']}/logs") == "there\n"
    me = client.request("GET", "/v1/me")
    assert (me["user"], me["role"], me["origin"]) == ("editor", "editor", "127.0.0.1")
    with pytest.raises(NotAllowed):
        served.client("viewer").request("POST", "/v1/executions", {"flow": "practice-failure"})


def test_its_own_log_is_read_from_far_away_too(served: Served) -> None:
    """It runs in the foreground, where a terminal or systemd's journal has its lines as well."""
    lines = served.client("operator").request("GET", "/v1/engine/log")["lines"]
    told = [line["text"] for line in lines if "listening on https://" in line["text"]]
    assert told
    assert told[-1] in served.log.read_text()


def test_who_is_unknown_learns_nothing(served: Served) -> None:
    nobody = served.client(token="")
    assert nobody.request("GET", "/healthz") == {"status": "ok"}
    for path in ("/v1/me", "/v1/executions", "/metrics", "/v1/openapi.json"):
        with pytest.raises(Unauthenticated):
            nobody.request("GET", path)


def test_a_certificate_is_trusted_or_pinned_or_nothing_is_said(served: Served) -> None:
    assert fingerprint_of(served.certificate) == served.fingerprint
    entry = served.entry()
    with pytest.raises(NotTrusted, match="not trusted"):
        Server("far", {**entry, "certificate": ""}).transport().connect()
    other = Path(served.home.root, "other")
    other.mkdir(exist_ok=True)
    from engine.tls import own_certificate

    cert, _ = own_certificate(other, ["localhost"])
    wrong = "".join(Path(cert).read_text().splitlines()[1:-1])
    with pytest.raises(NotTrusted, match="in between"):
        Server("far", {**entry, "certificate": wrong}).transport().connect()


def raw(served: Served, text: str, patience_s: float = 30.0) -> bytes:
    """What comes back for bytes of one's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", served.port), patience_s) as plain,
        context.wrap_socket(plain) as secure,
    ):
        secure.sendall(text.encode())
        found = b""
        while data := secure.recv(1 << 16):
            found += data
        return found


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Host: evil.example", 400),
        ("Host: evil.example:8443", 400),
        ("Host: localhost", 200),
        ("Host: [::1]:8443", 200),
        ("Host: 127.0.0.1\r\nOrigin: https://evil.example", 403),
        ("Host: 127.0.0.1\r\nOrigin: https://127.0.0.1", 403),
        ("Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site", 403),
        ("X-Nothing: 1", 400),
    ],
)
def test_no_page_of_a_browser_gets_in(served: Served, headers: str, status: int) -> None:
    answer = raw(served, f"GET /healthz HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert b"access-control" not in answer.lower()


def test_hostile_requests_end_with_an_error_or_a_hang_up(served: Served) -> None:
    for text in (
        "GET / HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * 20_000 + "\r\n",
        "GET /" + "a" * 100_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/../v1/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /healthz/../v1/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /v1/me?x=/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ):
        try:
            answer = raw(served, text)
        except OSError:
            continue  # it hung up
        assert not answer.startswith(b"HTTP/1.1 2"), text[:60]
    assert served.client().request("GET", "/healthz") == {"status": "ok"}


def test_a_line_that_breaks_in_the_handshake_is_no_server_without_tls(served: Served) -> None:
    """So that it is tried again: whoever hangs up then may be a router."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        def hang_up() -> None:
            silent.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        transport = Server("far", {**served.entry(), "url": f"https://127.0.0.1:{port}"}).tls()
        with pytest.raises(Unavailable, match="broke while it was opened"):
            transport.connect()
        thread.join()


def test_a_silent_line_is_asked_whether_it_is_there(served: Served) -> None:
    connection = Server("far", served.entry()).tls().connect()
    raw = connection._raw  # type: ignore[attr-defined]
    assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    connection.close()


def test_an_older_tls_is_refused(served: Served) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", served.port), 30) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain)


def test_a_step_that_runs_survives_another_serve(served: Served) -> None:
    client = served.client()
    started = client.request(
        "POST", "/v1/executions", {"text": "steps: [{id: s, run: 'sleep 3; echo done'}]\nname: n"}
    )
    served.begin()
    client = served.client()
    found = client.request("GET", f"/v1/executions/{started['id']}?wait=true")
    assert found["state"] == "completed"


def test_the_feed_comes_over_tls_and_ends_with_the_token(served: Served) -> None:
    served.wingman("user", "set", "eve", "--role", "viewer", check=True)
    token = served.wingman("token", "create", "eve", check=True).stdout.strip()
    entry = served.entry(token=token)

    async def look() -> list[dict[str, Any]]:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed

        transport = Server("far", entry).tls()
        frames = []
        async with connect(
            f"wss://{transport.host}/v1/feed",
            ssl=transport.context(),
            additional_headers=transport.headers,
        ) as ws:
            await ws.send(json.dumps({"op": "open", "id": 1, "window": "executions"}))
            frames.append(json.loads(await asyncio.wait_for(ws.recv(), 60)))
            await asyncio.to_thread(served.wingman, "user", "rm", "eve")
            try:
                while True:
                    await asyncio.wait_for(ws.recv(), 60)
            except ConnectionClosed as closed:
                frames.append({"code": closed.rcvd.code if closed.rcvd else 0})
        return frames

    frames = asyncio.run(look())
    assert frames[0]["kind"] == "snapshot"
    assert frames[1] == {"code": 4401}


def test_prometheus_is_answered(served: Served) -> None:
    text = served.client("viewer").text("/metrics")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert any(line.startswith('wingman_executions{state="completed"} ') for line in lines)
    for line in lines:
        float(line.rpartition(" ")[2])


# -- what is pure --


def test_a_bucket_empties_and_fills() -> None:
    now = [0.0]
    buckets = Buckets(1.0, 3.0, lambda: now[0])
    for _ in range(3):
        assert buckets.left("a") >= 1
        buckets.take("a")
    assert buckets.left("a") < 1
    assert buckets.left("b") == 3
    now[0] = 2.0
    assert buckets.left("a") == 2
    now[0] = 100.0
    assert buckets.left("a") == 3


def test_addresses_of_servers() -> None:
    assert Server("a", {"url": "https://h"}).address == ("h", 8443)
    assert Server("a", {"url": "https://h:1"}).address == ("h", 1)
    assert Server("a", {"url": "https://[::1]:7"}).address == ("::1", 7)
    assert Server("a", {"url": "https://[::1]"}).address == ("::1", 8443)
    from engine.client.servers import checked_url

    for wrong in ("http://h", "https://", "ssh://-oProxyCommand=x", "h", "https://h/x",
                  "https://h x", "https://h:x", "ftp://h"):  # fmt: skip
        with pytest.raises(UsageError):
            checked_url(wrong)
