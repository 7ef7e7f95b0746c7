"""Concurrency groups and requirements with real engines: queued, told, freed whatever dies."""

from __future__ import annotations

import json
import socket

import pytest

from engine.errors import Conflict
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, states, until
from tests.engine.test_kill_loop import check_journal

HOLD = """
name: hold
concurrency: {group: "db-app", limit: 1}
steps:
  - {id: hold, run: "until test -e ../go; do sleep 0.02; done"}
"""
WANT = """
name: want
inputs: {db: {type: string, default: app}}
concurrency: {group: "db-${{ inputs.db }}", on_conflict: queue}
steps:
  - {id: want, run: "true"}
"""


def test_it_waits_tells_and_starts_in_its_turn(home: Home, wingman: Wingman) -> None:
    engine = Engine(home)
    holder = engine.start(HOLD)
    first, second = engine.start(WANT), engine.start(WANT)
    assert [row["state"] for row in (holder, first, second)] == ["running", "queued", "queued"]
    other = engine.run(WANT, inputs={"db": "other"})
    assert other["state"] == "completed"
    found = engine.show(second["id"])
    assert found["waiting_for"]["kind"] == "group"
    assert "db-app" in found["waiting_for"]["reason"]
    assert found["waiting_for"]["holders"][0]["flow"] == "hold"
    assert "held by hold#1" in wingman("list").stdout
    assert "held by hold#1" in wingman("show", "want#1").stdout
    why = wingman("why", "want#2").stdout
    assert "It is queued: concurrency group db-app (limit 1) is held by hold#1" in why
    assert "want#1" in why
    pools = wingman("pools", "db-app", "--json").stdout
    assert [len(json.loads(pools)[key]) for key in ("holders", "waiters")] == [1, 2]
    assert "waits for" in wingman("pools").stdout
    (home.work / "go").touch()
    ended = [engine.ended(row["id"]) for row in (first, second)]
    assert [row["state"] for row in ended] == ["completed", "completed"]
    assert ended[0]["ended_at"] <= ended[1]["started_at"]
    check_journal(home)


def test_nobody_is_forgotten_by_a_death(home: Home) -> None:
    engine = Engine(home)
    engine.start(HOLD)
    waiting = [engine.start(WANT)["id"] for _ in range(3)]
    engine.kill()
    engine.begin()
    assert [engine.show(name)["state"] for name in waiting] == ["queued"] * 3
    engine.act(waiting[1], "cancel", reason="not needed")
    engine.kill()
    (home.work / "go").touch()
    engine.begin()
    ended = [engine.ended(name) for name in waiting]
    assert [row["state"] for row in ended] == ["completed", "cancelled", "completed"]
    assert states(ended[1]) == {"want": "skipped"}
    assert ended[0]["ended_at"] <= ended[2]["started_at"]


def test_each_conflict_ends_as_its_flow_says(home: Home, wingman: Wingman) -> None:
    engine = Engine(home)
    holder = engine.start(HOLD)
    for policy, state, code in (("skip", "cancelled", 3), ("fail", "failed", 1)):
        file = home.root.parent / f"{policy}.yaml"
        file.write_text(WANT.replace("queue", policy).replace("want", policy))
        done = wingman("run", file, "--json")
        found = json.loads(done.stdout)
        assert (done.returncode, found["state"], found["error"]["type"]) == (code, state, "conflict")
        with pytest.raises(Conflict, match="held by hold#1"):
            engine.act(f"{policy}@last", "retry")
        plan = wingman("run", file, "--dry-run").stdout
        assert f"db-app (limit 1, on_conflict {policy}); now concurrency group db-app" in plan
    taker = engine.start(WANT.replace("queue", "cancel_running"))
    assert engine.ended(taker["id"])["state"] == "completed"
    cancelled = engine.ended(holder["id"])
    assert cancelled["state"] == "cancelled"
    assert cancelled["error"]["message"] == "want#1 takes the concurrency group db-app over"
    lines = engine.get("/v1/audit?action=cancel")["lines"]
    told = [(line["actor"], line["subject"], line["reason"]) for line in lines]
    assert told == [(cancelled["actor"], holder["id"], cancelled["error"]["message"])]
    told = engine.client.text("/metrics")
    assert "\nwingman_live_executions 0\n" in told, "who was refused a retry is over, as before"


def test_requirements_are_told_all_at_once(home: Home, wingman: Wingman) -> None:
    with socket.socket() as listening, socket.socket() as closed:
        for each in (listening, closed):
            each.bind(("127.0.0.1", 0))
        listening.listen()
        ports = [each.getsockname()[1] for each in (listening, closed)]
        text = f"""
name: needs-much
secrets: [NO_SUCH_SECRET]
requires:
  programs: [sh, no-such-program, /bin/sh]
  files: [{home.root}, no-such-file]
  hosts: ["127.0.0.1:{ports[0]}", "127.0.0.1:{ports[1]}", "no-such-host.invalid:80"]
  flows: [practice-failure, no-such-flow]
steps:
  - {{id: a, run: echo ran}}
"""
        file = home.root.parent / "needs-much.yaml"
        file.write_text(text)
        found = json.loads(wingman("run", file, "--json").stdout)
        plan = wingman("run", file, "--dry-run")
    assert (found["state"], states(found)) == ("failed", {"a": "skipped"})
    assert found["error"]["type"] == "start_failed"
    message = found["error"]["message"]
    assert message.startswith("6 things are missing: program no-such-program is not on the PATH")
    for word in ("no-such-file", f":{ports[1]}: ", "no-such-host.invalid", "no-such-flow",
                 "wingman secret set NO_SUCH_SECRET"):  # fmt: skip
        assert word in message
        assert word.removeprefix("wingman secret set ") in plan.stdout + plan.stderr
    for word in ("/bin/sh", "practice-failure", f":{ports[0]}"):
        assert word not in message
    assert plan.returncode == 1
    assert "needs-much" in wingman("why", "needs-much@last").stdout


def test_what_is_required_is_looked_for_again_after_a_death(home: Home) -> None:
    engine = Engine(home)
    text = """
name: slow-door
requires: {files: [%s]}
steps: [{id: a, run: echo ran}]
"""
    name = engine.start(text % (home.root / "there"))["id"]
    engine.kill()  # decided, and perhaps not answered
    (home.root / "there").touch()
    engine.begin()
    found = engine.ended(name)
    assert found["state"] in ("completed", "failed")
    assert engine.run(text % (home.root / "there"))["state"] == "completed"
    engine.kill()
    engine.begin()
    assert until(lambda: engine.ended("slow-door@last")["state"]) == "completed"
