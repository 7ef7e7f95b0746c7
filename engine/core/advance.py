"""What can follow now: judge steps whose needs have ended, start, go on, or end. Pure."""

from __future__ import annotations

from typing import Any

from engine import expression
from engine.core.batches import queue
from engine.core.batching import begin_batches, end_batches, next_batch
from engine.core.cancelling import is_unwanted
from engine.core.conclude import check_whole, fail_without_attempt
from engine.core.ledger import Claim, max_parallel
from engine.core.lining import can_line_up, room_in_line
from engine.core.names import names_of
from engine.core.nesting import close
from engine.core.outcome import outcome
from engine.core.prepare import Environment, NeedsSandbox, evaluate, resolve
from engine.core.starting import start
from engine.core.state import Execution, StepState
from engine.core.turn import Ended, Turn
from engine.errors import ExpressionError
from engine.model import OWN_KINDS, SECTIONS

# how an execution has to stand for a section to be taken
SUITED = {
    "on_failure": ("failed",),
    "on_success": ("completed", "partial"),
    "on_cancel": ("cancelled",),
}


def advance(turn: Turn) -> None:
    """Judge, start, go to the next section or end: whatever can follow now."""
    ex = turn.execution
    if ex.requirements_open and not ex.cancelling:
        return
    while not ex.has_ended and ex.state != "queued":
        while ex.candidates or ex.closing:
            if ex.closing:
                _close(turn, ex.steps[ex.closing.popleft()])
            else:
                _judge_candidate(turn, ex.steps[ex.candidates.popleft()])
        _start_ready(turn)
        if ex.candidates or ex.closing:
            continue
        if ex.open_in_section or not _leave_section(turn):
            return


def _close(turn: Turn, step: StepState) -> None:
    if step.batches is not None and step.state == "running":
        end_batches(turn, step)
    else:
        close(turn, step)


def _judge_candidate(turn: Turn, step: StepState) -> None:
    """All needs of a step have ended: skip it, or line it up for a slot."""
    ex, definition = turn.execution, step.definition
    if step.state != "pending" or is_unwanted(ex, step):
        return
    unmet = next((need for need in definition["needs"] if not ex.steps[need].is_met), None)
    if unmet is not None and not (definition["waits_for_failure"] or _asks_for_failure(ex, step)):
        turn.emit(
            "step.ended",
            step=step.path,
            state="skipped",
            because_of_failure=True,
            reason=f"{unmet} {ex.steps[unmet].state}",
        )
        return
    if definition["if"] and not _condition_holds(turn, step):
        return
    ex.line_up(step)


def _asks_for_failure(ex: Execution, step: StepState) -> bool:
    """Whether an `if` asks for the state of what went wrong, though it is no need of the step."""
    text = step.definition["if"]
    paths = (reference.path for reference in expression.scan(text).references) if text else ()
    asked = (ex.steps_by_id.get(str(path[1])) for path in paths
             if path[0] == "steps" and path[2:3] == ("state",))
    return any(one is not None and one.has_ended and not one.is_met for one in asked)


def _condition_holds(turn: Turn, step: StepState) -> bool:
    ex, text = turn.execution, step.definition["if"]
    try:
        env = Environment(ex, step, turn.around, turn.now_us)
        names = names_of(ex, step, env, turn.now_us)
        value = evaluate(ex, step, text, names)
    except NeedsSandbox as need:
        turn.ask_sandbox(step.path, need)
        return False
    except ExpressionError as error:
        fail_without_attempt(turn, step, f"if: {error.message}")
        return False
    if not isinstance(value, bool):
        fail_without_attempt(turn, step, f"if: {text} is {value!r}, not true or false")
        return False
    if not value or ex.debug:
        values = ", ".join(expression.values_of(text, names, masked=ex.masked))
        told = f"if: {text} is {expression.as_text(value)}{'; ' if values else ''}{values}"
        if value:
            turn.emit("step.detail", step=step.path, detail={"if": told})
        else:
            turn.emit("step.ended", step=step.path, state="skipped", reason=told)
    return bool(value)


def _start_ready(turn: Turn) -> None:
    ex = turn.execution
    while ex.at_hand and ex.state == "running":
        start(turn, ex.steps[ex.at_hand.popleft()])
    limit = max_parallel(ex)
    while ex.ready and ex.state == "running" and ex.in_hands < limit:
        if turn.free_slots <= 0 and ex.steps[ex.ready[0]].definition["kind"] not in OWN_KINDS:
            turn.starved = True
            return
        step = ex.steps[ex.ready.popleft()]
        if step.is_group or step.number is not None:
            _start_batch(turn, step)
        elif not step.definition["pools"] or _has_slots(turn, step):
            start(turn, step)
    if ex.ready and ex.state == "running" and ex.in_hands >= limit:
        room = room_in_line(turn)
        while room and ex.ready and can_line_up(ex.steps[ex.ready[0]]):
            room -= 1
            _line_up(turn, ex.steps[ex.ready.popleft()], limit)


def _line_up(turn: Turn, step: StepState, limit: int) -> None:
    """Let a step, or the next batch of one, wait in the runner for its place."""
    if not step.is_group:
        start(turn, step, at_most=limit)
        return
    batch = next_batch(turn, step) if step.state == "running" else None
    if batch is not None:
        start(turn, batch, at_most=limit)
        queue(turn.execution, step)


def _start_batch(turn: Turn, step: StepState) -> None:
    """A batch step's turn, or that of a batch that had to wait."""
    ex = turn.execution
    if step.number is not None:
        outer = ex.steps[step.parent or ""]
        assert outer.batches is not None
        outer.batches.back.append(step.path)
        queue(ex, outer)
        return
    if step.state == "pending":
        begin_batches(turn, step)
        return
    batch = next_batch(turn, step) if step.state == "running" else None
    if batch is None or (batch.definition["pools"] and not _has_slots(turn, batch)):
        return
    start(turn, batch)
    if step.state == "running":
        queue(ex, step)  # the next one stands behind whatever else waits for its turn


def _has_slots(turn: Turn, step: StepState) -> bool:
    """Whether the pools have room for a step; one that has to wait for it keeps its place."""
    ex = turn.execution
    if step.state not in ("pending", "waiting"):
        return False
    since_us = step.pool_wait[1] if step.pool_wait else turn.now_us
    obstacle = turn.pools.obstacle(Claim(ex, step, step.definition["pools"], since_us))
    if obstacle is None:
        return True
    if step.pool_wait is None:
        words = obstacle.words()
        turn.emit("step.waiting", step=step.path, reason=words, kind="pool", pool=obstacle.pool)
    else:
        ex.pooled.add(step.path)  # offered, but somebody else was faster
    return False


def _leave_section(turn: Turn) -> bool:
    """Go on to the next section, or end the execution; False when neither is possible now."""
    ex = turn.execution
    following = [name for name in SECTIONS[ex.section + 1 :] if ex.definition[name]]
    if ex.cancelling == "kill":
        following = []
    if ex.section == 0 and ex.definition.get("expect") and not _is_checked(turn):
        return False
    state, error = outcome(ex) if following else ("", None)
    fitting = [name for name in following if name == "finally" or state in SUITED[name]]
    if fitting and ex.state == "paused":
        return False
    passed = following[: following.index(fitting[0])] if fitting else following
    for section in passed:
        for step in ex.section_steps(section):
            if step.state == "pending":
                reason = f"not for an execution that is {state}"
                turn.emit("step.ended", step=step.path, state="skipped", reason=reason)
    if fitting:
        turn.emit("execution.section", section=fitting[0], error=error)
        return True
    return _end(turn)


def _is_checked(turn: Turn) -> bool:
    """Hold what the steps have come to against the flow's `expect`; False while it is evaluated."""
    ex = turn.execution
    if "" in ex.evaluating:
        return False
    if ex.unexpected is None and outcome(ex)[0] in ("completed", "partial"):
        try:
            error = check_whole(turn)
        except NeedsSandbox as need:
            turn.ask_sandbox("", need)
            return False
        if error is not None:
            turn.emit("execution.unexpected", error=error)
    return True


def _end(turn: Turn) -> bool:
    """End the execution; False where its outputs have to be waited for."""
    ex = turn.execution
    if "" in ex.evaluating:
        return False
    for step in list(ex.steps.values()):  # what a kill left out
        if step.state in ("pending", "waiting"):
            turn.emit("step.ended", step=step.path, state="cancelled", reason=ex.cancelling)
    state, error = outcome(ex)
    outputs: dict[str, Any] = {}
    if state in ("completed", "partial") and ex.definition["outputs"]:
        try:
            env = Environment(ex, None, turn.around, turn.now_us)
            names = names_of(ex, None, env, turn.now_us)
            outputs = resolve(ex, None, ex.definition["outputs"], names)
        except NeedsSandbox as need:
            turn.ask_sandbox("", need)
            return False
        except ExpressionError as failed:
            state = "failed"
            error = {"step": None, "type": "expression", "message": f"outputs: {failed}"}
    turn.emit("execution.ended", state=state, error=error, outputs=outputs)
    turn.commands.append(Ended())
    return True
