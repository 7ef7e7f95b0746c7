"""The plan of a resume: what is unchanged is reused, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.state import Execution
from engine.errors import UsageError
from engine.resume.plan import Choices, Plan, make_plan
from tests.core.flows import flow, step

INPUT = {"name": "keep", "type": "integer", "required": True, "sensitive": False}


def ended(
    definition: dict[str, Any], inputs: dict[str, Any] | None = None, **states: str
) -> Execution:
    """An execution that has ended: its steps completed, but for those that are named."""
    ex = Execution(
        id="e", ord=1, flow="sample", number=7, version="v1", source="", definition=definition,
        inputs=inputs or {}, trigger="manual", actor="me", created_at_us=0,
    )  # fmt: skip
    ex.state = "failed"
    for path, one in ex.steps.items():
        one.state = states.get(path, "completed")
        one.started_at_us = 1
        one.because_of_failure = one.state == "skipped"
    return ex


def decisions(plan: Plan) -> dict[str, str]:
    return {row.path: row.decision for row in plan.rows}


def because(plan: Plan, path: str) -> str:
    return next(row.because for row in plan.rows if row.path == path)


CHAIN = flow(step("a"), step("b", "a", run="make b"), step("c", "b"), step("d", "a"))


def changed(path: str, **keys: Any) -> dict[str, Any]:
    new = copy.deepcopy(CHAIN)
    next(one for one in new["steps"] if one["path"] == path).update(keys)
    return new


def test_what_completed_is_reused_and_the_rest_runs() -> None:
    plan = make_plan(ended(CHAIN, b="failed", c="skipped"), CHAIN, {})
    assert decisions(plan) == {"a": "reuse", "b": "run", "c": "run", "d": "reuse"}
    assert because(plan, "b") == "it failed"
    assert because(plan, "c") == "it did not run, because of a failure"


GROUP = flow(
    step("a"),
    step("g", "a", kind="parallel"),
    step("d", path="g/d", parent="g"),
    step("e", "g/d", path="g/e", parent="g"),
    step("b", "g", on_error=[{"match": ["any"], "then": "continue"}]),
    step("h", path="b/h", parent="b", clause=0),
    step("c", "b"),
)


def test_a_group_is_reused_with_all_that_is_in_it() -> None:
    plan = make_plan(ended(GROUP, **{"b/h": "skipped", "c": "failed"}), GROUP, {})
    assert [row.path for row in plan.rows if row.decision != "reuse"] == ["c"]
    assert because(plan, "b/h") == "b is reused"


def test_what_did_not_fail_in_a_failed_group_is_reused() -> None:
    states = {"g/e": "failed", "g": "failed", "b": "skipped", "c": "skipped", "b/h": "skipped"}
    plan = make_plan(ended(GROUP, **states), GROUP, {})
    assert [row.path for row in plan.rows if row.decision == "reuse"] == ["a", "g/d"]
    assert because(plan, "g") == "g/e in it runs"
    assert because(plan, "b/h") == "it runs if b fails"


def test_what_is_in_a_group_that_begins_otherwise_runs() -> None:
    new = copy.deepcopy(GROUP)
    new["steps"][1]["if"] = "inputs.keep > 3"
    plan = make_plan(ended(GROUP), new, {})
    assert [row.path for row in plan.rows if row.decision == "reuse"] == ["a"]
    assert because(plan, "g/d") == "g runs again"


def test_a_changed_step_and_all_that_need_it_are_invalidated() -> None:
    plan = make_plan(ended(CHAIN), changed("b", run="make b better"), {})
    assert decisions(plan) == {"a": "reuse", "b": "invalidated", "c": "invalidated", "d": "reuse"}
    assert because(plan, "b") == "its run changed"
    assert because(plan, "c") == "b runs again"


def test_how_a_failure_is_dealt_with_is_no_part_of_a_result() -> None:
    new = changed("b", timeout_s=99.0, continue_on_error=True, grace_s=1.0)
    assert set(decisions(make_plan(ended(CHAIN), new, {})).values()) == {"reuse"}


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("rotate --keep ${{ inputs.keep }}", "invalidated"),
        ("first\nkeep=$keep rotate", "invalidated"),
        ("echo\n$keep", "invalidated"),
        ("echo ${{ size(inputs) }}", "invalidated"),
        ("echo upkeep keeper inputs.other", "reuse"),
    ],
)
def test_a_changed_input_invalidates_the_steps_that_name_it(text: str, decision: str) -> None:
    definition = flow(step("a", run=text), inputs=[INPUT])
    plan = make_plan(ended(definition, {"keep": 7}), definition, {"keep": 8})
    assert decisions(plan) == {"a": decision}
    assert "keep" in because(plan, "a")


def test_one_is_not_true() -> None:
    definition = flow(step("a", run="$keep"))
    plan = make_plan(ended(definition, {"keep": 1}), definition, {"keep": True})
    assert decisions(plan) == {"a": "invalidated"}


def test_a_variable_of_the_flow_reaches_every_step() -> None:
    old = flow(step("a"), env={"PGHOST": "db1", "LEVEL": "${{ inputs.keep }}"})
    new = {**old, "env": {**old["env"], "PGHOST": "db2"}}
    assert because(make_plan(ended(old), new, {}), "a") == "env PGHOST changed"
    plan = make_plan(ended(old, {"keep": 1}), old, {"keep": 2})
    assert because(plan, "a") == "env LEVEL changed"


def test_without_its_files_nothing_is_reused_but_what_had_none() -> None:
    definition = flow(step("a"), step("b", "a", **{"if": "inputs.keep > 9"}))
    old = ended(definition, {"keep": 1}, b="skipped")
    old.steps["b"].because_of_failure = False
    plan = make_plan(old, definition, {"keep": 1})
    assert decisions(plan) == {"a": "reuse", "b": "reuse"}
    plan = make_plan(old, definition, {"keep": 1}, files_gone=True)
    assert because(plan, "a") == "the working directory is gone"
    assert because(plan, "b") == "a runs again"


def test_batches_are_no_steps_of_a_file_and_so_are_not_gone() -> None:
    old = ended(CHAIN, b="failed")
    batch = copy.copy(old.steps["b"])
    batch.path, batch.number = "b/0", 0
    old.steps["b/0"] = batch
    assert make_plan(old, CHAIN, {}).gone == ()


def test_a_step_in_a_group_is_chosen_by_its_path_or_by_its_id() -> None:
    old = ended(GROUP)
    inside = next(path for path in old.steps if "/" in path)
    by_path = make_plan(old, GROUP, {}, Choices(run=frozenset([inside])))
    by_id = make_plan(old, GROUP, {}, Choices(run=frozenset([inside.rpartition("/")[2]])))
    assert decisions(by_id) == decisions(by_path)
    assert decisions(by_id)[inside] == "run"


def test_new_and_gone_steps_and_the_last_section() -> None:
    new = flow(step("a"), step("x", "a"), finally_=[])
    new["finally"] = [step("clean")]
    plan = make_plan(ended(CHAIN), new, {})
    assert decisions(plan) == {"a": "reuse", "x": "run", "clean": "run"}
    assert plan.gone == ("b", "c", "d")


def test_rows_can_be_switched_and_what_depends_on_them_follows() -> None:
    plan = make_plan(ended(CHAIN), CHAIN, {}, Choices(run=frozenset({"b"})))
    assert decisions(plan) == {"a": "reuse", "b": "run", "c": "invalidated", "d": "reuse"}
    new = changed("a", run="other")
    unsafe = Choices(reuse=frozenset({"a"}), unsafe=True)
    plan = make_plan(ended(CHAIN), new, {}, unsafe)
    assert set(decisions(plan).values()) == {"reuse"}
    assert because(plan, "a") == "you chose so, although its run changed"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (Choices(reuse=frozenset({"a"})), "not safe to reuse"),
        (Choices(reuse=frozenset({"b"}), unsafe=True), "cannot be reused: it failed"),
        (Choices(run=frozenset({"nope"})), "no step 'nope'"),
        (Choices(run=frozenset({"a"}), reuse=frozenset({"a"})), "cannot both"),
    ],
)
def test_choices_that_cannot_be_carried_out_are_refused(choices: Choices, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_plan(ended(CHAIN, b="failed"), changed("a", run="other"), {}, choices)


# -- for every flow --


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 12))
    steps = []
    for number in range(count):
        before = [f"s{n}" for n in range(number)]
        needs = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
        text = draw(st.sampled_from(["true", "echo $one", "echo ${{ inputs.two }}"]))
        steps.append(step(f"s{number}", *needs, run=text))
    return flow(*draw(st.permutations(steps)))


STATES = st.sampled_from(["completed", "failed", "skipped", "cancelled", "interrupted", "pending"])


@settings(max_examples=150, deadline=None)
@given(graphs(), st.data())
def test_a_reused_step_is_unchanged_down_to_its_roots(
    definition: dict[str, Any], data: st.DataObject
) -> None:
    states = {one["path"]: data.draw(STATES) for one in definition["steps"]}
    old = ended(definition, {"one": 1, "two": 2}, **states)
    new = copy.deepcopy(definition)
    edited = data.draw(st.sets(st.sampled_from(sorted(states))))
    for one in new["steps"]:
        if one["path"] in edited:
            one["run"] += " #"
    inputs = {"one": data.draw(st.integers(1, 2)), "two": data.draw(st.integers(2, 3))}
    plan = make_plan(old, new, inputs)
    by_path = {one["path"]: one for one in new["steps"]}
    decided = decisions(plan)
    for path, decision in decided.items():
        needs = by_path[path]["needs"]
        is_same = (
            states[path] == "completed"
            and path not in edited
            and not ("$one" in by_path[path]["run"] and inputs["one"] != 1)
            and not ("two" in by_path[path]["run"] and inputs["two"] != 2)
            and all(decided[need] == "reuse" for need in needs)
        )
        assert (decision == "reuse") == is_same, path
    assert make_plan(old, new, inputs) == plan


def test_another_value_of_the_server_invalidates_the_steps_that_name_it() -> None:
    definition = flow(step("a", run="x ${{ environment.host }}"), step("b", run="y $host"))
    old = ended(definition, b="failed")
    old.environment_values = {"name": "prod", "host": "db1"}
    same = make_plan(old, definition, {}, environment={"name": "prod", "host": "db1"})
    assert decisions(same) == {"a": "reuse", "b": "run"}
    moved = make_plan(old, definition, {}, environment={"name": "prod", "host": "db2"})
    assert because(moved, "a") == "environment.host changed"
    inherited = {**definition, "env": {"H": "${{ environment.host }}"}}
    old = ended(inherited)
    old.environment_values = {"host": "db1"}
    plan = make_plan(old, inherited, {}, environment={"host": "db2"})
    assert because(plan, "b") == "env H changed"
