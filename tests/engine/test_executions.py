"""Flows on real processes: order, outputs, failure, retry, timeouts, the verbs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from engine import wire
from engine.errors import (
    Conflict,
    FlowFileError,
    InputError,
    UnknownReference,
    UsageError,
    WingmanError,
)
from engine.paths import Home
from tests.engine.api import Engine, states, step_of


def test_a_flow_runs_in_order_and_tells_everything_the_contract_names(engine: Engine) -> None:
    found = engine.run("""
name: tale
type: demo
tags: [a, b]
inputs: {who: {type: string, default: world}, n: {type: integer, default: 2}}
outputs: {sum: "${{ steps.add.outputs.sum }}", text: "n is ${{ inputs.n }}"}
steps:
  - {id: greet, run: 'echo "hello $who"; echo "warning: careful"; echo half=1 >> "$WINGMAN_OUTPUT"'}
  - {id: add, run: 'echo "sum=$((${{ steps.greet.outputs.half }} + n))" >> "$WINGMAN_OUTPUT"'}
  - {id: side, needs: [], run: 'sleep 0.05'}
""")
    assert set(wire.EXECUTION_KEYS) <= set(found)
    assert found["state"] == "completed"
    assert found["outputs"] == {"sum": 3, "text": "n is 2"}
    assert (found["flow"], found["number"], found["type"], found["tags"]) == (
        "tale",
        1,
        "demo",
        ["a", "b"],
    )
    assert found["inputs"] == {"who": "world", "n": 2}
    assert found["warnings"] == 1
    assert found["error"] is None
    greet, add = step_of(found, "greet"), step_of(found, "add")
    assert set(wire.STEP_KEYS) <= set(greet)
    assert add["started_at"] >= greet["ended_at"] >= greet["started_at"]
    assert greet["exit_code"] == 0
    assert greet["warnings"] == 1
    assert greet["cpu_s"] >= 0
    assert step_of(found, "side")["duration_ms"] >= 50
    assert engine.log(found["id"], "step=greet") == "hello world\nwarning: careful\n"
    assert engine.log("tale%23" + "1", "level=warning") == "warning: careful\n"


def test_a_failure_names_step_type_and_words_and_skips_what_needs_it(engine: Engine) -> None:
    found = engine.run("""
steps:
  - {id: a, run: 'exit 7'}
  - {id: b, run: 'true'}
  - {id: c, needs: [], run: 'kill -SEGV $$'}
  - {id: d, needs: [], run: 'no-such-program-here'}
finally:
  - {id: z, run: 'echo tidy'}
""")
    assert states(found) == {
        "a": "failed",
        "b": "skipped",
        "c": "failed",
        "d": "failed",
        "z": "completed",
    }
    assert found["state"] == "failed"
    assert step_of(found, "a")["error"] == {"type": "exit:7", "message": "exited with 7"}
    assert step_of(found, "c")["error"]["type"] == "signal:SIGSEGV"
    assert "invalid memory access" in step_of(found, "c")["error"]["message"]
    assert step_of(found, "d")["error"]["type"] == "exit:127"
    assert "command not found" in step_of(found, "d")["error"]["message"]


def test_retries_are_counted_and_the_log_of_every_attempt_is_kept(
    engine: Engine, tmp_path: Path
) -> None:
    found = engine.run(f"""
steps:
  - id: flaky
    retry: {{max_attempts: 3, delay: 10ms}}
    run: |
      echo "try $WINGMAN_ATTEMPT $WINGMAN_IDEMPOTENCY_KEY" | tee -a {tmp_path}/tries
      test "$WINGMAN_ATTEMPT" = 3
""")
    assert found["state"] == "completed"
    assert step_of(found, "flaky")["attempts"] == 3
    tries = (tmp_path / "tries").read_text()
    assert engine.log(found["id"]) == tries
    assert len({line.split()[2] for line in tries.splitlines()}) == 1, "one key for all attempts"


def test_a_timeout_ends_the_whole_tree_of_a_stubborn_step(engine: Engine, tmp_path: Path) -> None:
    found = engine.run(f"""
steps:
  - id: stubborn
    timeout: 300ms
    grace: 200ms
    run: |
      trap '' TERM
      setsid -f bash -c 'trap "" TERM; echo $$ > {tmp_path}/pid; while :; do sleep 0.1; done'
      while :; do sleep 0.1; done
""")
    assert step_of(found, "stubborn")["error"]["type"] == "timeout"
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_cancel_leaves_nothing_and_runs_finally_kill_does_not(engine: Engine) -> None:
    text = """
steps:
  - {id: long, run: 'sleep 100'}
  - {id: later, run: 'true'}
finally:
  - {id: tidy, run: 'echo tidy'}
"""
    for verb, tidy in (("cancel", "completed"), ("kill", "cancelled")):
        started = engine.start(text)
        engine.until(started["id"], lambda found: states(found)["long"] == "running")
        engine.act(started["id"], verb, reason="enough")
        found = engine.ended(started["id"])
        assert found["state"] == "cancelled"
        assert states(found) == {"long": "cancelled", "later": "cancelled", "tidy": tidy}
        assert found["error"]["message"] == "enough"
        with pytest.raises(Conflict):
            engine.act(started["id"], verb)


def test_pause_lets_running_steps_end_and_starts_none(engine: Engine, tmp_path: Path) -> None:
    started = engine.start(f"""
steps:
  - {{id: a, run: 'while [ ! -e {tmp_path}/go ]; do sleep 0.02; done'}}
  - {{id: b, run: 'true'}}
""")
    engine.until(started["id"], lambda found: states(found)["a"] == "running")
    assert engine.act(started["id"], "pause")["state"] == "paused"
    (tmp_path / "go").touch()
    engine.until(started["id"], lambda found: states(found)["a"] == "completed")
    time.sleep(0.1)
    assert states(engine.show(started["id"]))["b"] == "pending"
    engine.act(started["id"], "continue")
    assert engine.ended(started["id"])["state"] == "completed"


def test_retry_runs_the_rest_in_the_same_execution_and_directory(
    engine: Engine, tmp_path: Path
) -> None:
    found = engine.run(f"""
steps:
  - {{id: make, run: 'date +%N > stamp; cp stamp {tmp_path}/first'}}
  - {{id: use, run: 'test -e {tmp_path}/fixed && cmp stamp {tmp_path}/first'}}
""")
    assert found["state"] == "failed"
    (tmp_path / "fixed").touch()
    again = engine.act(found["id"], "retry")
    assert again["id"] == found["id"]
    found = engine.ended(found["id"])
    assert (found["state"], found["attempt"]) == ("completed", 2)
    assert step_of(found, "make")["attempts"] == 1
    with pytest.raises(Conflict):
        engine.act(found["id"], "retry")


def test_rerun_is_a_new_linked_execution_with_edited_inputs(engine: Engine) -> None:
    text = """
inputs: {a: {type: integer, default: 1}, b: {type: string, default: x}}
steps: [{id: s, run: 'echo $a $b'}]
"""
    found = engine.run(text, inputs={"b": "kept"})
    new = engine.ended(engine.act(found["id"], "rerun", inputs_text={"a": "5"})["id"])
    assert new["rerun_of"] == found["id"]
    assert new["inputs"] == {"a": 5, "b": "kept"}
    assert new["number"] == found["number"] + 1
    assert engine.log(new["id"]) == "5 kept\n"


def test_the_same_idempotency_key_gives_the_same_execution(engine: Engine) -> None:
    request = {"text": "steps: [{id: s, run: 'true'}]", "source": "/k.yaml"}
    first = engine.post("/v1/executions", request, **{"Idempotency-Key": "k1"})
    engine.ended(first["id"])
    assert engine.post("/v1/executions", request, **{"Idempotency-Key": "k1"})["id"] == first["id"]
    assert engine.post("/v1/executions", request, **{"Idempotency-Key": "k2"})["id"] != first["id"]


def test_references_of_every_kind_and_unknown_ones(engine: Engine) -> None:
    found = engine.run("name: r\nsteps: [{id: s, run: 'exit 1'}]")
    for reference in (
        "r%231",
        "r@last",
        "r@last-failed",
        "@last",
        found["id"][-8:],
        found["id"][:13],
    ):
        assert engine.show(reference)["id"] == found["id"], reference
    for reference in ("r%232", "nothing@last", "zzzzzz", "%2e%2e"):
        with pytest.raises(UnknownReference):
            engine.show(reference)
    with pytest.raises(WingmanError):
        engine.show("..%2f..%2fetc")


def test_what_is_wrong_with_a_request_is_said_and_nothing_is_started(engine: Engine) -> None:
    with pytest.raises(FlowFileError) as wrong:
        engine.start("steps: [{id: a, run: x, neds: []}, {id: a, run: y}]")
    assert "/f.yaml:1:" in str(wrong.value)
    assert "needs" in str(wrong.value)
    declared = "inputs: {n: {type: integer, minimum: 1}}\nsteps: [{id: s, run: 'true'}]"
    for request in (
        {},
        {"inputs_text": {"n": "x"}},
        {"inputs": {"n": 0}},
        {"inputs": {"n": 1, "m": 1}},
    ):
        with pytest.raises(InputError):
            engine.start(declared, **request)
    with pytest.raises(UnknownReference, match="no flow"):
        engine.post("/v1/executions", {"flow": "nope"})
    with pytest.raises(UsageError):
        engine.post("/v1/executions", {"text": 5})
    assert engine.get("/v1/executions")["executions"] == []


def test_python_steps_return_outputs_and_raise_by_name(engine: Engine, home: Any) -> None:
    (home.flows / "calc.py").write_text(
        "def add(a, b):\n    print('adding')\n    return {'sum': a + b}\n"
        "class Bad(Exception): pass\n"
        "def fail():\n    raise Bad('no luck')\n"
    )
    (home.flows / "calc.yaml").write_text("""
steps:
  - {id: one, python: {call: "calc:add", args: {a: 1, b: 2}}}
  - {id: two, python: {call: "calc:add", args: {a: "${{ steps.one.outputs.sum }}", b: 10}}}
  - id: script
    python:
      args: {n: "${{ steps.two.outputs.sum }}"}
      script: |
        import os
        outputs["twice"] = n * 2
        print(os.environ["WINGMAN_STEP"])
  - {id: bad, python: {call: "calc:fail"}}
""")
    found = engine.ended(engine.post("/v1/executions", {"flow": "calc"})["id"])
    assert step_of(found, "two")["outputs"] == {"sum": 13}
    assert step_of(found, "script")["outputs"] == {"twice": 26}
    assert step_of(found, "bad")["error"] == {"type": "calc.Bad", "message": "no luck"}
    log = engine.log(found["id"])
    assert "adding\n" in log
    assert "Traceback" in log


def test_conditions_expectations_and_tolerated_failures(engine: Engine) -> None:
    found = engine.run("""
inputs: {n: {type: integer, default: 0}}
steps:
  - {id: skipped, if: 'inputs.n > 0', run: 'true'}
  - {id: soft, continue_on_error: true, run: 'exit 1'}
  - {id: check, run: 'echo size=5 >> "$WINGMAN_OUTPUT"', expect: 'outputs.size > 1'}
""")
    assert states(found) == {"skipped": "skipped", "soft": "failed", "check": "completed"}
    assert found["state"] == "partial"
    found = engine.run("""
steps:
  - {id: check, run: 'echo size=5 >> "$WINGMAN_OUTPUT"', expect: 'outputs.size > 1024'}
  - {id: after, if: "steps.check.state == 'failed'", run: 'true'}
""")
    assert step_of(found, "check")["error"]["type"] == "expect"
    assert states(found)["after"] == "completed"


def test_flows_of_the_folder_are_found_by_name_edited_and_listed(engine: Engine, home: Any) -> None:
    path = home.flows / "mine.yaml"
    path.write_text("steps: [{id: s, run: 'echo one'}]")
    assert (
        engine.log(engine.ended(engine.post("/v1/executions", {"flow": "mine"})["id"])["id"])
        == "one\n"
    )
    path.write_text("steps: [{id: s, run: 'echo two, longer'}]")
    found = engine.ended(engine.post("/v1/executions", {"flow": "mine"})["id"])
    assert engine.log(found["id"]) == "two, longer\n"
    (home.flows / "broken.yaml").write_text("steps: {")
    flows = {flow["name"]: flow for flow in engine.get("/v1/flows")["flows"]}
    assert flows["mine"]["last"][0]["state"] == "completed"
    assert flows["broken"]["problems"]
    os.mkfifo(home.flows / "pipe.yaml")  # nobody waits for what is in it
    (home.flows / "other.yaml").write_text("name: mine\nsteps: [{id: s, run: 'true'}]")
    with pytest.raises(UsageError, match="two files"):
        engine.post("/v1/executions", {"flow": "mine"})
    assert "two files" in str(problems_of(engine, "mine"))
    (home.flows / "other.yaml").unlink()
    assert problems_of(engine, "mine") == []


def problems_of(engine: Engine, name: str) -> list[Any]:
    listed = {flow["name"]: flow["problems"] for flow in engine.get("/v1/flows")["flows"]}
    found: list[Any] = listed[name]
    return found


def test_the_environment_of_a_step_is_clean_and_layered(engine: Engine) -> None:
    found = engine.run("""
env: {A: flow, B: flow}
inputs: {C: {type: boolean, default: true}}
steps:
  - {id: s, env: {B: step}, run: 'echo "$A $B $C"; env | cut -d= -f1 | sort | tr "\\n" " "'}
""")
    first, second = engine.log(found["id"]).splitlines()
    assert first == "flow step true"
    names = set(second.split())
    assert {
        "PATH",
        "WINGMAN_OUTPUT",
        "WINGMAN_EXECUTION",
        "WINGMAN_STEP",
        "WINGMAN_ATTEMPT",
    } <= names
    assert "WINGMAN_HOME" not in names
    assert "PYTHONPATH" not in names


def test_a_hundred_thousand_items_in_an_expression_do_not_stop_the_engine(engine: Engine) -> None:
    started = engine.start("""
steps:
  - {id: many, outputs: json, run: 'seq 100000 | paste -sd, | sed "s/.*/{\\"items\\": [&]}/"'}
  - {id: heavy, if: "steps.many.outputs.items.map(x, x * 2).size() > 5", run: 'true'}
  - {id: light, needs: [many], if: "steps.many.outputs.items[99999] == 100000", run: 'true'}
""")
    slowest = 0.0
    deadline = time.monotonic() + 60
    while engine.show("@last")["state"] == "running" and time.monotonic() < deadline:
        began = time.monotonic()
        engine.get("/healthz")
        slowest = max(slowest, time.monotonic() - began)
    found = engine.ended(started["id"])
    assert states(found)["light"] == "completed"
    assert states(found)["heavy"] == "failed", "quadratic in the library: killed after a second"
    assert step_of(found, "heavy")["error"]["type"] == "expression"
    assert slowest < 5


def test_a_flow_has_variables_of_the_engine_passed_through(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FOO", "bar"), ("OTHER", "x"), ("USER", "me"), ("LC_ALL", "C.UTF-8")):
        monkeypatch.setenv(name, value)
    engine = Engine(home)
    ended = engine.run("env_passthrough: [FOO]\nsteps: [{id: a, run: env}]")
    variables = dict(line.split("=", 1) for line in engine.log(ended["id"]).splitlines())
    own = {name for name in variables if not name.startswith("WINGMAN_")}
    by_bash = {"PWD", "SHLVL", "_", "OLDPWD"}
    assert own - by_bash <= {"PATH", "HOME", "LANG", "TZ", "TERM", "FOO"}
    assert (variables["FOO"], variables["LANG"]) == ("bar", "C.UTF-8")
