"""What is said of a live execution: when it should end, where its time goes, what hangs."""

from __future__ import annotations

import json
import os

from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, step_of

FLOW = """
name: nightly
inputs: {gate: {type: string, default: ""}}
steps:
  - {id: dump, run: 'true'}
  - {id: pack, run: 'test -z "$gate" || cat "$gate"; sleep 0.6', env: {gate: "${{ inputs.gate }}"}}
"""
AGAIN = """
name: again
steps:
  - id: fetch
    run: 'echo "::error::no answer"; exit 7'
    retry: {max_attempts: 9, delay: 10ms, backoff: 100, max_delay: 5m, jitter: 0}
"""


def test_a_running_one_says_when_it_should_end(home: Home, wingman: Wingman) -> None:
    engine = Engine(home)
    assert engine.run(FLOW)["expected"] is None
    gate = home.root / "gate"
    os.mkfifo(gate)
    started = engine.start(FLOW, inputs={"gate": str(gate)})
    found = engine.until(started["id"], lambda each: step_of(each, "pack")["state"] == "running")
    expected = found["expected"]
    assert expected["executions"] == 1
    assert expected["usual_ms"] >= 600
    assert expected["end_at"] >= found["started_at"]
    assert found["stuck"] is None
    line = engine.get(f"/v1/executions/{found['id']}/timeline")
    assert (line["is_live"], line["usual_ms"]) == (True, expected["usual_ms"])
    assert "of the critical path" in line["bottleneck"]
    said = wingman("show", "nightly@last", check=True).stdout
    assert " is usual" in said
    plain = json.loads(wingman("show", "nightly@last", "--json", check=True).stdout)
    assert "stuck" not in plain  # only where there is something to tell
    assert plain["expected"]["executions"] == 1
    causes = engine.get(f"/v1/executions/{found['id']}/why")["causes"]
    assert "it usually takes" in next(c["what"] for c in causes if c["subject"] == "expected")
    gate.write_text("")
    ended = engine.ended(found["id"])
    assert (ended["expected"], ended["stuck"]) == (None, None)
    causes = engine.get(f"/v1/executions/{found['id']}/why")["causes"]
    assert "of the critical path" in next(c["what"] for c in causes if c["subject"] == "bottleneck")


def test_the_same_error_again_and_again_is_told_while_it_goes_on(
    home: Home, wingman: Wingman
) -> None:
    engine = Engine(home)
    started = engine.start(AGAIN)
    found = engine.until(started["id"], lambda each: each["stuck"] is not None)
    assert (found["stuck"]["kind"], found["stuck"]["step"]) == ("same_error", "fetch")
    assert step_of(found, "fetch")["stuck"] == found["stuck"]
    assert found["state"] == "running"  # a fact, no state
    assert "3 times in a row" in found["stuck"]["reason"]
    said = wingman("show", "again@last", check=True).stdout
    assert "may be stuck" in said
    assert "stuck" in wingman("list", check=True).stdout
    plain = json.loads(wingman("show", "again@last", "--json", check=True).stdout)
    assert plain["stuck"] == plain["steps"][0]["stuck"] == found["stuck"]
    why = engine.get(f"/v1/executions/{found['id']}/why")
    assert why["answer"].startswith("It may be stuck: fetch: the same error")
    engine.act(found["id"], "cancel")
    assert engine.ended(found["id"])["stuck"] is None
