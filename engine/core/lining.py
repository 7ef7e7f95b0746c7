"""Attempts that wait in the runner itself, so that a place freed there is taken at once. Pure.

Only for an execution that fills its own `max_parallel` with short steps: there the way from a place
that is free to the engine and back would cost more than the step. An attempt that is lined up is
journaled like any other; its step goes on being `pending` until it has begun, and the runner begins
it only when fewer than `max_parallel` attempts of its execution run. Whatever must be decided anew
before a step starts (a pause, a cancel) takes it back out of the line.
"""

from __future__ import annotations

from engine.core.ledger import max_parallel
from engine.core.state import Execution, StepState
from engine.core.turn import CancelAttempt, Turn
from engine.model import OWN_KINDS

DEPTH = 32  # attempts of one execution in line, at the most


def places(ex: Execution) -> int:
    """How many steps of an execution run, also where that was not told yet.

    As long as somebody is in line, every place that gets free is taken by the next one.
    """
    return min(ex.running + ex.lined, max_parallel(ex)) if ex.lined else ex.running


def room_in_line(turn: Turn) -> int:
    """How many attempts may be lined up now; the line is filled again when half of it is gone."""
    ex = turn.execution
    if not (turn.lines and ex.is_brisk) or ex.calls or ex.debug or ex.definition["fail_fast"]:
        return 0
    room = DEPTH - ex.lined
    if room * 2 < DEPTH or any(
        step.generation != turn.around.generation for step in ex.by_number.values()
    ):
        return 0  # another runner would not know of those
    return room


def can_line_up(step: StepState) -> bool:
    """Whether only a place is missing: shared slots are held by what runs, not by what waits."""
    if step.number is not None:
        return False  # its step lines it up
    if step.is_group and (step.batches is None or step.definition["batch"]["max_parallel"]):
        return False
    return not step.definition["pools"] and step.definition["kind"] not in OWN_KINDS


def take_back(turn: Turn) -> None:
    """Nothing of this execution may begin any more; what has begun runs on."""
    for step in turn.execution.by_number.values():
        if step.is_lined_up:
            turn.commands.append(
                CancelAttempt(step.generation or "", step.attempt_number or 0, "recall", "recalled")
            )
