"""Alerts by a real engine, a real mail server and a real HTTP receiver, over deaths and to consoles."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.client.launch import is_alive
from engine.errors import Conflict, NotAllowed
from engine.paths import Home
from tests.alerts.receivers import Hook, http, smtp
from tests.engine.api import Engine, until
from tests.engine.feeds import feed_of
from tests.engine.served import Served

GROUPED = """
name: load
alerts: [{on: failed, to: ops, group: 3s}]
steps: [{id: a, run: 'exit 3'}]
"""
SLOW = """
name: slow
inputs: {pause: {type: string, default: "0.1"}}
alerts: [{on: long_running, slower: {than: 3}, to: [mail, hook], repeat: 1m}]
steps: [{id: a, run: 'sleep $pause'}]
"""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with http() as hook:
        yield hook


def engine_with(home: Home, **channels: str) -> Engine:
    lines = [f'{name} = "{url}"' for name, url in channels.items()]
    home.config_file.write_text("\n".join(["[channels]", *lines, ""]))
    return Engine(home)


def states(engine: Engine) -> list[str]:
    return [row["state"] for row in reversed(engine.get("/v1/alerts")["alerts"])]


@pytest.mark.parametrize("moment", ["bundled", "delivered"])
def test_a_death_around_a_delivery_tells_the_same_message_again_by_the_same_key(
    home: Home, hook: Hook, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setenv("WINGMAN_FAILPOINT", moment)
    engine = engine_with(home, ops=f"json://127.0.0.1:{hook.port}")
    pid = engine.status["pid"]
    ids = [engine.start(GROUPED)["id"] for _ in range(2)]
    until(lambda: not (is_alive(pid) or os.path.exists(f"/proc/{pid}")))
    engine.client.close()
    monkeypatch.delenv("WINGMAN_FAILPOINT")
    engine.begin()
    assert [engine.ended(id_)["state"] for id_ in ids] == ["failed", "failed"]
    until(lambda: states(engine) == ["sent", "sent"])
    assert set(hook.titles) == {"load: 2 failed (#1 to #2)"}
    assert len(hook.titles) == (2 if moment == "delivered" else 1)
    assert len({key for key, _ in hook.got}) == 1
    assert len({body["message"] for _, body in hook.got}) == 1


def test_what_is_slower_than_usual_reaches_a_mailbox_and_a_receiver_while_it_runs(
    home: Home, hook: Hook
) -> None:
    with smtp() as (box, port):
        mail = f"mailto://127.0.0.1:{port}?from=wingman@example.org&to=ops@example.org&mode=insecure"
        engine = engine_with(home, mail=mail, hook=f"json://127.0.0.1:{hook.port}")
        for _ in range(3):
            engine.run(SLOW)
        id_ = engine.start(SLOW, inputs={"pause": "60"})["id"]
        until(lambda: hook.titles and box.mails)
        assert engine.show(id_)["state"] == "running"
        assert hook.titles == ["slow#4 takes longer than usual"]
        assert box.mails[0]["Subject"] == "slow#4 takes longer than usual"
        assert "wingman why slow#4" in hook.got[0][1]["message"]
        engine.post(f"/v1/alerts/{engine.get('/v1/alerts')['alerts'][0]['id']}/ack")
        assert {row["acked_by"] is not None for row in engine.get("/v1/alerts")["alerts"]} == {True}
        engine.act(id_, "cancel")
        engine.ended(id_)


def test_a_channel_that_hangs_holds_no_execution_up(home: Home, hook: Hook) -> None:
    with silent() as port:
        engine = engine_with(home, ops=f"json://127.0.0.1:{port}", ok=f"json://127.0.0.1:{hook.port}")
        flow = "name: f\nalerts: [{on: failed, to: [ops, ok]}]\nsteps: [{id: a, run: exit 1}]"
        for _ in range(3):
            assert engine.run(flow)["state"] == "failed"
        until(lambda: len(hook.titles) == 3)
        assert states(engine)[0] == "waiting"


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


async def test_consoles_are_told_what_their_user_may_see(home: Home) -> None:
    engine = await asyncio.to_thread(engine_with, home, desk="terminal://")
    flow = "name: f\nalerts: [{on: failed, to: desk}]\nsteps: [{id: a, run: exit 1}]"
    await asyncio.to_thread(engine.run, flow)
    await asyncio.to_thread(
        until, lambda: "no console is attached" in engine.get("/v1/alerts")["alerts"][0]["error"]
    )
    async with feed_of(home) as feed:
        looks = await feed.open(1, "alerts")
        view = await feed.open(2, "alerts", terminal=True)
        await feed.until(lambda: "told" in view.rest)
        assert [told["title"] for told in view.rest["told"]] == ["f#1 failed"]
        await feed.until(lambda: [row["state"] for row in looks.ordered()] == ["sent"])
        assert "told" not in looks.rest
        await asyncio.to_thread(engine.run, flow)
        await feed.until(lambda: view.rest["told"][0]["title"] == "f#2 failed")
        bad = await feed.open(3, "alerts", terminal="yes")
        await feed.until(lambda: bad.errors)
    await asyncio.to_thread(engine.run, flow)
    await asyncio.to_thread(
        until, lambda: "no console" in engine.get("/v1/alerts")["alerts"][0]["error"]
    )


def test_an_inbox_shows_nobody_what_they_may_not_see(home: Home) -> None:
    for name, view in (("open", "viewer"), ("closed", "user:nobody-else")):
        (home.flows / f"{name}.yaml").write_text(
            f"permissions: {{view: ['{view}']}}\n"
            "steps: [{id: a, python: {script: 'raise OSError(\"no answer from db1\")'}}]"
        )
    served = Served(home)
    try:
        own = Engine(home)
        for name in ("closed", "open"):
            own.ended(own.post("/v1/executions", {"flow": name})["id"])
        (entry,) = own.get("/v1/inbox")["entries"]
        assert (entry["flows"], entry["times"]) == (2, 2)
        client = served.client("operator")
        (seen,) = client.request("GET", "/v1/inbox")["entries"]
        assert (seen["flows"], seen["times"], seen["flow"]) == (1, 1, "open")
        assert "closed" not in str(seen)
        answer = client.request("POST", f"/v1/inbox/{entry['id']}/ack", {})
        assert (answer["state"], answer["flows"]) == ("acknowledged", 1)
        with pytest.raises(Conflict, match="that you may not see"):
            client.request("POST", f"/v1/inbox/{entry['id']}/close", {})
        with pytest.raises(NotAllowed):
            served.client("viewer").request("POST", f"/v1/inbox/{entry['id']}/ack", {})
    finally:
        served.process.terminate()
        served.process.wait(30)
