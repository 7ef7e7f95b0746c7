"""What must be there before the first step: else the execution fails, and no step runs. Pure."""

from __future__ import annotations

from engine.core.prepare import missing_words
from engine.core.turn import Ended, Turn


def is_let_in(turn: Turn) -> bool:
    """Whether the steps may begin; an execution whose secrets are missing ends here, failed."""
    missing = turn.around.missing_secrets(turn.execution)
    if not missing:
        return True
    what, hint = missing_words(missing)
    refuse(turn, "input", f"{what} ({hint})")
    return False


def refuse(turn: Turn, error_type: str, message: str) -> None:
    """End an execution that has started, before any of its steps."""
    ex = turn.execution
    for step in ex.steps.values():
        if step.state == "pending":
            turn.emit(
                "step.ended",
                step=step.path,
                state="skipped",
                because_of_failure=True,
                reason="the execution could not begin",
            )
    error = {"step": None, "type": error_type, "message": message}
    turn.emit("execution.ended", state="failed", error=error, outputs={})
    turn.commands.append(Ended())
