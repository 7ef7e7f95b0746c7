"""Which failures are the same."""

from __future__ import annotations

import pytest

from engine.inbox.fingerprint import failure_of


def of(flow: str, type_: str, message: str, step: str | None = "a") -> str:
    return failure_of({"step": step, "type": type_, "message": message}, flow).fingerprint


def test_what_says_its_cause_is_the_same_in_every_flow_and_at_any_time() -> None:
    one = of("a", "connection", "no answer from store:443 after 3.2s at 12:04:11", "up")
    other = of("b", "connection", "no answer from store:443 after 9.0s at 03:00:00", "down")
    assert one == other
    assert one != of("a", "connection", "no answer from db:5432 after 3.2s at 12:04:11", "up")
    assert one != of("a", "timeout", "no answer from store:443 after 3.2s at 12:04:11", "up")


@pytest.mark.parametrize("type_", ["exit:1", "signal:SIGKILL", "timeout", "oom", "interrupted"])
def test_what_only_repeats_its_type_is_the_same_in_one_step_of_one_flow(type_: str) -> None:
    assert of("a", type_, "exited") == of("a", type_, "exited, once more")
    assert len({of("a", type_, "x", "s"), of("a", type_, "x", "t"), of("b", type_, "x", "s")}) == 3


def test_a_called_flow_and_its_callers_fail_as_one() -> None:
    inner = of("patch-host", "exit:1", "exited with 1", "apply")
    middle = of("patch-all", "exit:1", "patch-host#3 failed: apply: exited with 1", "hosts/web1")
    outer = of(
        "nightly", "exit:1", "patch-all#9 failed: hosts/web1: patch-host#3 failed: apply: exited with 1"
    )
    assert inner == middle == outer
    assert of("p", "timeout", "ran longer", None) == of("q", "timeout", "p#2 failed: ran longer")


@pytest.mark.parametrize("error", [None, {}, {"type": None, "message": None}, {"message": "\ud800\0"}])
def test_an_error_that_says_nothing_is_one_too(error: dict[str, str] | None) -> None:
    assert len(failure_of(error, "a").fingerprint) == 12


def test_a_flow_that_always_fails_otherwise_is_told_apart_by_its_steps() -> None:
    errors = [{"step": "a", "type": "ValueError", "message": f"no {word}"} for word in "xyz"]
    assert len({failure_of(error, "f").fingerprint for error in errors}) == 3
    assert len({failure_of(error, "f", coarse=True).fingerprint for error in errors}) == 1
