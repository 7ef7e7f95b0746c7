"""Many calls of one flow: each starts in the transaction that decides to call it. Deaths, edits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from engine.failpoints import CHILD_NAMES
from engine.paths import Home
from tests.engine.api import Engine, states, step_of
from tests.engine.deaths import Deaths

LEAF = """
name: leaf
inputs: {n: {type: integer, minimum: 0}}
steps: [{id: do, run: 'echo "$n" >> ../done'}]
outputs: {n: "${{ inputs.n }}"}
"""


def caller(calls: int, name: str = "leaf", needs: str = "needs: [first], ") -> str:
    rows = [
        f"  - {{id: s{n}, {needs}flow: {{name: {name}, inputs: {{n: {n}}}}}}}" for n in range(calls)
    ]
    head = "name: fan\nmax_parallel: 8\nsteps:\n  - {id: first, run: 'true'}\n"
    return head + "\n".join(rows) + "\n"


def write(home: Home, name: str, text: str) -> None:
    home.flows.mkdir(parents=True, exist_ok=True)
    (home.flows / f"{name}.yaml").write_text(text)


def test_each_is_called_once_with_its_own_inputs(home: Home, engine: Engine) -> None:
    write(home, "leaf", LEAF)
    ended = engine.run(caller(40))
    assert ended["state"] == "completed"
    assert [step["outputs"]["n"] for step in ended["steps"][1:]] == list(range(40))
    numbers = [step["child"]["number"] for step in ended["steps"][1:]]
    assert sorted(numbers) == list(range(1, 41)), "no number is lost, none is given twice"
    assert sorted(map(int, (home.work / "done").read_text().split())) == list(range(40))
    audit = engine.get("/v1/audit?action=run&limit=100")["lines"]
    assert len([line for line in audit if line["reason"] == "flow"]) == 40
    events = engine.get(f"/v1/events?execution={ended['id']}&limit=1000")["events"]
    order = [event["type"] for event in events if event["data"].get("step") == "s39"]
    assert order == ["child.starting", "child.started", "child.ended"]


@pytest.mark.parametrize("failpoint", [f"{name}:{nth}" for name in CHILD_NAMES for nth in (5, 23)])
def test_a_death_among_many_leaves_none_out_and_repeats_none(home: Home, failpoint: str) -> None:
    write(home, "leaf", LEAF)
    deaths = Deaths(home, 1)
    ended = deaths.dies_at(failpoint, caller(30), "/fan.yaml")
    assert ended["state"] == "completed", ended["error"]
    assert Counter(map(int, (home.work / "done").read_text().split())) == Counter(range(30))
    deaths.kill_engine()


def test_a_thousand_that_have_nothing_to_do_follow_from_each_other(
    home: Home, engine: Engine
) -> None:
    """Each ends in the decision that begins it: one decision after the other, not inside of it."""
    text = "name: idle\ninputs: {n: {type: integer}}\nsteps: [{id: a, if: inputs.n < 0, run: 'true'}]\n"
    write(home, "idle", text)
    ended = engine.run(caller(1000, "idle", needs=""))
    assert ended["state"] == "completed", ended["error"]
    assert Counter(states(ended).values()) == {"completed": 1001}


def test_an_edit_counts_at_once(home: Home, engine: Engine) -> None:
    write(home, "leaf", "name: leaf\nsteps: [{id: a, run: 'echo v=1 >>$WINGMAN_OUTPUT'}]\n"
                        "outputs: {v: '${{ steps.a.outputs.v }}'}\n")  # fmt: skip
    file = home.flows / "leaf.yaml"
    text = f"""
name: m
steps:
  - {{id: one, flow: leaf}}
  - {{id: two, flow: leaf}}
  - {{id: edit, run: "sed -i 's/v=1/v=2/' {file}"}}
  - {{id: three, flow: leaf}}
  - {{id: gone, run: "mv {file} {file}.bak"}}
  - {{id: four, flow: leaf}}
"""
    ended = engine.run(text)
    said: dict[str, Any] = {
        name: step_of(ended, name)["outputs"].get("v") for name in ("one", "two", "three")
    }
    assert said == {"one": 1, "two": 1, "three": 2}
    assert "there is no flow named leaf" in ended["error"]["message"]


def test_what_is_wrong_with_one_is_said_of_that_one(home: Home, engine: Engine) -> None:
    write(home, "leaf", LEAF)
    text = caller(6).replace("inputs: {n: 4}", "inputs: {n: -4}")
    ended = engine.run(text)
    assert ended["error"]["step"] == "s4"
    assert ended["error"]["type"] == "input"
    good = [name for name, state in states(ended).items() if state == "completed"]
    assert good == ["first", "s0", "s1", "s2", "s3", "s5"]
