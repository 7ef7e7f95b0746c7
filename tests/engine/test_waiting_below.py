"""A caller waits with what it calls, down the chain: states, lists, `why`, and through a death."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import Conflict
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, states, step_of, until

ASK = """
name: ask
inputs: {word: {type: string, sensitive: true, default: ""}}
steps:
  - {id: q, approve: {message: "Open with ${{ inputs.word }}?"}}
  - {id: then, run: 'until test -e ../go; do sleep 0.02; done'}
"""
GIVEN = '{word: "${{ inputs.word }}"}'
MIDDLE = f"""
name: middle
inputs: {{word: {{type: string, sensitive: true}}}}
steps: [{{id: low, flow: {{name: ask, inputs: {GIVEN}}}}}]
"""
TOP = f"""
name: top
inputs: {{word: {{type: string, sensitive: true}}}}
steps: [{{id: mid, flow: {{name: middle, inputs: {GIVEN}}}}}, {{id: end, run: 'true'}}]
"""


@pytest.fixture
def asking(home: Home, engine: Engine) -> dict[str, Any]:
    home.flows.mkdir(parents=True, exist_ok=True)
    (home.flows / "ask.yaml").write_text(ASK)
    (home.flows / "middle.yaml").write_text(MIDDLE)
    started = engine.start(TOP, inputs={"word": "mellon-mellon"})
    engine.until(started["id"], lambda found: bool(found["waiting_for"]))
    return started


def test_everybody_above_waits_and_says_for_what(
    engine: Engine, wingman: Wingman, asking: dict[str, Any]
) -> None:
    found = engine.show(asking["id"])
    assert found["state"] == "running"
    waiting = found["waiting_for"]
    assert (waiting["step"], waiting["kind"], waiting["flow"]) == ("mid", "flow", "middle")
    below = waiting["waiting_for"]
    assert (below["step"], below["kind"], below["flow"]) == ("low", "flow", "ask")
    assert (below["waiting_for"]["kind"], below["waiting_for"]["step"]) == ("approval", "q")
    assert step_of(found, "mid")["waiting_for"] == waiting
    assert "mellon" not in json.dumps(found), "what is sensitive below is so above"
    waiting_rows = "/v1/executions?state=waiting"  # of the journal: a commit later
    until(lambda: len(engine.get(waiting_rows)["executions"]) == 3)
    assert {row["flow"] for row in engine.get(waiting_rows)["executions"]} == {
        "ask", "middle", "top",
    }  # fmt: skip
    why = engine.get(f"/v1/executions/{asking['id']}/why")
    assert why["answer"].startswith("It waits for ask#1: q waits for an approval by operator")
    assert "wingman approve ask#1" in [each["command"] for each in why["helps"]]
    shown = wingman("show", "top#1", check=True).stdout
    assert "ask#1, an operator's approval: step q: Open with" in shown
    row = next(line for line in shown.splitlines() if " mid " in line and "middle#1" in line)
    assert "waiting" in row
    line = json.loads(wingman("show", "top#1", "--json", check=True).stdout)
    assert line["waiting_for"]["waiting_for"]["waiting_for"]["kind"] == "approval"
    assert "for ask#1" in wingman("list", "--flow", "middle", check=True).stdout
    with pytest.raises(Conflict) as refused:
        engine.act("top@last", "approve")
    assert "wingman approve ask#1" in refused.value.hint


def test_a_death_changes_nothing_and_an_answer_lets_all_go_on(
    engine: Engine, home: Home, asking: dict[str, Any]
) -> None:
    engine.kill()
    engine.begin()
    found = engine.show(asking["id"])
    assert found["waiting_for"]["waiting_for"]["waiting_for"]["kind"] == "approval"
    engine.act("ask@last", "approve")
    going = engine.until(asking["id"], lambda found: found["waiting_for"] is None)
    assert going["state"] == "running"
    assert "waiting_for" not in step_of(going, "mid")
    moment = engine.get(f"/v1/executions/{asking['id']}/replay")
    while moment["type"] != "child.waiting":
        moment = engine.get(f"/v1/executions/{asking['id']}/replay?at={moment['previous']}")
    assert moment["execution"]["waiting_for"] is None
    assert moment["text"] == "mid: what it calls goes on"
    (home.work / "go").touch()
    assert engine.ended(asking["id"])["state"] == "completed"


def test_who_goes_on_elsewhere_does_not_wait(engine: Engine, home: Home) -> None:
    home.flows.mkdir(parents=True, exist_ok=True)
    (home.flows / "ask.yaml").write_text(ASK)
    started = engine.start(
        "name: two\nsteps: [{id: a, needs: [], flow: ask}, "
        "{id: b, needs: [], run: 'until test -e ../on; do sleep 0.02; done'}]"
    )
    until(lambda: "waiting_for" in step_of(engine.show(started["id"]), "a"))
    found = engine.show(started["id"])
    assert found["waiting_for"] is None
    (home.work / "on").touch()
    waits = engine.until(started["id"], lambda found: bool(found["waiting_for"]))
    assert states(waits) == {"a": "running", "b": "completed"}
    engine.act(started["id"], "cancel")
    ended = engine.ended(started["id"])
    assert (ended["state"], ended["waiting_for"]) == ("cancelled", None)
