"""Schedules with a real engine: armed by saving, killed at named moments, idle without cost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.client.http import Client
from engine.client.launch import ensure_engine, is_alive
from engine.errors import WingmanError
from engine.paths import Home
from tests.conftest import ROOT, Wingman
from tests.engine.api import Engine, until

FLOW = """
name: tick
triggers: [{every: 1s, overlap: allow, catchup: all}]
steps: [{id: a, run: 'echo $WINGMAN_EXECUTION >> ../ticks'}]
"""


SPREAD = """
name: spread
triggers:
  - {schedule: "0 0 * * *", jitter: 23h}
  - {webhook: hook, signature: token, secret: HOOK, if: "headers['x-kind'] == 'push'"}
steps: [{id: a, run: 'true'}]
"""


def write(home: Home, name: str, text: str) -> Path:
    path = home.flows / f"{name}.yaml"
    part = path.with_suffix(".part")
    part.write_text(text)
    part.rename(path)
    return path


def ledger(engine: Engine, name: str) -> list[dict[str, Any]]:
    return list(engine.get(f"/v1/triggers/{name}/ledger?limit=1000")["occasions"])


def test_saving_a_file_arms_it_and_removing_it_disarms_it(home: Home, wingman: Wingman) -> None:
    engine = Engine(home)
    path = write(home, "tick", FLOW)
    until(lambda: engine.get("/v1/executions?trigger=schedule")["executions"], "it ticks")
    rows = [json.loads(line) for line in wingman("trigger", "list", "--json").stdout.splitlines()]
    assert [(row["name"], row["what"]) for row in rows] == [("tick:schedule", "every 1s")]
    assert rows[0]["last"]["outcome"] == "ran"
    done = wingman("trigger", "pause", "tick", "--reason", "a rest")
    assert (done.returncode, done.stdout.strip()) == (0, "tick:schedule is paused")
    assert "a rest" in wingman("trigger", "show", "tick").stdout
    assert wingman("trigger", "pause", "tick").returncode == 1
    assert "tick:schedule goes on" in wingman("trigger", "continue", "tick").stdout
    path.unlink()
    until(lambda: not engine.get("/v1/triggers")["triggers"])
    path = write(home, "tick", FLOW.replace("run:", "rum:"))
    done = wingman("trigger", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "arms nothing: " in done.stderr
    assert "tick.yaml:4:9: the step says nothing to do" in done.stderr
    path.unlink()
    write(home, "spread", SPREAD)
    moment = json.loads(wingman("trigger", "next", "schedule", "-n", "1", "--json").stdout)
    assert moment["at"][:19] < moment["starts"][:19] < moment["local"][:11] + "24"
    assert f", starts at {moment['starts'][11:19]}Z)" in wingman("trigger", "next", "schedule").stdout
    asked = ("trigger", "test", "hook", "--header", "X-Kind: push", "--header")
    assert "would start spread" in wingman(*asked, "X-Other:b").stdout
    assert "'nope' is no header" in wingman(*asked, "nope").stderr
    done = wingman("trigger", "next", "tick")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no trigger 'tick'" in done.stderr


def test_the_engine_stays_while_a_trigger_is_armed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINGMAN_IDLE_END_S", "1")
    path = write(home, "yearly", FLOW.replace("every: 1s", "schedule: 0 0 1 1 *"))
    client = ensure_engine(home)
    pid = client.request("GET", "/v1/engine")["pid"]
    assert client.request("GET", "/v1/triggers")["triggers"]
    client.close()
    time.sleep(3)
    assert is_alive(pid)
    path.unlink()
    until(lambda: not is_alive(pid), "it ends once nothing is armed")


def executions(engine: Engine) -> list[str]:
    return sorted(row["id"] for row in engine.get("/v1/executions?limit=1000")["executions"])


@pytest.mark.parametrize("moment", ["trigger_decided", "decided", "journaled"])
def test_an_engine_that_dies_around_a_start_neither_loses_nor_doubles_it(
    home: Home, moment: str
) -> None:
    write(home, "tick", FLOW)
    environment = {**os.environ, "WINGMAN_HOME": str(home.root), "PYTHONPATH": str(ROOT)}
    for count in (2, 1, 3):
        dying = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.life", "--stay"],
            env={**environment, "WINGMAN_FAILPOINT": f"{moment}:{count}"},
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert dying.wait(60) == -signal.SIGKILL
    engine = Engine(home)
    until(lambda: len([row for row in ledger(engine, "tick") if row["outcome"] == "ran"]) >= 3)
    path = home.flows / "tick.yaml"
    path.unlink()
    until(lambda: not engine.get("/v1/triggers")["triggers"])
    write(home, "tick", FLOW.replace("every: 1s", "at: 2199-01-01"))
    until(lambda: not engine.get("/v1/executions?state=running,queued")["executions"])
    rows = ledger(engine, "tick")
    seconds = [row["at"][:19] for row in rows]
    assert len(set(seconds)) == len(seconds)
    started = sorted(row["execution"] for row in rows if row["execution"])
    until(lambda: started == executions(engine), "each start has one execution")
    first, last = min(seconds), max(seconds)
    span = int(last[-2:]) - int(first[-2:]) + 60 * (int(last[14:16]) - int(first[14:16]))
    assert sum(row["times"] for row in rows) == span % 3600 + 1, "a second has no outcome"


def test_a_client_cannot_take_the_key_of_a_moment(engine: Engine) -> None:
    with pytest.raises(WingmanError, match="no Idempotency-Key begins with trigger/"):
        engine.post(
            "/v1/executions", {"text": FLOW, "source": "/f"}, **{"Idempotency-Key": "trigger/x/y"}
        )
    assert isinstance(engine.client, Client)
