"""`env`: where its values come from, and that every expression sees them at any moment."""

from __future__ import annotations

from engine.core.prepare import Surroundings
from tests.core.flows import flow, step
from tests.core.world import World

AROUND = Surroundings(
    {"PATH": "/bin"}, "/work", "/logs", "gen1", own_env={"FOO": "theirs", "OTHER": "secret"}
)


def test_the_first_condition_sees_the_environment() -> None:
    first = step("a", **{"if": "env.A == 'x' && env.B == 'x!' && env.PATH == '/bin'"},
                 env={"B": "${{ env.A }}!"})  # fmt: skip
    world = World(flow(first, env={"A": "${{ inputs.i }}"}), {"i": "x"})
    assert world.states() == {"a": "running"}


def test_a_condition_is_not_failed_by_a_variable_that_it_never_asks_for() -> None:
    later = step("b", "a", **{"if": "steps.a.state == 'completed'"}, waits_for_failure=True,
                 env={"N": "${{ steps.a.outputs.n }}"})  # fmt: skip
    world = World(flow(step("a"), later))
    world.end("a", exit_code=1)
    assert world.states() == {"a": "failed", "b": "skipped"}


def test_expect_and_the_outputs_see_it_also_after_a_restart() -> None:
    checked = step("a", expect="env.A == 'x' && env.MINE == 'm' && outputs.n == 1",
                   env={"MINE": "m"})  # fmt: skip
    world = World(flow(checked, env={"A": "x"}, outputs={"o": "${{ env.A }}"}))
    world.ex = world.replayed()
    world.end("a", outputs={"n": 1})
    assert (world.ex.state, world.ex.outputs) == ("completed", {"o": "x"})


def test_what_the_flow_has_passed_through_comes_before_all_else() -> None:
    definition = flow(
        step("a", **{"if": "env.FOO == 'theirs'"}),
        step("b", env={"FOO": "own"}),
        env_passthrough=["FOO", "ABSENT"],
    )
    world = World(definition, around=AROUND)
    by_step = {spec["step"]: spec["env"] for spec in world.specs}
    assert by_step["a"]["FOO"] == "theirs"
    assert by_step["b"]["FOO"] == "own"
    assert not {"OTHER", "ABSENT"} & set(by_step["a"])
    assert World({**definition, "env": {"FOO": "flow"}}, around=AROUND).ex.steps["a"].state == (
        "skipped"
    )
