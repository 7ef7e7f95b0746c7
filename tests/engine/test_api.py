"""The HTTP API against its own description, and against requests that nobody should send."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from engine.paths import Home, home_at
from tests.conftest import Wingman, kill_leftovers
from tests.engine.api import Engine
from tests.engine.proxy import tcp_port_to

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
FLOW = """
name: fuzzed
inputs: {n: {type: integer, default: 1}, token: {type: string, sensitive: true, default: ""}}
outputs: {a: "${{ steps.s.outputs.a }}"}
steps:
  - {id: s, run: 'echo a=5 >> "$WINGMAN_OUTPUT"; echo "warning: x"'}
  - {id: t, run: 'exit 3', continue_on_error: true}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that all of this module asks, with a history."""
    home = home_at(tmp_path_factory.mktemp("api") / "home")
    home.create()
    (home.flows / "fuzzed.yaml").write_text(FLOW)
    engine = Engine(home)
    for _ in range(3):
        engine.ended(engine.post("/v1/executions", {"flow": "fuzzed"})["id"])
    yield engine
    Wingman(home)("engine", "stop", "--all")
    kill_leftovers(home)


@pytest.fixture(scope="module")
def described(served: Engine) -> Iterator[Any]:
    with tcp_port_to(served.home.text("socket")) as port:
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/v1/openapi.json")


schema = schemathesis.pytest.from_fixture("described").exclude(path="/v1/engine/stop")


@pytest.mark.timeout(600)  # all operations count as one test
@schema.parametrize()
@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_described(case: Any) -> None:
    case.call_and_validate(checks=CHECKS, timeout=30)
    for name, value in (("ref", "@last"), ("name", "fuzzed")):
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = value
            case.query = {**(case.query or {}), "wait": "false"} if name == "ref" else case.query
            case.call_and_validate(checks=CHECKS, timeout=30)


def talk(home: Home, data: bytes) -> tuple[int, bytes]:
    """The status and body that raw bytes are answered with; status 0 for a hang-up."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(home.text("socket"))
        client.sendall(data)
        received = b""
        while b"\r\n\r\n" not in received:
            part = client.recv(1 << 16)
            if not part:
                return 0, received
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        lengths = [
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ]
        while lengths and len(body) < lengths[0]:
            body += client.recv(1 << 16)
        return int(head.split()[1]), body


def ask(
    home: Home, method: str, path: str, body: bytes = b"", headers: str = ""
) -> tuple[int, bytes]:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return talk(home, head.encode("latin-1") + body)


REFERENCES = [
    "%00", "%ff%fe", "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2F", "%252e%252e", "'", "%25%5f",
    "a" * 5000, "%23", "fuzzed%23", "fuzzed%23-1", "fuzzed%23999999999999999999999", "%231",
    "fuzzed%23%D9%A3", "@", "@@last", "@last@last", "fuzzed@", "@last-failed", "fuzzed@last-failed",
    "%0a%0d", "%1b[31m", "%F0%9F%98%80", "0", "......", "------", "%20%20%20%20%20%20", "%25" * 6,
]  # fmt: skip


def test_hostile_references_are_unknown_and_nothing_else(served: Engine) -> None:
    for reference in REFERENCES:
        for tail in ("", "/logs", "/logs/lines", "/definition"):
            status, body = ask(served.home, "GET", f"/v1/executions/{reference}{tail}")
            assert status in (200, 400, 404), (reference, tail, body)
            if status != 200:
                assert json.loads(body)["error"]["message"]
        status, body = ask(served.home, "POST", f"/v1/executions/{reference}/cancel", b"{}")
        assert status in (400, 404, 409), (reference, body)
        status, body = ask(served.home, "GET", f"/v1/flows/{reference}")
        assert status in (400, 404), (reference, body)


BODIES: list[bytes] = [
    b"", b"{", b"null", b"[]", b"5", b'"x"', b"\xff\xfe", b"{}" * 2, b'{"text": 5}',
    b'{"text": "steps: {"}', b'{"text": null}', b'{"flow": ""}', b'{"flow": "\\u0000"}',
    b'{"flow": "../../etc/passwd"}',
    b'{"text": "steps: [{id: s, run: x}]", "inputs": []}', b'{"text": "", "inputs": {"a": 1}}',
    b'{"text": "steps: [{id: s, run: x}]", "inputs_text": {"a": 1}}',
    b'{"text": "steps: [{id: s, run: x}]", "debug": "yes"}', b"[" * 100_000, b'{"a":' * 100_000,
    b'{"text": "\\ud800"}', b'{"flow": "fuzzed", "inputs": {"n": 1e999}}',
    b'{"flow": "fuzzed", "inputs": {"n": 99999999999999999999999}}',
    b'{"flow": "fuzzed", "inputs": {"n": true}}', b'{"flow": "fuzzed", "inputs": {"n": [[[[]]]]}}',
]  # fmt: skip


def test_bodies_that_are_wrong_are_refused_in_words(served: Engine) -> None:
    before = served.get("/v1/executions?limit=1000")["executions"]
    for body in BODIES:
        status, answer = ask(served.home, "POST", "/v1/executions", body)
        assert 400 <= status < 500, (body[:80], status, answer)
        assert json.loads(answer)["error"]["message"]
    for path in ("/v1/flows/fuzzed/debug", "/v1/validate", "/v1/executions/@last/retry"):
        for body in (b"{", b"[]", b"5", b"\xff", b'{"mode": 5, "text": 5, "reason": 5}'):
            status, answer = ask(served.home, "POST", path, body)
            assert 400 <= status < 500, (path, body, answer)
    assert served.get("/v1/executions?limit=1000")["executions"] == before


def test_a_misspelt_word_of_a_request_is_not_a_wish_that_nobody_hears(served: Engine) -> None:
    for path, body, meant in (
        ("/v1/executions", b'{"flow": "fuzzed", "input": {"n": 3}}', "inputs"),
        ("/v1/plan", b'{"flow": "fuzzed", "debig": true}', "debug"),
        ("/v1/executions/@last/cancel", b'{"raeson": "x"}', "reason"),
    ):
        status, answer = ask(served.home, "POST", path, body)
        assert status == 400
        assert meant in json.loads(answer)["error"]["hint"]
    status, answer = ask(served.home, "GET", "/v1/executions?stat=failed")
    assert (status, "state" in json.loads(answer)["error"]["hint"]) == (400, True)
    assert ask(served.home, "GET", "/v1/executions?limit=0")[0] == 400


def test_a_huge_body_is_refused_and_not_held(served: Engine) -> None:
    status, answer = ask(served.home, "POST", "/v1/executions", b'{"text": "' + b"x" * (5 << 20))
    assert status in (400, 413)
    assert "larger" in json.loads(answer)["error"]["message"]


def test_methods_and_paths_that_do_not_exist_say_so(served: Engine) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        status, answer = ask(served.home, method, "/v1/executions")
        assert status == 405
        assert json.loads(answer)["error"]["code"] == "http"
    for path in ("/", "/v1", "/v1/nothing", "/v1/executions/", "//v1/executions", "/v1/feed"):
        assert ask(served.home, "GET", path)[0] in (307, 404, 405), path
    assert ask(served.home, "POST", "/v1/executions/@last/dance")[0] == 404
    assert ask(served.home, "POST", "/v1/executions/@last/__class__")[0] == 404


def test_odd_headers_and_broken_http_do_no_harm(served: Engine) -> None:
    start = b'{"flow": "fuzzed"}'
    for key in ("x" * 201, "", "x" * 10_000):
        status, _ = ask(served.home, "POST", "/v1/executions", start, f"Idempotency-Key: {key}\r\n")
        assert status == 400
    for raw in (
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/executions HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"y" * 200_000 + b"\r\n\r\n",
        b"POST /v1/executions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/executions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60 + b"\r\n\r\n",
    ):
        assert talk(served.home, raw)[0] < 500, raw[:60]
    assert served.get("/healthz") == {"status": "ok"}


QUERIES = [
    "limit=0", "limit=-1", "limit=x", "limit=99999999999999999999", "cursor=x", "cursor=0",
    "cursor=999999999999999999", "state=nothing", "state=,", "since=x", "since=999999999w",
    "since=0001-01-01", "until=9999-12-31T23:59:59Z", "since=2027-01-01T00:00:00%2B99:00",
    "text=%00", "text=%ff", "flow=%00", "type=" + "x" * 5000, "trigger=a,b,,c", "limit=%D9%A3",
    "state=waiting", "state=failed,running", "since=1970-01-01", "unknown=1", "limit=5&limit=6",
]  # fmt: skip


def test_queries_of_every_kind_are_answered_or_refused(served: Engine) -> None:
    for query in QUERIES:
        status, answer = ask(served.home, "GET", f"/v1/executions?{query}")
        assert status in (200, 400), (query, answer)
        json.loads(answer)
    for query in (
        "level=loud", "grep=(", "grep=(a*)*b", "stream=x", "step=nothing", "before=x", "after=1:1",
        "before=99999999999999999999:0", "after=-1:-1", "limit=0", "grep=%00", "grep=%ff",
        "after=1:99999999999999999999", "before=&after=",
    ):  # fmt: skip
        for path in ("logs", "logs/lines"):
            status, answer = ask(served.home, "GET", f"/v1/executions/fuzzed%231/{path}?{query}")
            assert status in (200, 400, 404), (query, answer)
    for query in ("after=x", "after=-1", "after=99999999999999999", "limit=0", "execution=zzzzzz"):
        status, answer = ask(served.home, "GET", f"/v1/events?{query}")
        assert status in (200, 400, 404), (query, answer)


def test_events_are_gapless_and_can_be_asked_for_one_execution(served: Engine) -> None:
    seen: list[dict[str, Any]] = []
    while page := served.get(f"/v1/events?limit=7&after={seen[-1]['seq'] if seen else 0}")[
        "events"
    ]:
        seen += page
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    one = served.get("/v1/events?execution=fuzzed%232&limit=1000")["events"]
    id_ = served.show("fuzzed%232")["id"]
    assert one == [event for event in seen if event["execution"] == id_]
    assert one[0]["type"] == "execution.queued"
    later = served.get(f"/v1/events?execution=fuzzed%232&limit=2&after={one[0]['seq']}")["events"]
    assert later == one[1:3]
