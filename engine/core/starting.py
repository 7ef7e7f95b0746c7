"""How a step starts, by its kind: at a runner, or carried out by the engine itself. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.awaiting import ask, begin_wait
from engine.core.conclude import fail_without_attempt
from engine.core.names import names_of
from engine.core.nesting import begin_group
from engine.core.prepare import (
    MissingSecret,
    NeedsSandbox,
    attempt_spec,
    environment_of,
    resolve,
)
from engine.core.state import StepState
from engine.core.turn import StartAttempt, StartChild, Turn
from engine.errors import ExpressionError
from engine.ids import child_execution_id


def start(turn: Turn, step: StepState, at_most: int = 0) -> None:
    """Start a step that only its turn was missing; one that has moved on meanwhile is left.

    With `at_most`, its attempt waits in the runner until fewer of its execution run.
    """
    if step.state not in ("pending", "waiting") or step.is_lined_up:
        return
    try:
        if step.definition["kind"] in OWN:
            OWN[step.definition["kind"]](turn, step)
        else:
            start_attempt(turn, step, at_most)
    except NeedsSandbox as need:
        turn.ask_sandbox(step.path, need)
    except MissingSecret as error:
        fail_without_attempt(turn, step, str(error), "input")
    except ExpressionError as error:
        fail_without_attempt(turn, step, error.message)


def start_attempt(turn: Turn, step: StepState, at_most: int = 0) -> None:
    """Have the runner carry out the next attempt of a step."""
    spec = attempt_spec(turn.execution, step, turn.around, turn.now_us)
    turn.emit(
        "attempt.starting",
        step=step.path,
        number=spec["number"],
        try_number=step.attempts + 1,
        generation=turn.around.generation,
        **({"lined_up": True} if at_most else {}),
    )
    if turn.execution.debug:
        turn.emit("step.detail", step=step.path, number=spec["number"], detail=_detail(spec))
    if at_most:
        spec["at_most"] = at_most
    else:
        turn.free_slots -= 1
    turn.commands.append(StartAttempt(spec))


def _detail(spec: dict[str, Any]) -> dict[str, Any]:
    """What debug mode tells about an attempt; the shell masks it before it is journaled."""
    keys = ("shell", "text", "python", "http", "env", "cwd", "timeout_s")
    return {key: spec[key] for key in keys if key in spec}


def call(turn: Turn, step: StepState) -> None:
    """Have the flow started that a step calls; what it has called before is retried."""
    ex, what = turn.execution, step.definition["flow"]
    env = environment_of(ex, step, turn.around, turn.now_us)
    inputs = resolve(ex, step, what["inputs"], names_of(ex, step, env, turn.now_us))
    before = step.child
    id_ = before["execution"] if before else child_execution_id(ex.id, step.path, turn.now_us)
    attempt = before["attempt"] + 1 if before else 1
    turn.emit(
        "child.starting",
        step=step.path,
        execution=id_,
        flow=what["name"],
        attempt=attempt,
        try_number=step.attempts + 1,
    )
    turn.commands.append(StartChild(step.path, what["name"], inputs, id_, attempt))


# the kinds that no runner sees: model.OWN_KINDS
OWN: dict[str, Callable[[Turn, StepState], None]] = {
    "wait": begin_wait,
    "approve": ask,
    "flow": call,
    "parallel": begin_group,
    "steps": begin_group,
}
