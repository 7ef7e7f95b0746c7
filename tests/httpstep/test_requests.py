"""`http` steps at the runner, against real servers: what is sent, what comes of the answer."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.httpstep.conftest import Serve
from tests.httpstep.server import Answer, own_authority, until
from tests.runner.client import Bench, Client

JSON = {"Content-Type": "application/json"}


def order(bench: Bench, url: str, **given: Any) -> dict[str, Any]:
    """The runner's order of an `http` step."""
    env = given.pop("env", {})
    changes = {key: given.pop(key) for key in ("timeout_s", "masks") if key in given}
    http = {
        "method": "GET", "url": url, "headers": {}, "query": {}, "body": None, "body_file": None,
        "auth": None, "expect_status": ["2xx"], "save": None, "redirects": True, "verify": True,
        "proxy": None,
    } | given  # fmt: skip
    spec = bench.shell("", kind="http", http=http, **changes)
    spec["env"] = {**spec["env"], **env}
    return spec


def ask(bench: Bench, client: Client, url: str, **given: Any) -> tuple[dict[str, Any], str]:
    spec = order(bench, url, **given)
    end = client.run(spec)
    return end, bench.log(spec).decode()


def test_json_comes_back_as_a_value(bench: Bench, client: Client, serve: Serve) -> None:
    server = serve(Answer(201, b'{"id": 7, "tags": ["a"]}', {**JSON, "X-Trace": "t1"}))
    end, log = ask(
        bench, client, f"{server.url}/items?a=1", method="POST", body={"name": "é", "n": [1, None]},
        query={"q": "x y&z", "many": ["1", "2"]}, headers={"X-Own": " ü "},
        env={"WINGMAN_IDEMPOTENCY_KEY": "key-1"},
    )  # fmt: skip
    assert (end["outcome"], end["exit_code"], end["error"]) == ("exited", 0, None)
    assert end["outputs"]["body"] == {"id": 7, "tags": ["a"]}
    assert end["outputs"]["status"] == 201
    assert end["outputs"]["headers"]["x-trace"] == "t1"
    got = server.got[0]
    assert (got.method, got.target) == ("POST", "/items?a=1&q=x%20y%26z&many=1&many=2")
    assert json.loads(got.body) == {"name": "é", "n": [1, None]}
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-own"].encode("latin-1").decode() == "ü"
    assert got.headers["idempotency-key"] == "key-1"
    assert got.headers["content-length"] == str(len(got.body))
    assert f"POST {server.url}/items?a=1&q=x%20y%26z&many=1&many=2 (" in log
    assert "201 Created in 0." in log
    assert "24 bytes of application/json" in log


@pytest.mark.parametrize(
    ("body", "kind", "value", "warns"),
    [
        (b"plain", "text/plain", "plain", False),
        (b"", "application/json", None, False),
        (b'{"a": 1', "application/json", '{"a": 1', True),
        (b'{"a": NaN}', "application/json", '{"a": NaN}', True),
        (b"\xff\x00\xfe", "application/pdf", None, True),
        ("größe".encode("latin-1"), "text/plain; charset=iso-8859-1", "größe", False),
        (b"[" * 100_000, "application/problem+json", "[" * 100_000, True),
    ],
)
def test_a_body_is_what_it_is(
    bench: Bench, client: Client, serve: Serve, body: bytes, kind: str, value: Any, warns: bool
) -> None:
    end, log = ask(bench, client, serve(Answer(200, body, {"Content-Type": kind})).url)
    assert end["error"] is None
    assert end["outputs"]["body"] == value
    assert ("warning: " in log) is warns


def test_a_status_that_is_not_expected_is_the_error(
    bench: Bench, client: Client, serve: Serve
) -> None:
    server = serve(Answer(503, b'{"why":\n "full"}\x1b[2J', JSON))
    end, log = ask(bench, client, server.url)
    assert end["error"]["type"] == "http:503"
    assert end["error"]["message"] == '503 Service Unavailable, not 2xx: {"why": "full"} [2J'
    assert end["exit_code"] is None
    assert "\x1b" not in log
    assert ask(bench, client, server.url, expect_status=["200", "503"])[0]["error"] is None
    assert ask(bench, client, server.url, expect_status=["5xx"])[0]["error"] is None


def test_nobody_listens(bench: Bench, client: Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        end, _ = ask(bench, client, f"http://127.0.0.1:{port}/")
    assert end["error"]["type"] == "connection"
    assert end["error"]["message"] == f"127.0.0.1:{port}: Connection refused"
    end, _ = ask(bench, client, "http://no-such-host.invalid/")
    assert end["error"]["type"] == "connection"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "ftp://x"}, "is no address"),
        ({"url": "http://x/a b"}, "a space"),
        ({"url": "http://u:p@x/"}, "use auth"),
        ({"url": "http://x:99999/"}, "is no address"),
        ({"headers": {"x": "a\r\nb: c"}}, "control character"),
        ({"auth": {"bearer": " "}}, "token is empty"),
        ({"body_file": "missing"}, "No such file"),
        ({"body_file": "../../etc/passwd"}, "is not in the working directory"),
        ({"verify": "/no/such.pem"}, "verify /no/such.pem"),
        ({"proxy": "what://p:secret@x"}, "the proxy's address cannot be used"),
        ({"auth": {"bearer": {"secret": "GONE"}}}, "no secret GONE"),
    ],
)
def test_what_cannot_be_asked(
    bench: Bench, client: Client, given: dict[str, Any], words: str
) -> None:
    end, _ = ask(bench, client, **{"url": "http://127.0.0.1:1/", **given})
    assert end["error"]["type"] == "start_failed"
    assert words in end["error"]["message"]
    assert "p:secret" not in end["error"]["message"]


def test_credentials_follow_on_the_same_host_only(
    bench: Bench, client: Client, serve: Serve
) -> None:
    other = serve(Answer(200, b"there"))
    first = serve(
        Answer(302, headers={"Location": "/second"}),
        Answer(307, headers={"Location": f"http://localhost:{other.port}/third?x=1"}),
    )
    end, log = ask(
        bench, client, first.url, method="POST", body="told", auth={"bearer": {"secret": "TOKEN"}},
        headers={"X-Api-Key": {"secret": "KEY"}, "Accept": "text/plain"},
        query={"k": {"secret": "KEY"}}, env={"TOKEN": "sesame-token", "KEY": "sesame-key"},
    )  # fmt: skip
    assert end["outputs"]["body"] == "there"
    assert [got.target for got in first.got] == ["/?k=sesame-key", "/second"]
    assert first.got[0].headers["authorization"] == "Bearer sesame-token"
    assert first.got[1].headers["x-api-key"] == "sesame-key"
    assert [got.method for got in (*first.got, *other.got)] == ["POST", "GET", "GET"]
    assert "sesame" not in json.dumps([other.got[0].headers, other.got[0].target])
    assert other.got[0].headers["accept"] == "text/plain"
    assert "sesame" not in log
    assert "302 Found: " in log


def test_a_body_is_sent_again_where_the_server_moves_it(
    bench: Bench, client: Client, serve: Serve
) -> None:
    other = serve(Answer(201))
    first = serve(Answer(307, headers={"Location": f"{other.url}/node"}))
    work = bench.home.work / "x"
    work.mkdir(parents=True, exist_ok=True)
    (work / "dump").write_bytes(b"d" * 700_000)
    end, log = ask(bench, client, first.url, method="PUT", body_file="dump")
    assert end["outputs"]["status"] == 201
    assert (other.got[0].method, len(other.got[0].body)) == ("PUT", 700_000)
    assert "(700,000 bytes of dump)" in log


def test_redirects_can_be_left_alone_and_end(bench: Bench, client: Client, serve: Serve) -> None:
    loop = serve(Answer(301, headers={"Location": "/"}))
    end, _ = ask(bench, client, loop.url)
    assert end["error"]["type"] == "connection"
    assert "more than 10 redirects" in end["error"]["message"]
    assert ask(bench, client, loop.url, redirects=False)[0]["error"]["type"] == "http:301"
    end, _ = ask(bench, client, loop.url, redirects=False, expect_status=["301"])
    assert end["outputs"]["headers"]["location"] == "/"
    away = serve(Answer(302, headers={"Location": "file:///etc/passwd"}))
    assert "is no address" in ask(bench, client, away.url)[0]["error"]["message"]


def test_a_large_body_needs_a_file(bench: Bench, client: Client, serve: Serve) -> None:
    server = serve(Answer(200, os.urandom(3 << 20)))
    end, _ = ask(bench, client, server.url)
    assert end["error"]["type"] == "output"
    assert "write `save: FILE`" in end["error"]["message"]
    end, log = ask(bench, client, server.url, save="deep/down.bin")
    assert end["error"] is None
    assert "body" not in end["outputs"]
    assert (bench.home.work / "x" / "deep" / "down.bin").stat().st_size == 3 << 20
    assert "3,145,728 bytes, saved as deep/down.bin" in log
    end, _ = ask(bench, client, server.url, save="../out")
    assert "is not in the working directory" in end["error"]["message"]
    assert sorted(os.listdir(bench.home.work / "x")) == ["deep"]


def test_a_timeout_and_a_cancel_end_a_request_that_hangs(
    bench: Bench, client: Client, serve: Serve
) -> None:
    server = serve(Answer(slow=True))
    end, _ = ask(bench, client, server.url, timeout_s=0.3)
    assert end["outcome"] == "timeout"
    asked = len(server.got)  # a busy machine may have ended the first one before it was sent
    spec = order(bench, server.url)
    client.start(spec)
    until(lambda: len(server.got) > asked)
    client.cancel(spec["attempt"])
    assert client.end_of(spec["attempt"])["outcome"] == "cancelled"


def test_certificates_are_checked(
    bench: Bench, client: Client, serve: Serve, tmp_path: Path
) -> None:
    authority, certificate = own_authority(tmp_path)
    server = serve(Answer(200, b"safe"), certificate=certificate)
    end, _ = ask(bench, client, server.url)
    assert end["error"]["type"] == "connection"
    assert "certificate" in end["error"]["message"].lower()
    assert ask(bench, client, server.url, verify=str(authority))[0]["outputs"]["body"] == "safe"
    assert ask(bench, client, server.url, verify=False)[0]["outputs"]["body"] == "safe"


def test_a_proxy_is_asked_and_no_variable_is_read(
    bench: Bench, client: Client, serve: Serve
) -> None:
    proxy = serve(Answer(200, b"by the proxy"))
    direct = serve(Answer(200, b"direct"))
    end, _ = ask(bench, client, "http://far.invalid/x", proxy=proxy.url)
    assert end["outputs"]["body"] == "by the proxy"
    assert proxy.got[0].target == "http://far.invalid/x"
    end, _ = ask(bench, client, direct.url, env={"HTTP_PROXY": proxy.url, "http_proxy": proxy.url})
    assert end["outputs"]["body"] == "direct"


def test_basic_auth_and_masks(bench: Bench, client: Client, serve: Serve) -> None:
    server = serve(lambda got: Answer(401, b"no: " + got.headers["authorization"].encode()))
    secret = "opensesame-12345"
    auth = {"basic": {"username": "me", "password": {"secret": "PASSWORD"}}}
    end, log = ask(bench, client, server.url, auth=auth, env={"PASSWORD": secret}, masks=[secret])
    assert server.got[0].headers["authorization"] == "Basic bWU6b3BlbnNlc2FtZS0xMjM0NQ=="
    assert end["error"]["type"] == "http:401"
    assert secret not in json.dumps(end) + log
    assert "b3BlbnNlc2FtZS0xMjM0N" not in json.dumps(end) + log  # nor in base64
