"""Resume against a real engine: linked, durable, with outputs, files and logs of what is reused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine.core.reduce import apply
from engine.core.takeover import begin_resumed
from engine.core.turn import Turn
from engine.errors import Conflict, FlowFileError, UnknownReference, UsageError
from tests.core.flows import flow, step
from tests.core.world import AROUND, World
from tests.engine.api import Engine, states, step_of

BROKEN = """
name: ship
inputs:
  keep: {type: integer, default: 7}
  token: {type: string, sensitive: true, default: ""}
steps:
  - id: dump
    run: |
      echo dumping
      echo data > dump.sql
      echo "size=42" >> "$WINGMAN_OUTPUT"
  - {id: pack, run: cat dump.sql missing}
  - {id: send, run: 'echo sent "${{ steps.dump.outputs.size }}"'}
finally:
  - {id: clean, run: echo cleaned}
"""
FIXED = BROKEN.replace("cat dump.sql missing", "cat dump.sql")


def test_resume_runs_the_fix_and_reuses_the_rest(engine: Engine) -> None:
    failed = engine.run(BROKEN)
    assert failed["state"] == "failed"
    plan = engine.post(f"/v1/executions/{failed['id']}/resume/plan", {"text": FIXED})
    assert [(one["path"], one["decision"]) for one in plan["steps"]] == [
        ("dump", "reuse"), ("pack", "run"), ("send", "run"), ("clean", "run"),
    ]  # fmt: skip
    started = engine.act(failed["id"], "resume", text=FIXED, reason="missing file")
    done = engine.ended(started["id"])
    assert (done["state"], done["number"], done["trigger"]) == ("completed", 2, "resume")
    assert done["resumed_from"] == failed["id"]
    assert done["version"] != failed["version"]
    dump = step_of(done, "dump")
    assert (dump["state"], dump["outputs"], dump["attempts"]) == ("reused", {"size": 42}, 0)
    assert dump["reason"] == "taken over from ship#1"
    log = engine.log(done["id"])
    assert log.splitlines() == ["dumping", "data", "sent 42", "cleaned"]
    assert engine.log(done["id"], "step=dump") == "dumping\n"
    assert engine.show(failed["id"]) == failed  # the earlier one stays as it is
    assert engine.client.text(f"/v1/executions/{done['id']}/definition") == FIXED


BATCHED = """
name: batched
steps:
  - id: g
    parallel: [{id: each, batch: {items: [one, two, three]}, run: 'echo "$WINGMAN_ITEM"'}]
  - {id: last, run: exit 1}
"""


def test_what_the_batches_of_a_reused_step_said_stays_readable(engine: Engine) -> None:
    failed = engine.run(BATCHED)
    fixed = BATCHED.replace("exit 1", "'true'")
    plan = engine.post(f"/v1/executions/{failed['id']}/resume/plan", {"text": fixed})
    assert plan["gone"] == []
    done = engine.ended(engine.act(failed["id"], "resume", text=fixed)["id"])
    assert states(done) == {"g": "reused", "g/each": "reused", "last": "completed"}
    assert step_of(done, "g/each")["outputs"]["items"] == 3
    said = sorted(engine.log(done["id"], "step=each").splitlines())
    assert said == ["one", "three", "two"]


def test_a_resumed_execution_survives_kills_retries_and_its_parent(
    engine: Engine,
    tmp_path: Path,
) -> None:
    gate = tmp_path / "gate"
    text = BROKEN.replace("cat dump.sql missing", f"test -e {gate} && cat dump.sql")
    first = engine.run(text)
    second = engine.ended(engine.act(first["id"], "resume")["id"])
    assert states(second) == {
        "dump": "reused", "pack": "failed", "send": "skipped", "clean": "completed"
    }  # fmt: skip
    third = engine.ended(engine.act(second["id"], "resume")["id"])
    assert step_of(third, "dump")["state"] == "reused"
    engine.kill()
    engine.begin()
    for root, _, names in os.walk(engine.home.logs / first["id"]):
        for name in names:
            os.unlink(os.path.join(root, name))
    assert engine.log(third["id"], "step=dump") == "dumping\n"
    gate.touch()
    engine.act(third["id"], "retry")
    done = engine.ended(third["id"])
    assert done["state"] == "completed"
    assert step_of(done, "dump") == step_of(third, "dump")
    assert engine.log(done["id"], "step=send") == "sent 42\n"


def test_the_working_directory_is_a_copy(engine: Engine) -> None:
    text = """
name: files
steps:
  - {id: make, run: "mkdir -p in && echo one > in/a && ln -s in/a link && chmod 700 in && mkfifo p"}
  - {id: use, run: "cat link; echo more >> in/a; test -e done"}
"""
    first = engine.run(text)
    fixed = text.replace("test -e done", "test -L link -a ! -e p -a -x in")
    done = engine.ended(engine.act(first["id"], "resume", text=fixed, debug=True)["id"])
    assert done["state"] == "completed"
    assert (engine.home.work / first["id"] / "in/a").read_text() == "one\nmore\n"
    assert (engine.home.work / done["id"] / "in/a").read_text() == "one\nmore\nmore\n"


def test_inputs_are_kept_or_given_and_sensitive_ones_stay_sealed(engine: Engine) -> None:
    failed = engine.run(BROKEN, inputs={"keep": 3, "token": "s3cret-token"})
    fixed = FIXED.replace("echo sent", 'echo "$keep" "${#token}"; echo sent')
    done = engine.ended(
        engine.act(failed["id"], "resume", text=fixed, inputs_text={"keep": "4"})["id"]
    )
    assert done["inputs"] == {"keep": 4, "token": "***"}
    assert step_of(done, "dump")["state"] == "reused"
    assert "4 12" in engine.log(done["id"])
    with pytest.raises(UsageError, match="was sensitive"):
        engine.act(failed["id"], "resume", text=FIXED.replace("sensitive: true, ", ""))


def test_without_the_directory_everything_runs(engine: Engine) -> None:
    done = engine.run(FIXED)
    plan = engine.post(f"/v1/executions/{done['id']}/resume/plan", {})
    assert {one["decision"] for one in plan["steps"][:3]} == {"invalidated"}
    assert plan["steps"][0]["because"] == "the working directory is gone"
    body = {"reuse": ["dump"], "unsafe": True}
    plan = engine.post(f"/v1/executions/{done['id']}/resume/plan", body)
    assert plan["steps"][0]["decision"] == "reuse"
    with pytest.raises(UsageError, match="not safe"):
        engine.act(done["id"], "resume", reuse=["dump"])


def test_what_cannot_be_resumed_changes_nothing(engine: Engine) -> None:
    live = engine.start("name: slow\nsteps: [{id: a, run: sleep 60}]\n")
    with pytest.raises(Conflict, match="has not ended"):
        engine.act(live["id"], "resume")
    engine.act(live["id"], "kill")
    failed = engine.run(BROKEN)
    with pytest.raises(FlowFileError, match=r"/tmp/fix.yaml:2:"):
        engine.act(failed["id"], "resume", text="name: ship\nsteps: {}\n", label="/tmp/fix.yaml")
    with pytest.raises(UsageError, match="keep its `name:`"):
        engine.act(failed["id"], "resume", text=FIXED.replace("name: ship", "name: other"))
    with pytest.raises(UsageError, match="no step 'nope'"):
        engine.act(failed["id"], "resume", run=["nope"])
    with pytest.raises(Conflict, match="changed since the plan"):
        engine.act(failed["id"], "resume", text=FIXED, version="0" * 64)
    with pytest.raises(UnknownReference):
        engine.act("ship%2399", "resume")
    with pytest.raises(UsageError):
        engine.act(failed["id"], "resume", run="dump")
    listed = engine.get("/v1/executions?flow=ship")["executions"]
    assert [row["number"] for row in listed] == [1]
    assert {path.name for path in engine.home.work.iterdir()} <= {failed["id"], live["id"]}


def test_conditions_and_outputs_see_a_reused_step_as_completed() -> None:
    definition = flow(
        step("a"),
        step("b", "a", **{"if": "steps.a.state == 'completed'"}, waits_for_failure=True),
        step("c", "b", run="echo ${{ steps.a.outputs.x }}"),
    )
    taken: dict[str, Any] = {
        "step": "a", "state": "reused", "reason": "taken over from s#1", "from": "x",
        "outputs": {"x": 5}, "exit_code": 0, "log_bytes": 3, "attempts": [[4, 1, "completed", 3, 1]],
    }  # fmt: skip
    world = World(definition, None, begin_resumed, [taken])
    assert world.number_of("b") == 5  # its log's number is free
    world.end("b")
    assert world.specs[-1]["text"] == "echo 5"
    world.end("c")
    assert world.ex.state == "completed"
    assert world.replayed().steps == world.ex.steps


def test_an_execution_of_nothing_but_reused_steps_ends_at_once() -> None:
    definition = flow(step("a"), step("b", "a"))
    ex = World(definition).new()
    turn = Turn(ex, 5, AROUND)
    begin_resumed(
        turn, [{"step": path, "state": "reused", "reason": "", "attempts": []} for path in "ab"]
    )
    assert ex.state == "completed"
    assert [event.type for event in turn.events][-1] == "execution.ended"
    fresh = World(definition).new()
    for event in turn.events:
        apply(fresh, event)
    assert (fresh.state, fresh.steps) == (ex.state, ex.steps)


def test_a_proved_fix_is_saved_into_the_file_it_was_made_from(
    engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "ship.yaml"
    file.write_text(BROKEN)
    file.chmod(0o640)
    failed = engine.run(BROKEN, source=str(file))
    half = FIXED.replace("echo sent", "false; echo sent")
    second = engine.ended(engine.act(failed["id"], "resume", text=half)["id"])
    with pytest.raises(Conflict, match="not proved"):
        engine.post(f"/v1/executions/{second['id']}/fix")
    third = engine.ended(engine.act(second["id"], "resume", text=FIXED)["id"])
    found = engine.get(f"/v1/executions/{third['id']}/fix")
    assert found["can_save"]
    assert [line for line in found["diff"] if line[0] in "+-"] == [
        "-  - {id: pack, run: cat dump.sql missing}", "+  - {id: pack, run: cat dump.sql}",
    ]  # fmt: skip
    file.write_text(BROKEN + "# somebody else\n")
    with pytest.raises(Conflict, match="changed meanwhile"):
        engine.post(f"/v1/executions/{third['id']}/fix")
    assert file.read_text() == BROKEN + "# somebody else\n"
    file.write_text(BROKEN)
    assert engine.post(f"/v1/executions/{third['id']}/fix")["path"] == str(file)
    assert file.read_text() == FIXED
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.glob(".ship*")) == []
    with pytest.raises(Conflict, match="already"):
        engine.post(f"/v1/executions/{third['id']}/fix")
    with pytest.raises(Conflict, match="resumes none"):
        engine.post(f"/v1/executions/{failed['id']}/fix")


def test_a_standard_flow_is_not_written(engine: Engine) -> None:
    failed = engine.ended(engine.post("/v1/executions", {"flow": "practice-failure"})["id"])
    body = {"inputs_text": {"port": "8080"}}
    done = engine.ended(engine.post(f"/v1/executions/{failed['id']}/resume", body)["id"])
    assert done["state"] == "completed"
    with pytest.raises(Conflict, match="standard flow"):
        engine.post(f"/v1/executions/{done['id']}/fix")
