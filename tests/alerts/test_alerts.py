"""Alerts of a real engine, by a real mail server and a real HTTP receiver."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from engine.client.launch import is_alive
from engine.errors import Conflict, UnknownReference
from engine.paths import Home
from tests.alerts.receivers import Hook, http, smtp
from tests.engine.api import Engine, until

FLOW = """
name: told
inputs: {{code: {{type: integer, default: 3}}}}
alerts: {alerts}
steps: [{{id: a, run: 'exit $code'}}]
"""
BOTH = FLOW.format(alerts="[{on: [failed, recovered], to: [ops]}]")


@pytest.fixture
def hook() -> Iterator[Hook]:
    with http() as hook:
        yield hook


def channels(home: Home, **urls: str) -> Engine:
    lines = [f'{name} = "{url}"' for name, url in urls.items()]
    home.config_file.write_text("\n".join(["[channels]", *lines, ""]))
    return Engine(home)


def test_a_failure_and_the_recovery_reach_a_mailbox(home: Home) -> None:
    with smtp() as (box, port):
        url = f"mailto://localhost:{port}?from=wingman@localhost.local&to=ops@localhost.local&mode=insecure"
        engine = channels(home, ops=url)
        engine.run(BOTH, inputs={"code": 0})
        engine.run(BOTH)
        engine.run(BOTH, inputs={"code": 0})
        engine.run(BOTH, inputs={"code": 0})
        until(lambda: len(box.mails) == 2)
        assert [mail["Subject"] for mail in box.mails] == [
            "told#2 failed", "told#3 has recovered"
        ]  # fmt: skip
        assert box.mails[0]["X-Wingman-Alert"]
        until(lambda: {row["state"] for row in engine.get("/v1/alerts")["alerts"]} == {"sent"})
        assert len(engine.get("/v1/alerts")["alerts"]) == 2


def test_a_channel_that_is_down_gets_it_later_and_shows_no_secret(home: Home, hook: Hook) -> None:
    hook.status = 503
    engine = channels(home, ops=f"json://user:hunter2secret@127.0.0.1:{hook.port}/private-path")
    assert engine.run(BOTH)["state"] == "failed"
    row = until(lambda: [r for r in engine.get("/v1/alerts")["alerts"] if r["tries"]])[0]
    assert row["state"] == "waiting"
    assert "503" in row["error"]
    assert row["due"] > row["at"]
    answer = engine.post("/v1/alerts/test", {"channel": "ops"})
    assert answer["state"] == "failed"
    told = home.system_log.read_text() + str(engine.get("/v1/alerts")) + str(answer)
    assert "hunter2secret" not in told
    assert "private-path" not in told
    acknowledged = engine.post(f"/v1/alerts/{row['id']}/ack")
    assert acknowledged["state"] == "acknowledged"
    with pytest.raises(Conflict):
        engine.post(f"/v1/alerts/{row['id']}/ack")
    with pytest.raises(UnknownReference):
        engine.post("/v1/alerts/test", {"channel": "nobody"})


def test_a_death_between_sending_and_recording_sends_it_again_by_the_same_key(
    home: Home, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINGMAN_FAILPOINT", "delivered")
    engine = channels(home, ops=f"json://127.0.0.1:{hook.port}")
    pid = engine.status["pid"]
    engine.start(BOTH)
    until(lambda: not (is_alive(pid) or os.path.exists(f"/proc/{pid}")))
    engine.client.close()
    monkeypatch.delenv("WINGMAN_FAILPOINT")
    engine.begin()
    until(lambda: {row["state"] for row in engine.get("/v1/alerts")["alerts"]} == {"sent"})
    assert hook.titles == ["told#1 failed"] * 2
    assert len({key for key, _ in hook.got}) == 1


def test_conditions_long_runs_and_addresses_in_the_secrets(home: Home, hook: Hook) -> None:
    alerts = (
        "[{on: failed, if: inputs.code == 4, to: [ops]}, {on: [failed], if: steps.a.outputs.no, to: ops},"
        " {on: long_running, after: 1s, to: ops}, {on: cancelled, to: [ops, nobody]}]"
    )
    engine = channels(home, ops="${secret:OPS}")
    engine.client.request("PUT", "/v1/secrets/OPS", {"value": f"json://127.0.0.1:{hook.port}"})
    flow = FLOW.format(alerts=alerts)
    engine.run(flow)
    until(lambda: hook.titles == ["told#1 failed"])
    assert "could not be decided" in hook.got[0][1]["message"]
    slow = engine.start(flow.replace("exit $code", "sleep 60"))["id"]
    until(lambda: hook.titles[1:] == ["told#2 takes longer than usual"])
    engine.act(slow, "cancel")
    until(lambda: hook.titles[2:] == ["told#2 was cancelled"])
    row = until(lambda: [
        r for r in engine.get("/v1/alerts")["alerts"] if r["channel"] == "nobody" and r["tries"]
    ])[0]  # fmt: skip
    assert "there is no channel 'nobody'" in row["error"]
