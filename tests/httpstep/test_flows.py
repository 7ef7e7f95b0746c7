"""`http` steps in flows: retries by status, outputs to later steps, deaths, sensitive values."""

from __future__ import annotations

import threading

import pytest

from engine.httpstep.response import asked_delay
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, states, step_of, until
from tests.httpstep.conftest import Serve
from tests.httpstep.server import Answer

JSON = {"Content-Type": "application/json"}
TOKEN = {"token": "opensesame-77"}


def flow(url: str, more: str = "") -> str:
    return f"""
name: asks
inputs:
  token: {{type: string, sensitive: true}}
  item: {{type: string, default: a b}}
steps:
  - id: ask
    http: {{url: "{url}/get", query: {{item: "${{{{ inputs.item }}}}"}},
           auth: {{bearer: "${{{{ inputs.token }}}}"}}}}
    retry: {{max_attempts: 3, delay: 0.1s, on: ["http:5xx", connection]}}
{more}
"""


def test_what_fails_by_its_status_is_tried_again(home: Home, serve: Serve) -> None:
    server = serve(Answer(503), Answer(502), Answer(200, b'{"n": 41}', JSON))
    later = """  - {id: use, run: 'echo "n=$((${{ steps.ask.outputs.body.n }} + 1))" >> "$WINGMAN_OUTPUT"',
     if: steps.ask.outputs.status == 200}
"""
    engine = Engine(home)
    found = engine.run(flow(server.url, later), inputs=TOKEN)
    assert states(found) == {"ask": "completed", "use": "completed"}
    assert step_of(found, "ask")["attempts"] == 3
    assert step_of(found, "use")["outputs"] == {"n": 42}
    assert server.got[2].target == "/get?item=a%20b"
    assert server.got[2].headers["authorization"] == "Bearer opensesame-77"
    log = engine.log(found["id"], "engine=true")
    assert "503 Service Unavailable" in log
    assert "opensesame" not in log + str(found)


def test_a_server_that_wants_to_be_left_alone_is(home: Home, serve: Serve) -> None:
    busy = {"Retry-After": "2"}
    server = serve(Answer(503, b"", busy), Answer(200, b"{}", JSON))
    engine = Engine(home)
    started = engine.start(flow(server.url), inputs=TOKEN)
    waits = engine.until(started["id"], lambda found: states(found)["ask"] == "waiting")
    assert step_of(waits, "ask")["reason"] == (
        "http:503: attempt 2 of 3 in 2 s, as the server asks"
    )
    found = engine.ended(started["id"])
    assert (found["state"], step_of(found, "ask")["attempts"]) == ("completed", 2)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", 120.0), ("0", None), ("-5", None), ("soon", None), ("", None), ("1e9", None),
        ("9" * 400, 3600.0), ("Thu, 01 Jan 1970 00:17:00 GMT", 20.0), ("²", None),
        ("Thu, 01 Jan 1970 00:01:00 GMT", None), ("Thu, 99 Jan 2026 00:00:00 GMT", None),
    ],
)  # fmt: skip
def test_what_a_server_asks_for(said: str, wait: float | None) -> None:
    found = asked_delay({"retry-after": said}, 1000.0)
    assert found == ({} if wait is None else {"retry_after_s": wait})


def test_another_status_is_not_tried_again(home: Home, serve: Serve) -> None:
    server = serve(Answer(404, b"nothing here"))
    found = Engine(home).run(flow(server.url), inputs=TOKEN)
    assert found["error"]["type"] == "http:404"
    assert found["error"]["message"] == "404 Not Found, not 2xx: nothing here"
    assert len(server.got) == 1


def test_a_request_outlives_the_engine(home: Home, serve: Serve) -> None:
    """kill -9 of the engine while the server thinks: asked once, answered once."""
    goes_on = threading.Event()

    def answer(got: object) -> Answer:
        goes_on.wait(60)
        return Answer(200, b'{"n": 1}', JSON)

    server = serve(answer)
    engine = Engine(home)
    name = engine.start(flow(server.url), inputs=TOKEN)["id"]
    until(lambda: server.got)
    engine.kill()
    goes_on.set()
    engine.begin()
    found = engine.ended(name)
    assert found["state"] == "completed"
    assert step_of(found, "ask")["outputs"]["body"] == {"n": 1}
    assert len(server.got) == 1


def test_it_is_rehearsed_and_debugged(home: Home, wingman: Wingman, serve: Serve) -> None:
    server = serve(Answer(200, b"fine"))
    tests = """
tests:
  - name: a busy server is asked again
    inputs: {token: x}
    mock: {ask: {error: "http:503", times: 2}}
    expect: {state: completed}
  - name: a missing one is not
    inputs: {token: x}
    mock: {ask: {error: "http:404"}}
    expect: {state: failed, error: "http:404"}
"""
    file = home.root.parent / "asks.yaml"
    file.write_text(flow(server.url, tests))
    assert "2 tests, 0 failed" in wingman("test", file, check=True).stderr
    plan = wingman("run", file, "--dry-run", "-i", "token=opensesame-77", check=True).stdout
    assert '"item": "a b"' in plan
    assert "opensesame" not in plan
    assert server.got == []
    done = wingman("run", file, "--debug", "-i", "token=opensesame-77", check=True)
    assert len(server.got) == 1
    log = wingman("logs", "@last", "--engine", "--level", "debug").stdout
    assert '"method": "GET"' in log
    assert "opensesame" not in log + done.stdout + done.stderr


def test_its_error_decides_what_follows(home: Home, serve: Serve) -> None:
    server = serve(Answer(500))
    text = flow(server.url, """  - id: spool
    if: steps.ask.state == 'failed'
    run: echo kept
""").replace("max_attempts: 3", "max_attempts: 1")  # fmt: skip
    found = Engine(home).run(text, inputs=TOKEN)
    assert states(found) == {"ask": "failed", "spool": "completed"}


def test_a_kept_secret_is_sent_and_never_shown(
    home: Home, wingman: Wingman, serve: Serve
) -> None:
    server = serve(lambda got: Answer(200, got.headers["authorization"].encode()))
    wingman("secret", "set", "STORE_TOKEN", input="opensesame-99\n", check=True)
    text = f"""
name: kept
secrets: [STORE_TOKEN]
steps:
  - id: ask
    http: {{url: "{server.url}", auth: {{bearer: {{secret: STORE_TOKEN}}}}, query: {{k: {{secret: STORE_TOKEN}}}}}}
"""
    engine = Engine(home)
    found = engine.run(text, debug=True)
    assert server.got[0].headers["authorization"] == "Bearer opensesame-99"
    assert server.got[0].target == "/?k=opensesame-99"
    assert step_of(found, "ask")["outputs"]["body"] == "Bearer ***"
    assert "opensesame" not in engine.log(found["id"], "engine=true&level=debug") + str(found)
