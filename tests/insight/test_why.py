"""Why: the answer first, then the chain, then what helps."""

from __future__ import annotations

from typing import Any

import pytest

from engine.insight.answer import Facts, Help, Why
from engine.insight.flow_why import why_flow
from engine.insight.why import why_execution, why_step
from tests.insight.made import at, execution, step

ERROR = {"type": "exit:3", "message": "exited with 3"}


def failed(**more: Any) -> dict[str, Any]:
    steps = [
        step("dump", ran=(0, 5)),
        step("pack", "failed", ran=(5, 6), needs=["dump"], error=ERROR, exit_code=3),
        step("ship", "skipped", needs=["pack"], reason="pack failed"),
    ]
    return execution("failed", steps, error={"step": "pack", **ERROR}, **more)


def told(why: Why) -> str:
    return "\n".join(f"{'  ' * c.depth}{c.subject}: {c.what}" for c in why.causes)


def test_of_a_failure_the_failing_step_comes_first_with_its_last_lines() -> None:
    why = why_execution(failed(), Facts(lines={"pack": ["one", "disk full"]}))
    assert why.answer == "step pack: exited with 3 (exit:3)"
    assert why.causes[0].subject == "pack"
    assert why.causes[0].lines == ("one", "disk full")
    assert why.causes[0].since == at(6)
    assert "ship: did not run because of it" in told(why)
    assert [h.command for h in why.helps][:2] == [
        "wingman logs night#7 --step pack",
        "wingman retry night#7",
    ]


def test_the_same_error_before_is_told_and_a_new_one_too() -> None:
    same = {"flow": "night", "number": 5, "state": "failed", "ended_at": at(-50),
            "error": {"step": "pack", **ERROR}}  # fmt: skip
    good = {"flow": "night", "number": 6, "state": "completed", "error": None}
    again = told(why_execution(failed(), Facts(earlier=[good, same])))
    assert "the same error ended 1 of the 2 executions before: night#5" in again
    fresh = told(why_execution(failed(), Facts(earlier=[good])))
    assert "not in the 1 executions before; night#6 completed" in fresh


def test_a_failure_that_was_handled_is_not_the_cause() -> None:
    steps = [
        step("a", "failed", ran=(0, 1), error=ERROR, handled=True),
        step("b", "failed", ran=(1, 2), error={"type": "timeout", "message": "ran too long"}),
    ]
    why = why_execution(execution("failed", steps), Facts())
    assert why.causes[0].subject == "b"


def test_a_pending_step_names_what_runs_at_the_end_of_its_chain() -> None:
    steps = [
        step("a", "running", ran=(0, None)),
        step("b", "pending", needs=["a"]),
        step("c", "pending", needs=["b"]),
    ]
    found = execution("running", steps)
    why = why_step(found, "c", Facts(usual_ms={"a": 12_000}))
    assert told(why) == "b: has not started\n  a: runs; usually it takes 12.0 s"
    assert why.answer == "c waits: has not started"


def test_a_skipped_step_tells_its_condition_with_the_values() -> None:
    reason = "if: inputs.n > 5 is false; inputs.n = 3 (integer)"
    steps = [step("a"), step("b", "skipped", needs=["a"], reason=reason)]
    why = why_step(execution("running", steps), "b", Facts())
    assert why.answer == f"b was skipped: {reason}"
    steps.append(step("c", "failed", error={"type": "exit:1", "message": "exited with 1"}))
    whole = why_execution(execution("failed", steps), Facts())
    assert "b: did not run because of it" not in told(whole)


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        (Facts(max_parallel=1), "all 1 places of this execution are taken"),
        (Facts(running_steps=8, max_running_steps=8), "all 8 places of this engine are taken"),
    ],
)
def test_full_places_are_told(facts: Facts, what: str) -> None:
    steps = [step("a", "running", ran=(0, None)), step("b", "pending")]
    assert what in told(why_execution(execution("running", steps), facts))
    assert what in told(why_step(execution("running", steps), "b", facts))


def test_paused_and_cancelled_say_who() -> None:
    paused = [{"at": at(3), "type": "execution.paused", "data": {"actor": "ann"}}]
    why = why_execution(execution("paused", []), Facts(events=paused))
    assert why.answer == "It is paused by ann: no new step starts."
    assert why.helps[0].command == "wingman continue night#7"
    data = {"actor": "bob", "mode": "kill", "reason": "too slow"}
    gone = [{"at": at(4), "type": "execution.cancelling", "data": data}]
    why = why_execution(execution("cancelled", []), Facts(events=gone))
    assert why.answer == "too slow"
    assert told(why) == "night#7: kill by bob"


@pytest.mark.parametrize(
    ("waiting", "answer"),
    [
        ({"kind": "operator", "step": "a"}, "It waits for you: a was interrupted, and its outcome"),
        ({"kind": "timer", "step": "a", "until": at(9)}, "a waits for its next attempt, at "),
    ],
)
def test_what_cannot_move_by_itself_says_what_it_waits_for(
    waiting: dict[str, Any], answer: str
) -> None:
    why = why_execution(execution("running", [], waiting_for=waiting), Facts())
    assert why.answer.startswith(answer)


def test_a_flow_that_cannot_start_names_its_errors() -> None:
    why = why_flow({"name": "night"}, None, ["night.yaml:3:5: there is no key `rn`"])
    assert why.state == "cannot start"
    assert "night.yaml:3:5" in told(why)
    ready = why_flow({"name": "night"}, execution("failed", []), [])
    assert [h.command for h in ready.helps] == ["wingman run night", "wingman why night#7"]


def test_a_flow_that_something_hinders_names_it_and_what_helps() -> None:
    helps = Help("wingman secret set KEY", "keep its value")
    paused = trigger(paused={"by": "ada", "at": at(0), "reason": ""}, next=None)
    why = why_flow({"name": "night"}, None, [], [paused], {}, [("there is no secret KEY", helps)])
    assert (why.state, why.answer) == (
        "cannot start", "night cannot start: there is no secret KEY")  # fmt: skip
    assert why.helps[0] == helps
    assert "paused by ada" in told(why)
    assert "wingman run night" not in [each.command for each in why.helps]


def test_who_may_not_start_a_flow_is_told_so_beside_what_starts_it() -> None:
    refused = ("bob (viewer)", "the role operator")
    why = why_flow({"name": "night"}, None, [], [trigger()], {}, refused=refused)
    assert why.answer.startswith("night can start, but bob (viewer) may not start it; next it")
    assert "may not start it: it is for the role operator" in told(why)
    assert "wingman run night" not in [each.command for each in why.helps]


def trigger(**more: Any) -> dict[str, Any]:
    return {"name": "night:schedule", "what": "0 3 * * *", "paused": None, "problem": "",
            "next": at(0), **more}  # fmt: skip


def test_a_flow_with_triggers_tells_when_it_comes_and_what_became_of_the_last_moments() -> None:
    row = {"at": at(0), "outcome": "skipped", "times": 2, "reason": "overlap: skip", "label": None}
    why = why_flow({"name": "night"}, None, [], [trigger()], {"night:schedule": [row]})
    assert "next it starts by itself at" in why.answer
    assert "skipped (2 times): overlap: skip" in told(why)
    paused = {"by": "ada", "at": at(0), "reason": "too loud"}
    why = why_flow({"name": "night"}, None, [], [trigger(paused=paused, next=None)])
    assert (why.state, "its trigger is paused" in why.answer) == ("paused", True)
    assert "paused by ada: too loud" in told(why)
    assert why.helps[0].command == "wingman trigger continue night:schedule"
    circle = trigger(problem="it would start in a circle: a → a", next=None)
    assert "does not start by itself: it would" in why_flow({"name": "a"}, None, [], [circle]).answer
    why = why_flow({"name": "night"}, None, ["x:1:1: y"], [trigger(problem="the file has errors")])
    assert "the file has errors" in told(why)


def test_each_of_many_triggers_tells_its_last_decisions() -> None:
    refused = [{"at": at(0), "reason": "the signature is wrong"}] * 10
    for many, each in ((1, 10), (5, 4), (100, 1)):
        triggers = [trigger(name=f"night:t{n}", refusals=refused) for n in range(many)]
        row = {"at": at(0), "outcome": "ran", "label": "night#1", "reason": "", "times": 1}
        ledgers = {one["name"]: [row] * 10 for one in triggers}
        lines = told(why_flow({"name": "night"}, None, [], triggers, ledgers))
        assert lines.count("ran as night#1") == lines.count("signature is wrong") == many * each


def test_long_chains_are_bounded() -> None:
    steps = [step(f"s{n}", "pending", needs=[f"s{n + 1}"]) for n in range(2000)]
    why = why_step(execution("running", [*steps, step("s2000", "pending")]), "s0", Facts())
    assert len(why.causes) <= 40
