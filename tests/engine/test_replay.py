"""Any moment of an execution's journal: what was known then, and nothing of later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engine.errors import UsageError
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, states, step_of

FLOW = """
name: film
inputs: {key: {type: string, sensitive: true}}
steps:
  - {id: one, run: 'echo "n=1" >>"$WINGMAN_OUTPUT"; echo "$key"'}
  - {id: two, run: 'exit 3', retry: {max_attempts: 2}}
  - {id: three, run: 'true'}
"""


def test_every_moment_is_as_it_was(home: Home, wingman: Wingman) -> None:
    engine = Engine(home)
    found = engine.run(FLOW, inputs={"key": "sesame-key"})
    path = f"/v1/executions/{found['id']}/replay"
    last = engine.get(path)
    assert (last["index"], last["next"]) == (last["count"], None)
    assert states(last["execution"]) == states(found)
    assert last["execution"]["error"] == found["error"]
    first = engine.get(f"{path}?at={last['first']}")
    assert first["execution"]["state"] == "queued"
    assert (first["previous"], first["since_start_ms"]) == (None, 0)
    seen, outputs, moment = [], [], first
    while moment["next"] is not None:
        moment = engine.get(f"{path}?at={moment['next']}")
        seen.append(states(moment["execution"]))
        outputs.append(step_of(moment["execution"], "one")["outputs"])
    assert seen[0] == {"one": "pending", "two": "pending", "three": "pending"}
    assert {"one": "completed", "two": "waiting", "three": "pending"} in seen
    assert seen[-1] == {"one": "completed", "two": "failed", "three": "skipped"}
    assert outputs[0] == {}
    assert outputs[-1] == {"n": 1}
    assert "sesame" not in json.dumps(last)
    by_time = engine.get(f"{path}?at={found['started_at']}")
    assert by_time["execution"]["state"] == "running"
    assert engine.get(f"{path}?at=%2B10h")["seq"] == last["seq"]
    assert engine.get(f"{path}?at=2001-01-01T00:00:00Z")["seq"] == last["first"]
    for wrong in ("yesterday", "-1", "+x", "1e9"):
        with pytest.raises(UsageError, match="is no moment"):
            engine.get(f"{path}?at={wrong.replace('+', '%2B')}")
    said = wingman("show", "film@last", "--at", str(first["next"]), check=True).stdout
    assert said.startswith("as of event 2 of ")
    assert "pending" in said
    plain = json.loads(wingman("show", "film@last", "--at", "+10h", "--json", check=True).stdout)
    assert plain["execution"]["state"] == "failed"


def test_a_live_one_is_replayed_up_to_now(home: Home) -> None:
    engine = Engine(home)
    started = engine.start("name: l\nsteps: [{id: a, run: sleep 60}]")
    now = engine.get(f"/v1/executions/{started['id']}/replay")
    assert states(now["execution"]) == {"a": "running"}
    engine.act(started["id"], "kill")
    engine.ended(started["id"])
    again = engine.get(f"/v1/executions/{started['id']}/replay?at={now['seq']}")
    assert states(again["execution"]) == {"a": "running"}


def test_the_pools_are_as_they_were(home: Home, wingman: Wingman) -> None:
    home.config_file.parent.mkdir(parents=True, exist_ok=True)
    home.config_file.write_text("[pools]\ndb = 2\n")
    engine = Engine(home)
    go = "run: 'until test -e ../go; do sleep 0.02; done', pools: {db: 2}"
    engine.start(f"name: first\nsteps: [{{id: a, {go}}}]")
    engine.until("first@last", lambda found: states(found) == {"a": "running"})
    second = engine.start(f"name: second\nsteps: [{{id: b, {go}}}]")
    engine.until(second["id"], lambda found: states(found) == {"b": "waiting"})
    (home.work / "go").touch()
    for ref in ("first@last", second["id"]):
        assert engine.ended(ref)["state"] == "completed"
    path = f"/v1/executions/{second['id']}/replay"
    seen = [(moment["type"], moment["pools"]) for moment in _moments(engine, path)]
    assert [pool["used"] for pool in seen[0][1]] == [0]
    pools = {type_: pool for type_, (pool,) in reversed(seen)}
    waiting = pools["step.waiting"]
    assert waiting["used"] == 2
    assert [(one["flow"], one["step"]) for one in waiting["holders"]] == [("first", "a")]
    assert [(one["flow"], one["step"]) for one in waiting["waiters"]] == [("second", "b")]
    starting = pools["attempt.starting"]
    assert [(one["flow"], one["slots"]) for one in starting["holders"]] == [("second", 2)]
    assert starting["waiters"] == []
    at = next(moment for moment in _moments(engine, path) if moment["type"] == "step.waiting")
    said = wingman("show", "second@last", "--at", str(at["seq"]), check=True).stdout
    assert (
        "pool db: 2 slots taken\n  holds  first#1 a, 2 slots\n  waits  second#1 b, 2 slots" in said
    )


def _moments(engine: Engine, path: str) -> Iterator[dict[str, Any]]:
    moment = engine.get(path)
    yield moment
    while moment["previous"] is not None:
        moment = engine.get(f"{path}?at={moment['previous']}")
        yield moment
