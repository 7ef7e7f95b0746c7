"""A flow's own tests: mocked ends, time that passes at once, and differences told in full."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.flowfile import compile_flow
from engine.model import TERMINAL_EXECUTION_STATES
from engine.rehearsal.simulate import Simulation
from engine.rehearsal.trials import Trial, run_tests
from tests.core.flows import flow, step

FLOW = """
name: ship
inputs: {size: {type: integer, default: 5}}
steps:
  - {id: dump, run: pg_dump, expect: outputs.size > 1, retry: {max_attempts: 3, delay: 1h}}
  - {id: pack, run: 'zip "${{ steps.dump.outputs.size }}"', if: inputs.size > 3}
  - {id: report, run: mail, if: steps.pack.state == 'failed'}
finally: [{id: clean, run: rm}]
outputs: {size: "${{ steps.dump.outputs.size }}"}
tests:
"""


def trial(test: str) -> Trial:
    return run_tests(compile_flow(f"{FLOW}  - {{name: t, {test}}}".encode(), "/ship.yaml"))[0]


DUMPED = "dump: {outputs: {size: 9}}"


@pytest.mark.parametrize(
    "test",
    [
        f"mock: {{{DUMPED}}}, expect: {{state: completed, outputs: {{size: 9}}}}",
        f"mock: {{{DUMPED}}}, inputs: {{size: 1}}, expect: {{steps: {{pack: skipped}}}}",
        f'mock: {{{DUMPED}, pack: {{error: "exit:3"}}}}, '
        'expect: {state: failed, error: "exit:3", steps: {report: completed, clean: completed}}',
        "mock: {dump: {error: timeout, times: 2, outputs: {size: 9}}}, expect: {state: completed}",
        "mock: {dump: {error: timeout, times: 3, outputs: {size: 9}}}, expect: {error: timeout}",
        "mock: {dump: {outputs: {size: 0}}}, expect: {state: failed, error: expect}",
        'mock: {dump: {error: "signal:SIGKILL"}}, expect: {error: "signal:SIGKILL"}',
        "mock: {dump: {error: oom}}, expect: {error: oom}",
        "mock: {dump: {error: interrupted, times: 1, outputs: {size: 9}}}, expect: {}",
        "mock: {dump: {error: my.own.Error}}, expect: {error: my.own.Error}",
    ],
)
def test_what_holds_passes(test: str) -> None:
    assert trial(test).differences == ()
    assert trial(test).passed


def test_what_is_otherwise_is_told_with_its_cause() -> None:
    found = trial(
        'mock: {dump: {error: "exit:1", message: no}}, expect: {state: completed, '
        "outputs: {size: 1}, steps: {dump: completed, pack: completed}}"
    )
    told = {one.what: (one.expected, one.found, one.because) for one in found.differences}
    assert told == {
        "state": ("completed", "failed", "dump: exited with 1 (exit:1)"),
        "step dump": ("completed", "failed", "exited with 1 (exit:1)"),
        "step pack": ("completed", "skipped", "dump failed"),
        "output size": (1, None, "there is no such output"),
    }


def test_a_test_that_cannot_begin_says_why() -> None:
    found = trial("inputs: {size: many}")
    assert not found.passed
    assert "size" in found.problem


def test_a_step_without_a_mock_is_not_held_to_its_expectation() -> None:
    found = trial("expect: {steps: {dump: completed}}")
    assert found.differences == ()


def test_tests_are_chosen_by_name() -> None:
    text = FLOW + "  - {name: First one}\n  - {name: second}\n"
    definition = compile_flow(text.encode(), "/ship.yaml")
    assert [one.name for one in run_tests(definition, "first")] == ["First one"]


@st.composite
def flows(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    steps, mocks = [], {}
    for number in range(draw(st.integers(1, 8))):
        before = [f"s{n}" for n in range(number)]
        needs = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        attempts = draw(st.integers(1, 3))
        steps.append(
            step(
                f"s{number}", *needs,
                retry={"max_attempts": attempts, "delay_s": 3600.0},
                continue_on_error=draw(st.booleans()),
                on_interrupt=draw(st.sampled_from(["retry", "fail", "hold"])),
            )
        )  # fmt: skip
        error = draw(st.sampled_from([None, "exit:1", "timeout", "interrupted", "a.B", "oom"]))
        mocks[f"s{number}"] = {"error": error, "times": draw(st.sampled_from([None, 1, 2]))}
    return flow(*steps, fail_fast=draw(st.booleans())), mocks


@settings(max_examples=100, deadline=None)
@given(flows())
def test_every_flow_ends_and_ends_the_same_each_time(
    made: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    ended = [Simulation(made[0], {}, made[1]).run() for _ in range(2)]
    assert ended[0].state in TERMINAL_EXECUTION_STATES
    assert ended[0].steps == ended[1].steps
    assert all(one.has_ended for one in ended[0].steps.values())


ASKING = """
name: ask
steps:
  - {id: nap, wait: 10d}
  - id: ok
    approve: {message: Go?, timeout: 1h, inputs: {keep: {type: integer, default: 7}}}
  - {id: go, run: 'rm --keep ${{ steps.ok.outputs.keep }}', if: steps.ok.outputs.approved}
outputs: {keep: "${{ steps.ok.outputs.keep }}"}
tests:
"""


@pytest.mark.parametrize(
    "test",
    [
        "expect: {outputs: {keep: 7}, steps: {nap: completed, ok: completed}}",
        "mock: {ok: {outputs: {keep: 3}}}, expect: {outputs: {keep: 3}}",
        "mock: {ok: {error: cancelled}}, expect: {state: failed, error: cancelled, steps: {go: skipped}}",
        "mock: {ok: {error: timeout}}, expect: {state: failed, error: timeout}",
        "mock: {nap: {error: expression}}, expect: {state: failed, steps: {ok: skipped}}",
    ],
)
def test_a_wait_is_over_and_an_approval_given_unless_mocked(test: str) -> None:
    text = f"{ASKING}  - {{name: t, {test}}}"
    (found,) = run_tests(compile_flow(text.encode(), "/ask.yaml"))
    assert found.passed, found


def test_a_test_makes_up_the_values_of_the_server() -> None:
    text = (
        "name: f\nsteps: [{id: a, run: 'x', if: environment.name == 'prod' && environment.n > 1}]\n"
        "tests:\n"
        "  - {name: there, environment: {name: prod, n: 2}, expect: {steps: {a: completed}}}\n"
        "  - {name: small, environment: {n: 2}, expect: {steps: {a: skipped}}}\n"
        "  - {name: nothing}\n"
    )
    there, small, nothing = run_tests(compile_flow(text.encode(), "/f.yaml"))
    assert there.passed
    assert small.passed
    assert "says nothing of environment.n" in nothing.problem
