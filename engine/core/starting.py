"""How a step starts, by its kind: at a runner, or carried out by the engine itself. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.awaiting import ask, begin_wait
from engine.core.conclude import fail_without_attempt
from engine.core.nesting import begin_group
from engine.core.prepare import MissingSecret, NeedsSandbox, attempt_spec
from engine.core.state import StepState
from engine.core.turn import StartAttempt, Turn
from engine.errors import ExpressionError


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


# the kinds that no runner sees: model.OWN_KINDS
OWN: dict[str, Callable[[Turn, StepState], None]] = {
    "wait": begin_wait, "approve": ask, "parallel": begin_group, "steps": begin_group
}  # fmt: skip
