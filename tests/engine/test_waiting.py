"""Waits and approvals with a real engine: they outlive it, and everybody says what is waited for."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from engine.errors import Conflict, InputError, UsageError
from engine.times import to_text
from tests.conftest import Wingman
from tests.engine.api import Engine, states, step_of, until

ASK = """
name: ask
steps:
  - {id: dump, run: 'true'}
  - id: confirm
    approve:
      message: "Delete the dumps of ${{ inputs.db }}?"
      inputs: {keep: {type: integer, default: 7, minimum: 1}}
  - {id: remove, run: 'echo "keeps ${{ steps.confirm.outputs.keep }} by ${{ steps.confirm.outputs.by }}"'}
inputs: {db: {default: app}}
"""


def test_a_wait_goes_on_under_the_next_engine(engine: Engine) -> None:
    until_at = to_text(time.time_ns() // 1000 + 2_500_000)
    started = engine.start(
        f"steps: [{{id: w, wait: {{until: '{until_at}'}}}}, {{id: after, run: 'true'}}]"
    )
    found = engine.until(started["id"], lambda found: states(found)["w"] == "waiting")
    assert found["waiting_for"] == {
        "step": "w", "kind": "timer", "until": until_at, "reason": "wait",
    }  # fmt: skip
    assert step_of(found, "w")["waiting_for"]["until"] == until_at
    engine.kill()
    engine.begin()
    ended = engine.ended(started["id"])
    assert states(ended) == {"w": "completed", "after": "completed"}
    assert step_of(ended, "w")["ended_at"] >= until_at
    assert step_of(ended, "w")["duration_ms"] > 0
    assert "w: waits: until" in engine.log(started["id"], "engine=true")


def test_an_approval_outlives_the_engine_and_is_found_answered_and_kept(
    engine: Engine, wingman: Wingman
) -> None:
    started = engine.start(ASK)
    engine.until(started["id"], lambda found: states(found)["confirm"] == "waiting")
    engine.kill()
    engine.begin()
    listed = engine.get("/v1/executions?state=waiting")["executions"]
    assert [row["id"] for row in listed] == [started["id"]]
    assert listed[0]["waiting_for"]["message"] == "Delete the dumps of app?"
    failed = engine.run("name: wrong\nsteps: [{id: a, run: 'exit 1'}]")
    either = engine.get("/v1/executions?state=failed,waiting")["executions"]
    assert [row["id"] for row in either] == [failed["id"], started["id"]]
    shown = wingman("show", "ask#1", check=True).stdout
    assert "an operator's approval: step confirm: Delete the dumps of app?" in shown
    why = wingman("why", "ask#1", check=True).stdout
    assert "waits for an approval by operator" in why
    assert "wingman approve ask#1" in why
    done = wingman("approve", "ask#1", "-i", "keep=3", "-m", "looked at it", check=True)
    assert done.stdout == "approved confirm of ask#1\n"
    ended = engine.ended(started["id"])
    outputs = step_of(ended, "confirm")["outputs"]
    assert outputs.pop("by").startswith("uid:") or outputs
    assert outputs == {"approved": True, "comment": "looked at it", "keep": 3}
    assert "keeps 3 by" in engine.log(started["id"])
    told = engine.log(started["id"], "engine=true")
    assert "confirm: approved by" in told


def test_who_follows_hears_of_every_other_hold(engine: Engine) -> None:
    """One that is known is waited away; an end answers, too."""
    name = engine.start(ASK)["id"]
    first = engine.get(f"/v1/executions/{name}/hold?unless=")
    assert (first["hold"], first["state"]) == ("approval confirm", "running")
    assert [step["path"] for step in first["steps"]] == ["confirm"]
    assert first["waiting_for"]["message"] == "Delete the dumps of app?"
    with ThreadPoolExecutor() as threads:
        known = quote(first["hold"])
        other = threads.submit(engine.get, f"/v1/executions/{name}/hold?unless={known}")
        engine.post(f"/v1/executions/{name}/pause", {})
        assert other.result(30)["hold"] == "paused"
        end = threads.submit(engine.get, f"/v1/executions/{name}/hold?unless=paused")
        engine.post(f"/v1/executions/{name}/cancel", {})
        while end.result(30)["state"] == "running":
            end = threads.submit(engine.get, f"/v1/executions/{name}/hold?unless=")
    assert end.result(30)["state"] == "cancelled"
    assert engine.get(f"/v1/executions/{name}/hold?unless=")["hold"] == ""


def test_a_rejection_needs_no_form_and_says_why(engine: Engine, wingman: Wingman) -> None:
    started = engine.start(ASK)
    engine.until(started["id"], lambda found: states(found)["confirm"] == "waiting")
    done = wingman("reject", "ask#1", "confirm", "--comment", "not today", "--json")
    assert '"state": "failed"' in done.stdout
    ended = engine.ended(started["id"])
    assert states(ended) == {"dump": "completed", "confirm": "failed", "remove": "skipped"}
    assert ended["error"]["type"] == "cancelled"
    assert ended["error"]["message"].endswith(": not today")
    again = wingman("approve", "ask#1")
    assert again.returncode == 1
    assert "has already ended: failed" in again.stderr


def test_a_wrong_answer_changes_nothing(engine: Engine) -> None:
    started = engine.start(ASK)
    engine.until(started["id"], lambda found: states(found)["confirm"] == "waiting")
    for body, kind in (
        ({"inputs": {"keep": 0}}, InputError),
        ({"inputs": {"nobody": 1}}, InputError),
        ({"inputs_text": {"keep": "x"}}, InputError),
        ({"step": "dump"}, Conflict),
        ({"comment": "x" * 5000}, UsageError),
    ):
        with pytest.raises(kind):
            engine.act(started["id"], "approve", **body)
    assert states(engine.show(started["id"]))["confirm"] == "waiting"
    engine.act(started["id"], "cancel")
    assert engine.ended(started["id"])["state"] == "cancelled"


def test_a_secret_in_a_question_or_an_answer_is_masked(engine: Engine) -> None:
    text = """
name: masked
inputs: {token: {sensitive: true}}
steps: [{id: ask, approve: "use ${{ inputs.token }}?"}]
"""
    started = engine.start(text, inputs={"token": "tok-5e3c1a9b77"})
    found = engine.until(started["id"], lambda found: states(found)["ask"] == "waiting")
    assert "tok-5e3c1a9b77" not in str(found)
    engine.act(started["id"], "approve", comment="it is tok-5e3c1a9b77")
    engine.ended(started["id"])
    events = until(lambda: engine.get(f"/v1/events?execution={started['id']}"))
    assert "tok-5e3c1a9b77" not in str(events)
    assert "tok-5e3c1a9b77" not in str(engine.show(started["id"]))


def test_an_approval_in_a_group_is_named_by_its_id_and_several_are_told_apart(
    engine: Engine, wingman: Wingman
) -> None:
    started = engine.start(
        "name: two\nsteps:\n  - id: g\n    parallel:\n"
        "      - {id: one, approve: {message: One?}}\n      - {id: other, approve: {message: Other?}}\n"
    )
    both = {"g": "running", "g/one": "waiting", "g/other": "waiting"}
    engine.until(started["id"], lambda found: states(found) == both)
    assert "wingman approve two#1 g/one" in wingman("show", "two#1", check=True).stdout
    assert wingman("approve", "two#1").returncode == 2
    assert wingman("approve", "two#1", "other", check=True).returncode == 0
    assert wingman("reject", "two#1", "one", check=True).returncode == 0
    ended = engine.ended(started["id"])
    assert (step_of(ended, "g/other")["state"], step_of(ended, "g/one")["state"]) == (
        "completed", "failed",
    )  # fmt: skip
