"""Ending an execution early: what is cancelled at once, and what the runner is told. Pure."""

from __future__ import annotations

from engine.core.state import Execution, StepState
from engine.core.turn import CancelAttempt, CancelChild, Turn
from engine.model import SECTIONS


def begin_cancel(turn: Turn, mode: str, reason: str = "", actor: str = "") -> None:
    """Decide that an execution ends early; the caller advances it.

    Asked politely, it goes through its `finally` however often it is asked: only a kill does not.
    """
    ex = turn.execution
    if ex.state == "queued":
        turn.emit("execution.started")
    if ex.state == "paused":
        turn.emit("execution.continued", actor=actor)
    if ex.cancelling == "kill":
        mode = "kill"  # what was killed is not asked politely afterwards
    if mode == ex.cancelling == "cancel":
        return
    section = SECTIONS[ex.section]
    spared = mode == "cancel" and section == "finally"
    through = ex.section - 1 if spared else ex.section
    turn.emit("execution.cancelling", mode=mode, reason=reason, actor=actor, through=through)
    if spared:
        return
    for step in ex.section_steps(section):
        if step.is_at_runner:  # what is in line may have begun by now
            turn.commands.append(cancel_command(ex, step))
        elif step.state in ("pending", "waiting"):
            turn.emit("step.ended", step=step.path, state="cancelled", reason=reason or mode)
        elif step.held:
            turn.emit("step.released", step=step.path, again=False, actor=actor)
        elif step.state == "running" and step.child:
            turn.commands.append(cancel_child(ex, step, actor))
        elif step.batches is not None and step.state == "running":
            ex.closing.append(step.path)  # it may be that none of its batches runs


def cancel_command(ex: Execution, step: StepState) -> CancelAttempt:
    """What to tell the runner about a running step of an execution that is being cancelled."""
    mode = "kill" if ex.cancelling == "kill" else "term"
    reason = "killed" if mode == "kill" else "cancelled"
    return CancelAttempt(step.generation or "", step.attempt_number or 0, mode, reason)


def cancel_child(ex: Execution, step: StepState, actor: str = "") -> CancelChild:
    """What to do with the execution that a step of a cancelled one calls."""
    mode = "kill" if ex.cancelling == "kill" else "cancel"
    reason = f"{ex.flow}#{ex.number}, which calls it, is to end: {ex.cancel_reason or mode}"
    return CancelChild((step.child or {})["execution"], mode, reason, actor)


def is_unwanted(ex: Execution, step: StepState) -> bool:
    """Whether a step is to end: of a cancelled execution, but the sections after that may go on."""
    if not ex.cancelling:
        return False
    return ex.cancelling == "kill" or SECTIONS.index(step.section) <= ex.cancel_section


def fail_fast(turn: Turn, step: StepState) -> None:
    """Cancel the other branches, where the flow says so and nothing can make the failure good."""
    ex = turn.execution
    if (
        ex.definition["fail_fast"]
        and not step.handled
        and step.handling is None
        and step.number is None
        and not ex.cancelling
        and step.section == "steps"
        and not _may_be_excused(ex, step)
    ):
        begin_cancel(turn, "fail_fast", f"{step.path} failed")


def _may_be_excused(ex: Execution, step: StepState) -> bool:
    """Whether what a step is inside of may still count as met: that decides when it ends."""
    while step.parent is not None:
        outer = ex.steps[step.parent]
        if step.definition["clause"] is not None:
            return True
        if outer.definition["continue_on_error"] or outer.definition["on_error"]:
            return True
        step = outer
    return False
