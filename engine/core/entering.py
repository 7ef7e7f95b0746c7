"""What must be there before the first step: a place in the group, secrets, requirements. Pure.

An execution passes three doors: its concurrency group (it is queued until it has a place), its
secrets, and what its flow requires, which the shell looks for (`CheckRequirements`). Without one of
them no step runs.
"""

from __future__ import annotations

from typing import Any

from engine.core.advance import advance
from engine.core.groups import LONGEST, Obstacle, name_of
from engine.core.names import names_of
from engine.core.prepare import Environment, NeedsSandbox, missing_words, render, resolve
from engine.core.state import Execution
from engine.core.turn import CancelOthers, CheckRequirements, Ended, Turn
from engine.errors import Conflict, ExpressionError

NOT_BEGUN = "the execution could not begin"


def enter(turn: Turn) -> None:
    """A queued execution starts, waits for its group, or ends without having begun."""
    ex = turn.execution
    concurrency = ex.definition.get("concurrency")
    if concurrency is None:
        turn.emit("execution.started")
    elif (group := _place_in_group(turn, concurrency)) is not None:
        turn.emit("execution.started", group=group)
    else:
        return
    if ex.requirements_open:
        ask_requirements(turn)
    elif missing := turn.around.missing_secrets(ex):
        what, hint = missing_words(missing)
        refuse(turn, "input", f"{what} ({hint})")
    else:
        advance(turn)


# -- the group --


def _place_in_group(turn: Turn, concurrency: dict[str, Any]) -> str | None:
    """The group that lets an execution start; None where it waits or has ended."""
    ex = turn.execution
    try:
        group = ex.group or group_of(turn, concurrency)
    except ExpressionError as error:
        refuse(turn, "expression", f"concurrency: {error.message}")
        return None
    obstacle = turn.groups.obstacle(ex, group, concurrency["limit"])
    policy = concurrency["on_conflict"]
    if obstacle is None:
        return group
    if ex.group_since_us is not None:
        _cancel_again(turn, obstacle)
    elif policy in ("skip", "fail"):
        state = "cancelled" if policy == "skip" else "failed"
        refuse(turn, "conflict", obstacle.words(), state=state)
    else:
        others = [other.id for other in obstacle.holders] if policy == "cancel_running" else []
        turn.emit(
            "execution.waiting",
            kind="group",
            group=group,
            reason=obstacle.words(),
            cancels=others,
        )
        _cancel_again(turn, obstacle)
    return None


def group_of(turn: Turn, concurrency: dict[str, Any]) -> str:
    """The name of an execution's group. Raises ExpressionError."""
    ex = turn.execution
    names = names_of(ex, None, turn.around.base_env, turn.now_us)
    try:
        group = render(ex, None, concurrency["group"], names).strip()
    except NeedsSandbox:
        raise ExpressionError("the group takes too much data to be found out") from None
    if not group or len(group) > LONGEST or not group.isprintable():
        raise ExpressionError(
            f"{group[:60]!r} cannot be a group: one line of 1 to {LONGEST} characters"
        )
    return group


def _cancel_again(turn: Turn, obstacle: Obstacle) -> None:
    """Have those cancelled that were in the way when it asked, and are still."""
    ex = turn.execution
    others = [other.id for other in obstacle.holders if other.id in ex.group_cancels]
    if others:
        reason = f"{name_of(ex)} takes the concurrency group {ex.group} over"
        turn.commands.append(CancelOthers(others, reason))


def check_retry(turn: Turn) -> None:
    """Refuse a retry that its group would end at once. Raises Conflict."""
    ex = turn.execution
    concurrency = ex.definition.get("concurrency")
    if concurrency is None or concurrency["on_conflict"] not in ("skip", "fail"):
        return
    try:
        group = ex.group or group_of(turn, concurrency)
    except ExpressionError:
        return  # the retry itself tells
    obstacle = turn.groups.obstacle(ex, group, concurrency["limit"])
    if obstacle is not None:
        raise Conflict(obstacle.words(), "wait for it, or cancel it")


def cancel_queued(turn: Turn, mode: str, reason: str, actor: str) -> None:
    """End an execution that waits for its group: nothing of it has run, and nothing does."""
    turn.emit("execution.cancelling", mode=mode, reason=reason, actor=actor)
    refuse(turn, "cancelled", reason or mode, state="cancelled")


# -- the requirements --


def ask_requirements(turn: Turn) -> None:
    """Have what the flow requires looked for; `checked` goes on."""
    ex = turn.execution
    env = Environment(ex, None, turn.around, turn.now_us)
    names = names_of(ex, None, env, turn.now_us)
    try:
        wanted = resolve_requirements(ex, names)
        path = _path_of(ex, turn)
    except ExpressionError as error:
        refuse(turn, "expression", f"requires: {error.message}")
        return
    turn.commands.append(CheckRequirements(wanted, path))


def resolve_requirements(ex: Execution, names: dict[str, Any]) -> dict[str, list[str]]:
    """`requires` with its templates resolved. Raises ExpressionError."""
    try:
        found = resolve(ex, None, ex.definition["requires"], names)
    except NeedsSandbox:
        raise ExpressionError("an expression takes too much data") from None
    return {key: [str(each) for each in values] for key, values in found.items()}


def _path_of(ex: Execution, turn: Turn) -> str:
    """The PATH of the steps, as far as the flow sets one."""
    template = ex.definition["env"].get("PATH")
    base = turn.around.env_for(ex.definition)
    if template is None:
        return base.get("PATH", "")
    try:
        return render(ex, None, template, names_of(ex, None, base, turn.now_us))
    except NeedsSandbox:
        raise ExpressionError("env PATH takes too much data") from None


def checked(turn: Turn, misses: list[str]) -> None:
    """What the flow requires has been looked for: begin, or end with all misses at once."""
    ex = turn.execution
    if not ex.requirements_open or ex.cancelling or ex.has_ended:
        return
    misses = list(misses)
    if missing := turn.around.missing_secrets(ex):
        what, hint = missing_words(missing)
        misses.append(f"{what} ({hint})")
    if misses:
        things = "1 thing is" if len(misses) == 1 else f"{len(misses)} things are"
        refuse(turn, "start_failed", f"{things} missing: " + "; ".join(misses))
        return
    turn.emit("execution.checked")
    advance(turn)


def refuse(turn: Turn, error_type: str, message: str, state: str = "failed") -> None:
    """End an execution before any of its steps."""
    ex = turn.execution
    for step in ex.steps.values():
        if step.state == "pending":
            turn.emit(
                "step.ended",
                step=step.path,
                state="skipped",
                because_of_failure=True,
                reason=NOT_BEGUN,
            )
    error = {"step": None, "type": error_type, "message": message}
    turn.emit("execution.ended", state=state, error=error, outputs={})
    turn.commands.append(Ended())
