"""Debug mode: the flow's switch, one execution's request, what it tells, what it keeps, what it hides."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Conflict, UnknownReference, UsageError
from engine.paths import Home
from tests.engine.api import Engine, states, step_of, until

FLOW = """
name: talk
inputs: {who: {type: string, default: you}, token: {type: string, sensitive: true, default: ""}}
env: {GREETING: "hello ${{ inputs.who }}"}
steps:
  - {id: a, run: 'echo "$GREETING" > kept; echo "debug is ${WINGMAN_DEBUG:-off}"; echo n=5 >> "$WINGMAN_OUTPUT"'}
  - {id: b, if: 'steps.a.outputs.n > 4', run: 'echo "n is ${{ steps.a.outputs.n }}"; test "$token" != x'}
  - {id: c, if: 'steps.a.outputs.n > 5', run: 'true'}
  - {id: p, needs: [a], python: {args: {n: "${{ steps.a.outputs.n }}"}, script: "print(n)"}}
"""


def start(engine: Engine, **request: Any) -> dict[str, Any]:
    return engine.ended(engine.post("/v1/executions", {"flow": "talk", **request})["id"])


@pytest.fixture
def talk(home: Home) -> Home:
    (home.flows / "talk.yaml").write_text(FLOW)
    return home


def test_the_switch_of_a_flow_is_on_once_or_off(talk: Home, engine: Engine) -> None:
    def switch(mode: str) -> None:
        assert engine.post("/v1/flows/talk/debug", {"mode": mode})["debug"] == mode
        assert engine.get("/v1/flows/talk")["debug"] == mode

    assert not start(engine)["debug"]
    switch("on")
    assert [start(engine)["debug"] for _ in range(2)] == [True, True]
    engine.kill()
    engine.begin()
    assert engine.get("/v1/flows/talk")["debug"] == "on", "until it is turned off"
    version = start(engine)["version"]
    switch("off")
    found = start(engine)
    assert (found["debug"], found["version"]) == (False, version)
    switch("once")
    assert [start(engine)["debug"] for _ in range(3)] == [True, False, False]
    assert engine.get("/v1/flows/talk")["debug"] == "off"
    rows = engine.get("/v1/executions")["executions"]
    assert [row["debug"] for row in rows] == [False, False, True, False, True, True, True, False]
    with pytest.raises(UsageError):
        engine.post("/v1/flows/talk/debug", {"mode": "sometimes"})
    with pytest.raises(UnknownReference):
        engine.post("/v1/flows/nothing/debug", {"mode": "on"})


def test_a_refused_start_does_not_use_up_once(talk: Home, engine: Engine) -> None:
    engine.post("/v1/flows/talk/debug", {"mode": "once"})
    with pytest.raises(UsageError):
        start(engine, inputs={"who": 5})
    assert start(engine)["debug"]


def test_debug_shows_the_trace_the_text_the_environment_and_the_decisions(
    talk: Home, engine: Engine
) -> None:
    found = start(engine, debug=True, inputs={"who": "Ada", "token": "hunter22!"})
    log = engine.log(found["id"], "engine=true")
    assert "+ echo 'debug is 1'" in log, "the shell's trace"
    assert "n is 5" in log
    for told in (
        'echo "n is 5"',  # resolved
        "GREETING=hello Ada",
        "token=***",
        f"working directory: {talk.work}/{found['id']}",
        "bash -x -euo pipefail",
        '"n": 5',
        "if: steps.a.outputs.n > 5 is false; steps.a.outputs.n = 5 (integer)",
        "a: attempt 1 starts",
    ):
        assert told in log, told
    assert "hunter22!" not in log
    plain = start(engine, inputs={"token": "hunter22!"})
    log = engine.log(plain["id"], "engine=true")
    assert "debug is off" in log
    assert "+ echo" not in log
    assert "GREETING=" not in log


def test_the_working_directory_is_kept_for_debugged_and_failed_ones_only(
    talk: Home, engine: Engine
) -> None:
    debugged = start(engine, debug=True)
    failed = start(engine, inputs={"token": "x"})
    plain = start(engine)
    assert [e["state"] for e in (debugged, failed, plain)] == ["completed", "failed", "completed"]
    until(lambda: not (talk.work / plain["id"]).exists())
    for execution in (debugged, failed):
        assert (talk.work / execution["id"] / "kept").read_text() == "hello you\n"


def test_one_running_execution_can_be_switched(engine: Engine) -> None:
    started = engine.start(
        "steps: [{id: a, run: 'read -t 1 < <(sleep 9) || true'}, {id: b, run: 'echo two'}]"
    )
    until(lambda: states(engine.show(started["id"]))["a"] == "running")
    engine.act(started["id"], "debug")
    assert engine.show(started["id"])["debug"]
    found = engine.ended(started["id"])
    assert "+ echo two" in engine.log(started["id"], "step=b")
    assert found["debug"]
    with pytest.raises(Conflict):
        engine.act(started["id"], "debug", debug=False)


def test_a_rerun_in_debug_mode_and_one_without(talk: Home, engine: Engine) -> None:
    found = start(engine, inputs={"token": "x"})
    assert step_of(found, "b")["state"] == "failed"
    again = engine.ended(engine.act(found["id"], "rerun", debug=True)["id"])
    assert again["debug"]
    assert "+ test" in engine.log(again["id"], "step=b")
    assert not engine.ended(engine.act(again["id"], "rerun")["id"])["debug"]
