"""Ending an execution early: what is cancelled at once, and what the runner is told. Pure."""

from __future__ import annotations

from engine.core.state import Execution, StepState
from engine.core.turn import CancelAttempt, Turn
from engine.model import SECTIONS


def begin_cancel(turn: Turn, mode: str, reason: str = "", actor: str = "") -> None:
    """Decide that an execution ends early; the caller advances it."""
    ex = turn.execution
    if ex.state == "queued":
        turn.emit("execution.started")
    if ex.state == "paused":
        turn.emit("execution.continued", actor=actor)
    if ex.cancelling == "kill":
        mode = "kill"  # what was killed is not asked politely afterwards
    turn.emit("execution.cancelling", mode=mode, reason=reason, actor=actor)
    section = SECTIONS[ex.section]
    for step in ex.section_steps(section):
        if step.state in ("pending", "waiting"):
            turn.emit("step.ended", step=step.path, state="cancelled", reason=reason or mode)
        elif step.held:
            turn.emit("step.released", step=step.path, again=False, actor=actor)
        elif step.is_at_runner:
            turn.commands.append(cancel_command(ex, step))


def cancel_command(ex: Execution, step: StepState) -> CancelAttempt:
    """What to tell the runner about a running step of an execution that is being cancelled."""
    mode = "kill" if ex.cancelling == "kill" else "term"
    reason = "killed" if mode == "kill" else "cancelled"
    return CancelAttempt(step.generation or "", step.attempt_number or 0, mode, reason)


def fail_fast(turn: Turn, step: StepState) -> None:
    ex = turn.execution
    if (
        ex.definition["fail_fast"]
        and not step.handled
        and not ex.cancelling
        and step.section == "steps"
    ):
        begin_cancel(turn, "fail_fast", f"{step.path} failed")
