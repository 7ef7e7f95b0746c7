"""The story of an execution as the core tells it: order, failure, retry, cancel, pause."""

from __future__ import annotations

import pytest

from engine.core import decide
from engine.errors import Conflict
from tests.core.flows import flow, step
from tests.core.world import World


def test_steps_run_when_their_needs_have_ended_and_the_execution_completes() -> None:
    world = World(flow(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")))
    assert world.states() == {"a": "running", "b": "pending", "c": "pending", "d": "pending"}
    world.end("a")
    assert world.states()["b"] == world.states()["c"] == "running"
    world.end("c")
    world.end("b")
    world.end("d", outputs={"n": 3})
    assert world.ex.state == "completed"
    assert world.ex.steps["d"].outputs == {"n": 3}
    assert world.ends == 1


def test_no_step_starts_before_the_recorded_end_of_its_needs() -> None:
    world = World(flow(step("a"), step("b", "a")))
    world.end("a", ended_at=10**9)  # a runner whose clock is ahead
    a, b = world.ex.steps["a"], world.ex.steps["b"]
    assert a.ended_at_us is not None
    assert b.started_at_us is not None
    assert a.started_at_us <= a.ended_at_us <= b.started_at_us  # type: ignore[operator]


def test_a_failure_skips_what_needs_it_and_leaves_other_branches_alone() -> None:
    world = World(flow(step("a"), step("b", "a"), step("c"), step("d", "c")))
    world.end("a", exit_code=3)
    assert world.states() == {"a": "failed", "b": "skipped", "c": "running", "d": "pending"}
    assert world.ex.steps["b"].reason == "a failed"
    world.end("c")
    world.end("d")
    assert world.ex.state == "failed"
    assert world.ex.error == {"step": "a", "type": "exit:3", "message": "exited with 3"}


def test_a_condition_that_asks_for_the_state_of_a_need_is_evaluated_after_its_failure() -> None:
    tidy = step("tidy", "a", **{"if": "steps.a.state == 'failed'"}, waits_for_failure=True)
    world = World(flow(step("a"), tidy))
    world.end("a", exit_code=1)
    assert world.states()["tidy"] == "running"
    world.end("tidy")
    assert world.ex.state == "failed"


def test_a_condition_about_what_went_well_earlier_does_not_pass_a_failed_need() -> None:
    deploy = step("deploy", "test", **{"if": "steps.check.state == 'completed'"})
    world = World(flow(step("check"), step("test", "check"), deploy))
    world.end("check")
    world.end("test", exit_code=1)
    assert world.states()["deploy"] == "skipped"
    assert world.ex.steps["deploy"].reason == "test failed"


def test_a_condition_that_asks_for_what_failed_earlier_decides_behind_skipped_needs() -> None:
    tell = step("tell", "b", **{"if": "steps.a.state == 'failed'"})
    world = World(flow(step("a"), step("b", "a"), tell))
    world.end("a", exit_code=1)
    assert world.states() == {"a": "failed", "b": "skipped", "tell": "running"}


def test_a_step_skipped_by_its_own_condition_counts_as_met() -> None:
    world = World(flow(step("a", **{"if": "inputs.n > 5"}), step("b", "a")), {"n": 1})
    assert world.states() == {"a": "skipped", "b": "running"}
    world.end("b")
    assert world.ex.state == "completed"


def test_a_condition_that_cannot_be_evaluated_fails_the_step_with_its_values() -> None:
    world = World(flow(step("a", **{"if": "inputs.n + 'x' == 'y'"})), {"n": 1})
    assert world.ex.state == "failed"
    assert world.ex.error is not None
    assert world.ex.error["type"] == "expression"
    assert "inputs.n" in world.ex.error["message"]


def test_a_retry_waits_for_its_delay_and_uses_up_its_attempts() -> None:
    policy = {"max_attempts": 3, "delay_s": 10.0, "backoff": 2.0, "max_delay_s": 15.0}
    world = World(flow(step("a", retry=policy)))
    world.end("a", exit_code=1)
    a = world.ex.steps["a"]
    assert a.state == "waiting"
    assert a.reason == "exit:1: attempt 2 of 3 in 10 s"
    world.do(decide.due)
    assert a.state == "waiting", "too early"
    world.wait_until_due()
    assert a.state == "running"
    world.end("a", exit_code=1)
    assert "in 15 s" in a.reason, "capped by max_delay"
    world.wait_until_due()
    world.end("a", exit_code=1)
    assert a.state == "failed"
    assert a.attempts == 3
    assert world.ex.state == "failed"


def test_only_the_named_errors_are_retried() -> None:
    world = World(flow(step("a", retry={"max_attempts": 3, "on": ["exit:75", "timeout"]})))
    world.end("a", exit_code=75)
    world.wait_until_due()
    world.end("a", outcome="timeout", exit_code=None, signal="SIGTERM")
    world.wait_until_due()
    world.end("a", exit_code=1)
    assert world.ex.steps["a"].attempts == 3
    assert world.ex.error == {"step": "a", "type": "exit:1", "message": "exited with 1"}


def test_a_failure_that_is_tolerated_makes_the_execution_partial() -> None:
    world = World(flow(step("a", continue_on_error=True), step("b", "a")))
    world.end("a", exit_code=1)
    assert world.ex.steps["a"].handled
    world.end("b")
    assert world.ex.state == "partial"


def test_finally_runs_after_success_failure_and_cancel_but_not_after_kill() -> None:
    for act, expected in (("end", "completed"), ("fail", "failed"), ("cancel", "cancelled")):
        world = World(flow(step("a"), **{"finally": [step("z")]}))
        if act == "cancel":
            world.do(decide.cancel, "cancel")
            world.end("a", outcome="cancelled", exit_code=None, signal="SIGTERM")
        else:
            world.end("a", exit_code=int(act == "fail"))
        assert world.states()["z"] == "running", act
        world.end("z")
        assert world.ex.state == expected
    world = World(flow(step("a"), **{"finally": [step("z")]}))
    world.do(decide.cancel, "kill")
    assert world.cancelled == {1: "kill"}
    world.end("a", outcome="killed", exit_code=None, signal="SIGKILL")
    assert world.ex.state == "cancelled"
    assert world.states()["z"] == "cancelled"


def test_a_cancel_leaves_finally_to_its_end_however_often_it_is_asked_for() -> None:
    definition = flow(step("a"), **{"finally": [step("y"), step("z", "y")]})
    late = World(definition)
    late.end("a")
    late.do(decide.cancel, "cancel", "enough")
    again = World(definition)
    again.do(decide.cancel, "cancel", "enough")
    again.do(decide.cancel, "cancel", "more than enough")
    assert again.cancelled == {1: "term"}
    again.end("a", outcome="cancelled", exit_code=None, signal="SIGTERM")
    again.do(decide.pause)
    again.do(decide.cancel, "cancel")
    for world in (late, again):
        assert world.states()["y"] == "running"
        assert not {2, 3} & set(world.cancelled)
        world.ex = world.replayed()
        world.end("y")
        world.end("z")
        assert (world.ex.state, (world.ex.error or {})["message"]) == ("cancelled", "enough")


def test_a_kill_ends_finally_too() -> None:
    world = World(flow(step("a"), **{"finally": [step("y"), step("z", "y")]}))
    world.end("a")
    world.do(decide.cancel, "cancel")
    world.do(decide.cancel, "kill")
    assert world.cancelled == {2: "kill"}
    world.end("y", outcome="killed", exit_code=None, signal="SIGKILL")
    assert (world.ex.state, world.states()["z"]) == ("cancelled", "cancelled")


def test_a_failing_finally_fails_the_execution() -> None:
    world = World(flow(step("a"), **{"finally": [step("z")]}))
    world.end("a")
    world.end("z", exit_code=1)
    assert world.ex.state == "failed"


def test_cancel_beats_a_pending_retry() -> None:
    world = World(flow(step("a", retry={"max_attempts": 5, "delay_s": 60.0})))
    world.end("a", exit_code=1)
    world.do(decide.cancel, "cancel", "enough")
    assert world.ex.state == "cancelled"
    assert world.states() == {"a": "cancelled"}
    assert decide.next_due_us(world.ex) is None


def test_a_paused_execution_starts_nothing_and_goes_on_where_it_was() -> None:
    world = World(flow(step("a"), step("b", "a")))
    world.do(decide.pause)
    world.end("a")
    assert world.ex.state == "paused"
    assert world.states()["b"] == "pending"
    world.do(decide.continue_)
    assert world.states()["b"] == "running"
    world.end("b")
    assert world.ex.state == "completed"


def test_a_cancel_of_a_paused_execution_ends_it() -> None:
    world = World(flow(step("a"), step("b", "a"), **{"finally": [step("z")]}))
    world.do(decide.pause)
    world.do(decide.cancel, "cancel")
    world.end("a", outcome="cancelled", exit_code=None, signal="SIGTERM")
    world.end("z")
    assert world.ex.state == "cancelled"


def test_retry_runs_what_failed_and_what_was_skipped_for_it_and_finally_again() -> None:
    ok, bad = step("ok"), step("bad")
    definition = flow(ok, bad, step("after", "bad"), **{"finally": [step("z")]})
    world = World(definition)
    world.end("ok")
    world.end("bad", exit_code=1)
    world.end("z")
    world.do(decide.retry_execution)
    assert world.ex.attempt == 2
    assert world.states() == {
        "ok": "completed",
        "bad": "running",
        "after": "pending",
        "z": "pending",
    }
    world.end("bad")
    world.end("after")
    world.end("z")
    assert world.ex.state == "completed"
    with pytest.raises(Conflict):
        world.do(decide.retry_execution)


def test_the_days_before_a_retry_are_not_counted() -> None:
    world = World(flow(step("a")))
    first_us = world.ex.started_at_us
    world.end("a", exit_code=1)
    world.now_us += 3 * 86_400_000_000
    world.do(decide.retry_execution)
    again_us = world.now_us
    world.now_us += 5_000_000
    world.end("a")
    ex = world.ex
    assert ex.started_at_us == first_us
    assert ex.duration_ms == (world.now_us - again_us) // 1000


def test_an_interrupted_step_is_never_shown_as_failed_and_runs_again_only_by_its_policy() -> None:
    world = World(flow(step("a")))
    world.do(decide.attempt_interrupted, world.number_of("a"))
    assert world.states() == {"a": "interrupted"}
    assert world.ex.state == "failed"
    world = World(flow(step("a", retry={"max_attempts": 2})))
    world.do(decide.attempt_interrupted, world.number_of("a"))
    world.wait_until_due()
    assert world.states() == {"a": "running"}


def test_a_held_step_waits_for_an_operator_who_retries_or_cancels() -> None:
    for verb in ("retry", "cancel"):
        world = World(flow(step("a", on_interrupt="hold"), step("b", "a")))
        world.do(decide.attempt_interrupted, world.number_of("a"))
        assert world.ex.state == "running"
        assert world.ex.waiting_for == {"step": "a", "kind": "operator", "reason": "interrupted"}
        if verb == "retry":
            world.running.clear()
            world.do(decide.retry_execution)
            world.end("a")
            world.end("b")
            assert world.ex.state == "completed"
        else:
            world.do(decide.cancel, "cancel")
            assert world.ex.state == "cancelled"
            assert world.states()["a"] == "interrupted"


def test_an_attempt_that_never_began_is_started_again_without_costing_a_try() -> None:
    world = World(flow(step("a")))
    number = world.number_of("a")
    world.running.clear()
    world.do(decide.attempt_never_started, number)
    assert world.states() == {"a": "running"}
    assert world.number_of("a") == number + 1
    world.end("a")
    assert world.ex.state == "completed"


def test_an_end_that_nobody_waits_for_changes_nothing() -> None:
    world = World(flow(step("a")))
    number = world.number_of("a")
    world.end("a")
    before = len(world.events)
    world.do(decide.attempt_ended, number, {"outcome": "exited", "exit_code": 1})
    world.do(decide.attempt_interrupted, 77)
    assert len(world.events) == before


def test_max_parallel_and_free_slots_bound_what_runs() -> None:
    world = World(flow(*(step(f"s{n}") for n in range(10)), max_parallel=3))
    assert len(world.running) == 3
    world.end("s0")
    assert len(world.running) == 3


def test_fail_fast_cancels_the_other_branches() -> None:
    world = World(flow(step("a"), step("b"), step("c", "b"), fail_fast=True))
    world.end("a", exit_code=1)
    assert world.cancelled == {2: "term"}
    world.end("b", outcome="cancelled", exit_code=None, signal="SIGTERM")
    assert world.states() == {"a": "failed", "b": "cancelled", "c": "cancelled"}
    assert world.ex.state == "failed"
    assert world.ex.error is not None
    assert world.ex.error["step"] == "a"


def test_the_flows_timeout_leaves_out_paused_time_and_fails_the_execution() -> None:
    world = World(flow(step("a"), step("b", "a"), timeout_s=10.0))
    world.do(decide.pause)
    world.now_us += 60_000_000
    world.do(decide.due)
    assert not world.cancelled
    world.do(decide.continue_)
    assert not world.cancelled, "a minute of pause does not count"
    world.wait_until_due()
    assert world.cancelled == {1: "term"}
    world.end("a", outcome="cancelled", exit_code=None, signal="SIGTERM")
    assert world.ex.state == "failed"
    assert world.ex.error is not None
    assert world.ex.error["type"] == "timeout"


def test_an_expectation_that_does_not_hold_fails_the_step_with_the_values() -> None:
    world = World(flow(step("a", expect="outputs.size > 1024")))
    world.end("a", outputs={"size": 5})
    assert world.ex.error is not None
    assert world.ex.error["type"] == "expect"
    assert "size = 5" in world.ex.error["message"]


def test_outputs_of_steps_reach_later_steps_and_the_execution() -> None:
    later = step(
        "b", "a", run="echo ${{ steps.a.outputs.n }}", env={"N": "${{ steps.a.outputs.n }}"}
    )
    world = World(flow(step("a"), later, outputs={"n": "${{ steps.a.outputs.n }}"}))
    world.end("a", outputs={"n": 7})
    spec = world.running[world.number_of("b")]
    assert spec["text"] == "echo 7"
    assert spec["env"]["N"] == "7"
    world.end("b")
    assert world.ex.outputs == {"n": 7}
