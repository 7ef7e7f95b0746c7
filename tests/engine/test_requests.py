"""Starts and verbs at their edges: keys, reruns of changed files, moments at which things end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import apsw
import pytest
from starlette.requests import Request

from engine.errors import Conflict, InputError, UsageError
from engine.paths import Home
from engine.server.routes import unless_gone
from tests.engine.api import Engine, states, step_of, until

TRUE = "steps: [{id: s, run: 'true'}]"
SECRET = "inputs: {token: {type: string, sensitive: true}}\nsteps: [{id: s, run: 'true'}]"


def start(engine: Engine, key: str, text: str = TRUE, **request: Any) -> dict[str, Any]:
    body = {"text": text, "source": "/k.yaml", **request}
    return dict(engine.post("/v1/executions", body, **{"Idempotency-Key": key}))


def test_a_key_belongs_to_one_request(engine: Engine) -> None:
    first = start(engine, "k")
    with pytest.raises(Conflict, match="another request"):
        start(engine, "k", text=TRUE + "\n")
    with pytest.raises(Conflict):
        start(engine, "k", debug=True)
    engine.stop()
    engine.begin()
    assert start(engine, "k")["id"] == first["id"]
    with pytest.raises(Conflict):
        start(engine, "k", trigger="cron")


def test_a_key_of_a_request_with_a_secret(engine: Engine) -> None:
    first = start(engine, "s", SECRET, inputs={"token": "hunter22"})
    assert start(engine, "s", SECRET, inputs={"token": "hunter22"})["id"] == first["id"]
    with pytest.raises(Conflict):
        start(engine, "s", SECRET, inputs={"token": "hunter23"})


def test_a_key_that_twenty_ask_for_at_once_makes_one_execution(engine: Engine) -> None:
    ids: set[str] = set()
    threads = [
        threading.Thread(target=lambda: ids.add(start(Engine(engine.home), "many")["id"]))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 1
    assert len(engine.get("/v1/executions")["executions"]) == 1


def test_a_refused_start_leaves_no_hole_in_the_numbers(engine: Engine) -> None:
    text = "name: n\ninputs: {a: {type: integer}}\nsteps: [{id: s, run: 'true'}]"
    assert engine.start(text, inputs={"a": 1})["number"] == 1
    with pytest.raises(InputError):
        engine.start(text, inputs={"a": "x"})
    assert engine.start(text, inputs={"a": 1})["number"] == 2


def flow_file(home: Home, text: str) -> None:
    (home.flows / "mine.yaml").write_text(text)


def test_a_rerun_takes_the_present_file_and_what_inputs_it_still_has(
    engine: Engine, home: Home
) -> None:
    flow_file(home, "inputs: {a: {type: string}, gone: {type: string, default: x}}\n" + TRUE)
    found = engine.ended(
        engine.post("/v1/executions", {"flow": "mine", "inputs": {"a": "1"}})["id"]
    )
    flow_file(home, "inputs: {a: {type: string}, new: {type: integer}}\n" + TRUE)
    with pytest.raises(InputError, match="new"):
        engine.act(found["id"], "rerun")
    again = engine.ended(engine.act(found["id"], "rerun", inputs={"new": 3})["id"])
    assert again["inputs"] == {"a": "1", "new": 3}
    flow_file(home, "inputs: {a: {type: integer}}\n" + TRUE)
    with pytest.raises(InputError, match="whole number"):
        engine.act(found["id"], "rerun")
    (home.flows / "mine.yaml").unlink()
    again = engine.ended(engine.act(found["id"], "rerun")["id"])
    assert again["inputs"] == found["inputs"], "without its file, the text that was started counts"


def test_a_rerun_uncovers_no_input_that_was_sensitive(engine: Engine, home: Home) -> None:
    flow_file(home, SECRET)
    request = {"flow": "mine", "inputs": {"token": "hunter22"}}
    found = engine.ended(engine.post("/v1/executions", request)["id"])
    flow_file(home, SECRET.replace(", sensitive: true", ""))
    with pytest.raises(UsageError, match="was sensitive"):
        engine.act(found["id"], "rerun")
    again = engine.act(found["id"], "rerun", inputs_text={"token": "open"})
    assert engine.ended(again["id"])["inputs"] == {"token": "open"}


def test_a_rerun_reads_no_pipe_and_no_device(engine: Engine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (str(tmp_path / "pipe"), "/dev/zero", "/dev/stdin", str(tmp_path)):
        found = engine.run(TRUE, source=source)
        assert engine.ended(engine.act(found["id"], "rerun")["id"])["state"] == "completed"


def test_verbs_on_what_ends_at_that_very_moment_say_so_or_work(engine: Engine) -> None:
    for n in range(30):
        started = engine.start("steps: [{id: s, run: 'sleep 0.02; exit 1'}]")
        time.sleep(n * 0.004)
        for verb in ("pause", "continue", "debug", "cancel", "kill", "retry"):
            with contextlib.suppress(Conflict):
                engine.act(started["id"], verb)
        found = engine.ended(started["id"])
        assert found["state"] in ("failed", "cancelled")
        assert engine.show(started["id"])["state"] == found["state"]


def test_what_is_refused_is_not_in_the_audit(engine: Engine, home: Home) -> None:
    found = engine.run("steps: [{id: s, run: 'true'}]")
    for verb in ("cancel", "retry", "pause"):
        with pytest.raises(Conflict):
            engine.act(found["id"], verb)
    engine.act(found["id"], "rerun")
    db = apsw.Connection(str(home.database), flags=apsw.SQLITE_OPEN_READONLY)
    assert [row[0] for row in db.execute("SELECT action FROM audit ORDER BY rowid")] == ["run"] * 2


def test_two_retries_at_once_are_one(engine: Engine) -> None:
    found = engine.run("steps: [{id: s, run: 'sleep 0.2; exit 1'}]")
    done: list[str] = []

    def retry() -> None:
        try:
            done.append(Engine(engine.home).act(found["id"], "retry")["state"])
        except Conflict:
            done.append("refused")

    threads = [threading.Thread(target=retry) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["refused"] * 4 + ["running"]
    found = engine.ended(found["id"])
    assert (found["attempt"], step_of(found, "s")["attempts"]) == (2, 2)
    assert states(found) == {"s": "failed"}


async def test_a_client_that_stops_waiting_leaves_nothing_behind() -> None:
    """Its request must not wait on until the execution ends, which may be days."""
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    request = Request({"type": "http", "method": "GET", "headers": []}, receive)
    await asyncio.wait_for(unless_gone(request, ended), 10)
    assert ended.cancelled()


def test_clients_that_hang_up_cost_the_engine_nothing(engine: Engine) -> None:
    started = engine.start("steps: [{id: s, run: 'sleep 60'}]")
    pid = engine.status["pid"]
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    path = f"/v1/executions/{started['id']}"
    for query in ("?wait=true", "/logs?follow=true", "/logs?follow=true&engine=true"):
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(engine.home.text("socket"))
                client.sendall(f"GET {path}{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= descriptors + 1)
    assert engine.get("/healthz") == {"status": "ok"}
    engine.act(started["id"], "kill")
