"""Groups, error paths and the sections after `steps`, as the core carries them out."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core import decide
from engine.flowfile import compile_flow
from tests.core.world import World

CHECKS = """
steps:
  - {id: first, run: x}
  - id: checks
    parallel:
      - {id: disk, run: x}
      - id: deep
        steps: [{id: one, run: x}, {id: two, run: x}]
  - {id: last, run: x}
"""
UPLOAD = """
steps:
  - id: upload
    run: x
    retry: {max_attempts: 2}
    on_error:
      - {match: "exit:3", steps: [{id: spool, run: x}, {id: tell, run: x}]}
      - {match: timeout, steps: [{id: wipe, run: x}], then: fail}
      - {match: interrupted, steps: [{id: look, run: x}]}
  - {id: last, run: x}
"""
ENDS = """
steps: [{id: a, run: x, continue_on_error: true}, {id: b, run: x}]
on_success: [{id: good, run: x}]
on_failure: [{id: bad, run: x}]
on_cancel: [{id: stopped, run: x}]
finally: [{id: clean, run: x}]
"""


def world(text: str, **inputs: Any) -> World:
    return World(compile_flow(("name: sample\n" + text).encode(), ""), inputs)


def fail(here: World, path: str, times: int = 1, **facts: Any) -> None:
    for _ in range(times):
        if here.ex.steps[path].state == "waiting":
            here.wait_until_due()
        here.end(path, **({"exit_code": 3} | facts))


def test_a_group_runs_its_steps_side_by_side_and_ends_with_the_last() -> None:
    here = world(CHECKS)
    assert here.states()["checks/disk"] == "pending"
    here.end("first")
    assert here.states() == {
        "first": "completed", "checks": "running", "checks/disk": "running",
        "checks/deep": "running", "checks/deep/one": "running", "checks/deep/two": "pending",
        "last": "pending",
    }  # fmt: skip
    assert here.ex.running == 2, "a group takes no place"
    here.end("checks/deep/one")
    here.end("checks/disk")
    assert here.states()["last"] == "pending"
    here.end("checks/deep/two")
    assert here.states()["checks"] == "completed"
    here.end("last")
    assert here.ex.state == "completed"


def test_a_failure_inside_fails_the_group_and_names_the_step() -> None:
    here = world(CHECKS)
    here.end("first")
    fail(here, "checks/deep/one")
    assert here.states()["checks/deep"] == "failed"
    assert here.states()["checks/deep/two"] == "skipped"
    assert here.states()["checks"] == "running"
    here.end("checks/disk")
    assert here.states()["checks"] == "failed"
    assert here.states()["last"] == "skipped"
    error = {"step": "checks/deep/one", "type": "exit:3", "message": "exited with 3"}
    assert here.ex.error == error


def test_what_is_in_a_skipped_group_is_skipped() -> None:
    here = world(CHECKS.replace("parallel", 'if: "false"\n    parallel'))
    here.end("first")
    assert {here.states()[path] for path in here.states() if "checks" in path} == {"skipped"}
    here.end("last")
    assert here.ex.state == "completed"


def test_a_group_of_skipped_steps_is_skipped_and_counts_as_met() -> None:
    here = world(CHECKS.replace("run: x}", "run: x, if: 'false'}"))
    assert here.states()["checks"] == "skipped"
    assert here.ex.state == "completed"


def test_a_tolerated_failure_makes_its_groups_partial() -> None:
    here = world(CHECKS.replace("id: two, run: x", "id: two, run: x, continue_on_error: true"))
    for path in ("first", "checks/disk", "checks/deep/one"):
        here.end(path)
    fail(here, "checks/deep/two")
    assert here.states()["checks/deep"] == here.states()["checks"] == "partial"
    here.end("last")
    assert here.ex.state == "partial"
    assert here.ex.error is not None
    assert here.ex.error["step"] == "checks/deep/two"


def test_retry_runs_what_failed_inside_and_leaves_the_rest() -> None:
    here = world(CHECKS)
    for path in ("first", "checks/disk"):
        here.end(path)
    fail(here, "checks/deep/one")
    assert here.ex.state == "failed"
    here.do(decide.retry_execution)
    assert here.states() == {
        "first": "completed", "checks": "running", "checks/disk": "completed",
        "checks/deep": "running", "checks/deep/one": "running", "checks/deep/two": "pending",
        "last": "pending",
    }  # fmt: skip
    for path in ("checks/deep/one", "checks/deep/two", "last"):
        here.end(path)
    assert here.ex.state == "completed"


def test_a_cancel_ends_what_runs_inside_and_then_the_groups() -> None:
    here = world(CHECKS)
    here.end("first")
    here.do(decide.cancel, "cancel")
    assert set(here.cancelled) == set(here.running)
    for path in ("checks/disk", "checks/deep/one"):
        here.end(path, outcome="cancelled", exit_code=None)
    assert here.states()["checks"] == here.states()["checks/deep"] == "cancelled"
    assert here.ex.state == "cancelled"


def test_handlers_run_when_the_attempts_are_spent_and_the_failure_counts_as_met() -> None:
    here = world(UPLOAD)
    fail(here, "upload", times=2)
    assert here.states()["upload"] == "failed"
    assert here.states()["upload/spool"] == "running"
    assert here.states()["last"] == "pending"
    assert here.specs[-1]["env"]["WINGMAN_ERROR_TYPE"] == "exit:3"
    assert here.specs[-1]["env"]["WINGMAN_ERROR_STEP"] == "upload"
    here.end("upload/spool")
    here.end("upload/tell")
    assert here.ex.steps["upload"].handled
    assert here.states()["upload/wipe"] == "skipped"
    here.end("last")
    assert here.ex.state == "completed", "the failure was made good"


def test_a_step_that_completes_leaves_its_handlers_out() -> None:
    here = world(UPLOAD)
    here.end("upload")
    here.end("last")
    assert here.states()["upload/spool"] == here.states()["upload/wipe"] == "skipped"
    assert here.ex.state == "completed"


@pytest.mark.parametrize("fate", ["then: fail", "handler fails", "no clause fits"])
def test_a_failure_that_is_not_made_good_stays_one(fate: str) -> None:
    here = world(UPLOAD)
    if fate == "then: fail":
        fail(here, "upload", times=2, outcome="timeout", exit_code=None)
        here.end("upload/wipe")
    elif fate == "handler fails":
        fail(here, "upload", times=2)
        fail(here, "upload/spool")
        assert here.states()["upload/tell"] == "skipped"
    else:
        fail(here, "upload", times=2, exit_code=9)
        assert here.states()["upload/wipe"] == "skipped"
    assert here.states()["last"] == "skipped"
    assert not here.ex.steps["upload"].handled
    assert here.ex.state == "failed"
    assert here.ex.error is not None
    assert here.ex.error["step"] == "upload"
    here.do(decide.retry_execution)
    assert here.states() == {path: "running" if path == "upload" else "pending"
                             for path in here.states()}  # fmt: skip


def test_an_unknown_outcome_is_handled_only_where_it_is_named() -> None:
    here = world(UPLOAD.replace("match: interrupted", "match: any"))
    for _ in range(2):
        if here.ex.steps["upload"].state == "waiting":
            here.wait_until_due()
        number = here.number_of("upload")
        del here.running[number]
        here.do(decide.attempt_interrupted, number)
    assert here.states()["upload/look"] == "skipped"
    assert here.ex.state == "failed"


def test_a_cancel_ends_the_handlers_and_nothing_is_made_good() -> None:
    here = world(UPLOAD)
    fail(here, "upload", times=2)
    here.do(decide.cancel, "cancel")
    here.end("upload/spool", outcome="cancelled", exit_code=None)
    assert not here.ex.steps["upload"].handled
    assert here.ex.state == "cancelled"


def test_fail_fast_waits_for_what_may_make_a_failure_good() -> None:
    text = "fail_fast: true" + UPLOAD + "  - {id: beside, needs: [], run: x}\n"
    here = world(text)
    fail(here, "upload", times=2)
    assert not here.ex.cancelling
    fail(here, "upload/spool")
    assert here.ex.cancelling == "fail_fast"


def ended(here: World) -> set[str]:
    return {path for path, state in here.states().items() if state == "completed"}


def test_each_end_takes_its_own_section_and_then_finally() -> None:
    here = world(ENDS)
    for path in ("a", "b", "good", "clean"):
        here.end(path)
    assert here.ex.state == "completed"
    assert here.states()["bad"] == here.states()["stopped"] == "skipped"

    here = world(ENDS)
    here.end("a")
    fail(here, "b")
    assert here.specs[-1]["step"] == "bad"
    assert here.specs[-1]["env"]["WINGMAN_ERROR_STEP"] == "b"
    here.end("bad")
    here.end("clean")
    assert here.ex.state == "failed"

    here = world(ENDS)
    here.do(decide.cancel, "cancel", "enough")
    here.end("a", outcome="cancelled", exit_code=None)
    assert here.specs[-1]["env"]["WINGMAN_ERROR_MESSAGE"] == "enough"
    here.end("stopped")
    here.end("clean")
    assert ended(here) == {"stopped", "clean"}
    assert here.ex.state == "cancelled"


def test_a_tolerated_failure_is_a_success_for_the_sections() -> None:
    here = world(ENDS)
    fail(here, "a")
    for path in ("b", "good", "clean"):
        here.end(path)
    assert here.ex.state == "partial"


def test_a_kill_takes_no_section() -> None:
    here = world(ENDS)
    here.do(decide.cancel, "kill")
    here.end("a", outcome="killed", exit_code=None)
    assert here.ex.state == "cancelled"
    assert not ended(here)


def test_a_cancel_in_a_later_section_ends_that_one_only() -> None:
    here = world(ENDS)
    here.end("a")
    here.end("b")
    here.do(decide.cancel, "cancel")
    here.end("good", outcome="cancelled", exit_code=None)
    here.end("stopped")
    here.end("clean")
    assert here.states()["good"] == here.ex.state == "cancelled"


@pytest.mark.parametrize("section", ["good", "clean"])
def test_a_failure_after_the_steps_fails_the_execution(section: str) -> None:
    here = world(ENDS)
    for path in ("a", "b", "good", "clean"):
        if path == section:
            fail(here, path)
        else:
            here.end(path)
    assert here.ex.state == "failed"
    assert here.ex.error is not None
    assert here.ex.error["step"] == section
