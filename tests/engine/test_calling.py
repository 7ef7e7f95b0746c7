"""Flows that call flows, with a real engine: outputs, errors, the end of the caller, deaths."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from engine.errors import UsageError
from engine.failpoints import CHILD_NAMES
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, states, step_of, until
from tests.engine.deaths import Deaths

PATCH = """
name: patch
inputs: {host: {type: string}, n: {type: integer, default: 1, maximum: 9}}
steps:
  - {id: do, run: 'echo "$host" >> ../patched; echo "done=$host" >> "$WINGMAN_OUTPUT"'}
  - {id: check, run: 'test "$host" != bad -o -e ../mended || exit 3'}
  - {id: wait, run: 'test "$host" != slow || until test -e ../go; do sleep 0.02; done'}
outputs: {host: "${{ steps.do.outputs.done }}"}
"""
MAIN = """
name: main
inputs: {host: {default: web1}}
steps:
  - id: patch
    flow: {name: patch, inputs: {host: "${{ inputs.host }}", n: "${{ 1 + 1 }}"}}
  - {id: post, run: 'echo "patched ${{ steps.patch.outputs.host }}"'}
finally: [{id: tidy, run: 'true'}]
"""


@pytest.fixture
def calling(home: Home, engine: Engine) -> Engine:
    write(home, "patch", PATCH)
    return engine


def write(home: Home, name: str, text: str) -> None:
    home.flows.mkdir(parents=True, exist_ok=True)
    (home.flows / f"{name}.yaml").write_text(text)


def child_of(engine: Engine, caller: dict[str, Any], path: str = "patch") -> dict[str, Any]:
    return engine.show(step_of(engine.show(caller["id"]), path)["child"]["execution"])


def test_outputs_come_back_and_both_know_each_other(calling: Engine, wingman: Wingman) -> None:
    ended = calling.run(MAIN)
    assert states(ended) == {"patch": "completed", "post": "completed", "tidy": "completed"}
    assert "patched web1" in calling.log(ended["id"])
    step = step_of(ended, "patch")
    assert step["outputs"] == {"host": "web1"}
    assert step["duration_ms"] >= 0
    child = child_of(calling, ended)
    assert child["inputs"] == {"host": "web1", "n": 2}
    assert (child["trigger"], child["actor"]) == ("flow", ended["actor"])
    parent = {key: child["parent"][key] for key in ("execution", "flow", "number", "step")}
    assert parent == {"execution": ended["id"], "flow": "main", "number": 1, "step": "patch"}
    assert step["child"] == {"execution": child["id"], "flow": "patch", "number": 1}
    shown = wingman("show", "main#1", check=True).stdout
    assert "patch#1" in shown
    assert "main#1 patch" in wingman("show", "patch#1", check=True).stdout
    line = json.loads(wingman("show", "main#1", "--json", check=True).stdout)
    assert line["steps"][0]["child"]["number"] == 1


def test_a_failure_keeps_its_type_and_retry_goes_on_in_the_same_execution(
    calling: Engine, home: Home, wingman: Wingman
) -> None:
    ended = calling.run(MAIN, inputs={"host": "bad"})
    assert ended["state"] == "failed"
    assert ended["error"] == {
        "step": "patch", "type": "exit:3",
        "message": "patch#1 failed: check: exited with 3",
    }  # fmt: skip
    assert "wingman why patch#1" in wingman("why", "main#1", check=True).stdout
    calling.act(ended["id"], "retry")
    again = calling.ended(ended["id"])
    assert again["state"] == "failed"
    assert child_of(calling, again)["attempt"] == 2
    (home.work / "mended").touch()
    calling.act(again["id"], "retry")
    good = calling.ended(again["id"])
    assert good["state"] == "completed"
    child = child_of(calling, good)
    assert (child["number"], child["attempt"], child["state"]) == (1, 3, "completed")
    assert (home.work / "patched").read_text() == "bad\n", "what had completed ran once"


def test_its_newest_result_counts_when_somebody_retried_it(calling: Engine, home: Home) -> None:
    ended = calling.run(MAIN, inputs={"host": "bad"})
    (home.work / "mended").touch()
    child = child_of(calling, ended)
    calling.act(child["id"], "retry")
    assert calling.ended(child["id"])["state"] == "completed"
    assert calling.show(ended["id"])["state"] == "failed", "who has ended stays so"
    calling.act(ended["id"], "retry")
    assert calling.ended(ended["id"])["state"] == "completed"
    assert child_of(calling, ended)["attempt"] == 2


@pytest.mark.parametrize("verb", ["cancel", "kill"])
def test_what_ends_the_caller_ends_what_it_calls(calling: Engine, verb: str) -> None:
    started = calling.start(MAIN, inputs={"host": "slow"})
    child = until(lambda: running_child(calling, started))
    why = calling.get(f"/v1/executions/{started['id']}/why")
    assert any("runs as patch#1, which is running" in each["what"] for each in why["causes"])
    calling.act(started["id"], verb)
    ended = calling.ended(started["id"])
    assert ended["state"] == "cancelled"
    assert states(ended)["patch"] == "cancelled"
    assert states(ended)["tidy"] == ("completed" if verb == "cancel" else "cancelled")
    found = calling.ended(child["id"])
    assert found["state"] == "cancelled"
    assert "main#1" in found["error"]["message"]


def running_child(engine: Engine, started: dict[str, Any], step: str = "wait") -> Any:
    patch = step_of(engine.show(started["id"]), "patch")
    if "child" not in patch:
        return None
    found = engine.show(patch["child"]["execution"])
    return found if states(found)[step] == "running" else None


def test_a_called_execution_that_is_cancelled_alone_fails_the_step(calling: Engine) -> None:
    started = calling.start(MAIN, inputs={"host": "slow"})
    child = until(lambda: running_child(calling, started))
    calling.act(child["id"], "cancel", reason="not now")
    ended = calling.ended(started["id"])
    assert states(ended)["patch"] == "failed"
    assert ended["error"]["type"] == "cancelled"
    assert "not now" in ended["error"]["message"]


def test_partial_stays_partial(calling: Engine, home: Home) -> None:
    write(home, "soft", "name: soft\nsteps: [{id: a, run: exit 1, continue_on_error: true}]")
    ended = calling.run("name: m\nsteps: [{id: call, flow: soft}, {id: after, run: 'true'}]")
    assert ended["state"] == "partial"
    assert states(ended) == {"call": "partial", "after": "completed"}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ("nobody", "start_failed", "there is no flow named nobody"),
        ("{name: patch, inputs: {host: x, n: 70}}", "input", "n"),
        ("{name: patch, inputs: {}}", "input", "host"),
        ("{name: patch, inputs: {host: x, what: 1}}", "input", "what"),
        ("broken", "start_failed", "stepz"),
        ('{name: patch, inputs: {host: "${{ steps.a.outputs.gone }}"}}', "expression", "gone"),
    ],
)
def test_what_cannot_start_fails_the_step_in_words(
    calling: Engine, home: Home, call: str, error: str, words: str
) -> None:
    write(home, "broken", "name: broken\nstepz: []")
    ended = calling.run(f"name: m\nsteps: [{{id: a, run: 'true'}}, {{id: call, flow: {call}}}]")
    assert ended["error"]["step"] == "call"
    assert ended["error"]["type"] == error
    assert words in ended["error"]["message"]
    assert "child" not in step_of(ended, "call")


def test_what_is_expected_of_a_called_flow_may_be_large(calling: Engine, home: Home) -> None:
    """Over more than an engine evaluates itself: the sandbox answers, also for the next engine."""
    big = "name: big\nsteps: [{id: a, run: \"seq 5000 | jq -cs '{n: .}'\", outputs: json}]\n"
    write(home, "big", big + "outputs: {n: '${{ steps.a.outputs.n }}'}\n")
    expects = {"good": "outputs.n.all(x, x > 0)", "bad": "outputs.n.all(x, x > 5)"}
    steps = "".join(
        f"  - {{id: {name}, needs: [], flow: big, expect: '{text}'}}\n"
        for name, text in expects.items()
    )
    found = calling.run(f"name: m\nsteps:\n{steps}")
    assert states(found) == {"good": "completed", "bad": "failed"}
    assert len(step_of(found, "good")["outputs"]["n"]) == 5000
    error = found["error"]
    assert (error["step"], error["type"]) == ("bad", "expect")
    assert error["message"].startswith("expect: outputs.n.all(x, x > 5) is false; outputs.n = [")


def test_a_circle_is_refused_at_the_start_and_at_run_time(calling: Engine, home: Home) -> None:
    write(home, "a", "name: a\nsteps: [{id: x, flow: b}]")
    write(home, "b", "name: b\nsteps: [{id: y, flow: a}]")
    with pytest.raises(UsageError, match="in a circle: b → a → b"):
        calling.post("/v1/executions", {"flow": "b"})
    with pytest.raises(UsageError, match="the flow calls itself"):
        calling.start("name: self\nsteps: [{id: x, flow: self}]")
    # an edit while it runs: what is started then is refused by the chain of its callers
    write(home, "late", "name: late\nsteps: [{id: nap, run: 'until test -e ../go; do sleep 0.02; done'}]")
    write(home, "b", "name: b\nsteps: [{id: nap, flow: late}, {id: y, flow: c}]")
    write(home, "c", "name: c\nsteps: [{id: z, run: 'true'}]")
    started = calling.post("/v1/executions", {"flow": "a"})
    until(lambda: calling.get("/v1/executions?flow=late")["executions"])
    write(home, "c", "name: c\nsteps: [{id: z, flow: a}]")
    (home.work / "go").touch()
    ended = calling.ended(started["id"])
    assert "in a circle: a → b → c → a" in ended["error"]["message"]
    assert ended["error"]["type"] == "start_failed"


def test_a_secret_goes_only_where_it_stays_one(calling: Engine, home: Home) -> None:
    write(home, "open", "name: open\ninputs: {token: {}}\nsteps: [{id: a, run: 'true'}]")
    write(home, "shut", "name: shut\ninputs: {token: {sensitive: true}}\nsteps: [{id: a, run: 'true'}]")
    text = """
name: m
inputs: {token: {sensitive: true}}
steps: [{id: call, flow: {name: NAME, inputs: {token: "${{ inputs.token }}"}}}]
"""
    refused = calling.run(text.replace("NAME", "open"), inputs={"token": "tok-91b2c4d6e8"})
    assert refused["error"]["type"] == "input"
    assert "not sensitive" in refused["error"]["message"]
    good = calling.run(text.replace("NAME", "shut"), inputs={"token": "tok-91b2c4d6e8"})
    assert good["state"] == "completed"
    assert "tok-91b2c4d6e8" not in str(calling.get("/v1/events?limit=1000"))


def test_calls_run_side_by_side_within_max_parallel(calling: Engine) -> None:
    steps = ", ".join(
        f"{{id: s{n}, needs: [], flow: {{name: patch, inputs: {{host: h{n}}}}}}}" for n in range(12)
    )
    ended = calling.run(f"name: m\nmax_parallel: 3\nsteps: [{steps}]")
    assert ended["state"] == "completed"
    spans = [(step["started_at"], step["ended_at"]) for step in ended["steps"]]
    moments = sorted(moment for span in spans for moment in span)
    assert max(sum(a <= at < b for a, b in spans) for at in moments) <= 3


def test_a_file_beside_the_caller_is_found(calling: Engine, tmp_path: Path) -> None:
    (tmp_path / "near.yaml").write_text("steps: [{id: a, run: 'true'}]")
    text = "name: m\nsteps: [{id: call, flow: near}]"
    assert calling.run(text, source=str(tmp_path / "m.yaml"))["state"] == "completed"


@pytest.mark.parametrize("failpoint", [*CHILD_NAMES, "decided:2", "journaled:2"])
def test_a_death_around_the_start_starts_it_once(home: Home, failpoint: str) -> None:
    write(home, "patch", PATCH)
    deaths = Deaths(home, 1)
    ended = deaths.dies_at(failpoint, MAIN, "/main.yaml")
    assert ended["state"] == "completed", ended["error"]
    assert (home.work / "patched").read_text() == "web1\n"
    called = deaths.client.request("GET", "/v1/executions?flow=patch")["executions"]
    assert [row["id"] for row in called] == [ended["steps"][0]["child"]["execution"]]
    assert ended["steps"][0]["attempts"] <= 2
    deaths.kill_engine()


def test_a_death_while_it_runs_changes_nothing(calling: Engine, home: Home) -> None:
    started = calling.start(MAIN, inputs={"host": "slow"})
    child = until(lambda: running_child(calling, started))
    calling.kill()
    calling.begin()
    assert calling.show(child["id"])["state"] == "running"
    (home.work / "go").touch()
    assert calling.ended(started["id"])["state"] == "completed"


def test_what_ended_while_no_engine_ran_is_told_to_the_caller(calling: Engine, home: Home) -> None:
    started = calling.start(MAIN, inputs={"host": "slow"})
    until(lambda: running_child(calling, started))
    calling.kill()
    (home.work / "go").touch()
    time.sleep(0.2)  # the runner goes on alone; whether it is through does not matter
    calling.begin()
    assert calling.ended(started["id"])["state"] == "completed"


def test_the_reason_of_a_wait_below_is_told_above(calling: Engine, home: Home) -> None:
    write(home, "ask", "name: ask\nsteps: [{id: q, approve: 'Sure?'}]")
    started = calling.start("name: m\nsteps: [{id: patch, flow: ask}]")
    until(lambda: calling.get("/v1/executions?state=waiting")["executions"])
    why = calling.get(f"/v1/executions/{started['id']}/why")
    assert any("and asks: Sure?" in each["what"] for each in why["causes"])
    assert "wingman why ask#1" in [each["command"] for each in why["helps"]]
    calling.act("ask@last", "approve")
    assert calling.ended(started["id"])["state"] == "completed"


def test_a_trigger_does_not_start_what_calls_itself(calling: Engine, home: Home) -> None:
    """Only the file's calls were looked at where somebody starts it; a trigger does that, too."""
    write(home, "a", "name: a\nsteps: [{id: x, flow: b}]")
    write(home, "b", "name: b\ntriggers: [{event: tick}]\nsteps: [{id: y, flow: a}]")
    until(lambda: calling.get("/v1/triggers?flow=b")["triggers"])
    outcome = calling.post("/v1/events", {"type": "tick"})["outcomes"][0]
    assert outcome["outcome"] == "missed"
    assert "in a circle: b → a → b" in outcome["reason"]
    assert calling.get("/v1/executions?flow=b")["executions"] == []
