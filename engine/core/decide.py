"""What follows from what happens to one execution: events to journal, commands to carry out. Pure.

Every function takes a `Turn` (the execution, the moment, what the engine can offer) and a stimulus.
Events are applied as they are decided; the shell commits them together, then carries the commands
out: decide, journal, act.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from engine.core import failure
from engine.core.advance import advance
from engine.core.awaiting import asked, decide_approval, expire
from engine.core.batches import queue, was_recalled
from engine.core.batching import gathered as items_gathered
from engine.core.calling import child_checked
from engine.core.cancelling import begin_cancel, is_unwanted
from engine.core.conclude import (
    answered_expectation,
    check_expectation,
    conclude,
    fail_without_attempt,
)
from engine.core.entering import ask_requirements, cancel_queued, check_retry, enter
from engine.core.lining import take_back
from engine.core.outcome import runs_again
from engine.core.prepare import NeedsSandbox
from engine.core.state import Execution, StepState
from engine.core.turn import Turn
from engine.errors import Conflict, ExpressionError
from engine.model import SECTIONS

CANCELLED = ("cancelled", "killed")  # an attempt with these outcomes may have no begin


def begin(turn: Turn) -> None:
    """A queued execution may run."""
    enter(turn)


def attempts_ended(turn: Turn, ends: Iterable[tuple[int, dict[str, Any]]]) -> None:
    """The runner reports ends of attempts; one that is not awaited changes nothing."""
    for number, end in ends:
        step = _step_of_attempt(turn.execution, number)
        if step is None:
            continue
        if end["outcome"] == "recalled":
            _never_began(turn, step, number, "taken back before it began")
        else:
            _conclude_end(turn, step, number, end)
    advance(turn)


def attempt_ended(turn: Turn, number: int, end: dict[str, Any]) -> None:
    """The runner reports the end of one attempt."""
    attempts_ended(turn, [(number, end)])


def _conclude_end(turn: Turn, step: StepState, number: int, end: dict[str, Any]) -> None:
    if step.is_lined_up and (end["outcome"] not in CANCELLED or end["began_at"] < end["ended_at"]):
        began_at_us = _began_at_us(turn, step, end["began_at"])
        began = {"began_at_us": began_at_us}
    else:
        began_at_us, began = step.started_at_us or 0, {}
    facts = {
        "number": number,
        "end": end,
        "ended_at_us": max(began_at_us, min(turn.now_us, round(end["ended_at"] * 1e6))),
        "duration_ms": round(end["wall_s"] * 1000),
    }
    state, error = failure.judge(end, step.definition["timeout_s"])
    if state == "completed" and step.definition["expect"]:
        try:
            state, error = check_expectation(turn, step, end)
        except NeedsSandbox as need:
            if began:
                _begin_lined_up(turn, step, number, end["began_at"])
            turn.emit("attempt.checking", step=step.path, **facts)
            turn.ask_sandbox(step.path, need)
            return
    conclude(turn, step, state, error, **facts, **began)


def _began_at_us(turn: Turn, step: StepState, began_at: float) -> int:
    """When an attempt that was lined up began: not before it was in line, and not in the future."""
    return max(step.lined_up_at_us or 0, min(turn.now_us, round(began_at * 1e6)))


def attempt_began(turn: Turn, number: int, began_at: float) -> None:
    """The runner reports that an attempt runs; of one that was started at once that is known."""
    step = turn.execution.by_number.get(number)
    if step is not None and step.is_lined_up:
        _begin_lined_up(turn, step, number, began_at)


def _begin_lined_up(turn: Turn, step: StepState, number: int, began_at: float) -> None:
    began_at_us = _began_at_us(turn, step, began_at)
    turn.emit("attempt.began", step=step.path, number=number, began_at_us=began_at_us)


def attempt_interrupted(turn: Turn, number: int, log_bytes: int = 0) -> None:
    """The runner of an attempt is dead and left no end: the outcome is unknown."""
    step = _step_of_attempt(turn.execution, number)
    if step is None:
        return
    if step.is_lined_up:  # as far as anybody knows it has begun
        _begin_lined_up(turn, step, number, turn.now_us / 1e6)
    error, end = dict(failure.INTERRUPTED), {"log_bytes": log_bytes}
    conclude(turn, step, "interrupted", error, number=number, end=end)
    advance(turn)


def attempt_never_started(turn: Turn, number: int) -> None:
    """The runner died before it began the attempt: it had no effect and is simply started again."""
    step = _step_of_attempt(turn.execution, number)
    if step is None:
        return
    _never_began(turn, step, number, "the runner ended before it began this attempt")
    due(turn)


def _never_began(turn: Turn, step: StepState, number: int, reason: str) -> None:
    """An attempt had no effect: its step waits for its start again, unless nothing may start."""
    ex = turn.execution
    if step.is_lined_up:
        turn.emit("attempt.recalled", step=step.path, number=number, reason=reason)
        if is_unwanted(ex, step):
            turn.emit("step.ended", step=step.path, state="cancelled", reason=ex.cancelling)
    else:
        facts = {"retry_at_us": turn.now_us, "uncounted": True, "reason": reason}
        conclude(turn, step, "waiting", None, number=number, **facts)


def due(turn: Turn) -> None:
    """A timer may have come due: a retry's delay or the flow's timeout."""
    ex = turn.execution
    if ex.has_ended:
        return
    limit_us = flow_deadline_us(ex)
    if limit_us is not None and turn.now_us >= limit_us and not ex.cancelling:
        cancel(
            turn,
            "timeout",
            f"ran longer than the flow's timeout of {ex.definition['timeout_s']:g} s",
        )
        return
    for path in sorted(ex.unchecked - ex.evaluating):  # an earlier engine has asked
        _check_again(turn, ex.steps[path])
    for path in sorted(ex.delayed):
        if (ex.steps[path].retry_at_us or 0) <= turn.now_us:
            ex.delayed.discard(path)
            ex.line_up(ex.steps[path])
    if ex.timed:
        expire(turn)
    if ex.requirements_open and not ex.cancelling:  # the engine that asked may be gone
        ask_requirements(turn)
    advance(turn)


def offered(turn: Turn, paths: list[str]) -> None:
    """There may be room in the pools that these steps wait for."""
    ex = turn.execution
    for path in paths:
        if path in ex.pooled:
            ex.pooled.discard(path)
            ex.ready.append(path)
    advance(turn)


def evaluated(turn: Turn, path: str, text: str, value: Any, error: str | None) -> None:
    """The sandbox has answered for a step."""
    ex = turn.execution
    if path in ex.unchecked and text == ex.steps[path].definition["expect"]:
        ex.evaluating.discard(path)
        _checked(turn, ex.steps[path], value, error)
        return
    if path not in ex.evaluating:
        return
    ex.evaluating.discard(path)
    if path == "":  # the flow's outputs
        ex.evaluated[path, text] = value if error is None else ExpressionError(error)
    elif error is not None:
        fail_without_attempt(turn, ex.steps[path], error)
    else:
        ex.evaluated[path, text] = value
        step = ex.steps[path]
        if step.state == "pending":
            ex.candidates.append(path)
        else:  # judged before
            ex.line_up(step)
    advance(turn)


def approval(
    turn: Turn, path: str | None, approved: bool, by: str, comment: str, given: dict[str, Any]
) -> None:
    """A person approves or rejects; `given` are the checked inputs of the form."""
    decide_approval(turn, asked(turn.execution, path), approved, by, comment, given)
    advance(turn)


def _checked(turn: Turn, step: StepState, value: Any, error: str | None) -> None:
    """Whether the outputs of an ended attempt are as expected has become known."""
    facts = {k: v for k, v in (step.unchecked or {}).items() if k != "step"}
    state, found = answered_expectation(turn, step, facts["end"], value, error)
    _conclude_checked(turn, step, state, found, facts)
    advance(turn)


def _conclude_checked(
    turn: Turn, step: StepState, state: str, error: dict[str, Any] | None, facts: dict[str, Any]
) -> None:
    if step.child is not None:
        child_checked(turn, step, error)
    else:
        conclude(turn, step, state, error, **facts)


def _check_again(turn: Turn, step: StepState) -> None:
    facts = {k: v for k, v in (step.unchecked or {}).items() if k != "step"}
    try:
        state, error = check_expectation(turn, step, facts["end"])
    except NeedsSandbox as need:
        turn.ask_sandbox(step.path, need)
    else:  # this version finds it light
        _conclude_checked(turn, step, state, error, facts)


def gathered(turn: Turn, path: str, count: int, error: str | None) -> None:
    """The items of a batch step were put aside, or cannot be."""
    items_gathered(turn, path, count, error)
    advance(turn)


def cancel(turn: Turn, mode: str, reason: str = "", actor: str = "") -> None:
    """End the execution early: `mode` is cancel, kill or timeout.

    Steps that have not started are cancelled at once, running ones when their processes are gone.
    """
    ex = turn.execution
    if ex.has_ended:
        raise Conflict(f"{ex.flow}#{ex.number} has already ended: {ex.state}")
    if ex.state == "queued" and ex.group_since_us is not None:
        cancel_queued(turn, mode, reason, actor)
        return
    begin_cancel(turn, mode, reason, actor)
    advance(turn)


def pause(turn: Turn, actor: str = "") -> None:
    """No new step starts; running ones finish."""
    if turn.execution.state != "running":
        raise Conflict(
            f"only a running execution can be paused; this one is {turn.execution.state}"
        )
    turn.emit("execution.paused", actor=actor)
    take_back(turn)


def continue_(turn: Turn, actor: str = "") -> None:
    """A paused execution goes on."""
    if turn.execution.state != "paused":
        raise Conflict(f"only a paused execution can continue; this one is {turn.execution.state}")
    turn.emit("execution.continued", actor=actor)
    due(turn)


def note_masked(turn: Turn, sealed: str) -> None:
    """A step has said what else is secret; it is sealed already."""
    turn.emit("execution.masked", sealed=sealed)


def set_debug(turn: Turn, on: bool, actor: str = "") -> None:
    """Debug mode of this one execution, from its next step on."""
    if turn.execution.has_ended:
        raise Conflict("this execution has ended; rerun it with --debug")
    if turn.execution.debug != on:
        turn.emit("execution.debug", on=on, actor=actor)


def retry_execution(turn: Turn, actor: str = "", reason: str = "") -> None:
    """Run again what did not succeed: the same execution, its next attempt."""
    ex = turn.execution
    if ex.held and not ex.has_ended:
        for path in sorted(ex.held):
            turn.emit("step.released", step=path, again=True, actor=actor)
        advance(turn)
        return
    if ex.state not in ("failed", "partial", "cancelled"):
        raise Conflict(
            f"only a failed, partial or cancelled execution can be retried; this one is {ex.state}",
            "use rerun for a new execution" if ex.has_ended else "",
        )
    check_retry(turn)
    paths = runs_again(ex)
    turn.emit("execution.retried", attempt=ex.attempt + 1, steps=paths, actor=actor, reason=reason)
    begin(turn)


def flow_deadline_us(ex: Execution) -> int | None:
    """When the flow's timeout strikes; None without one, or while paused."""
    timeout_s = ex.definition["timeout_s"]
    started_at_us = ex.attempt_started_at_us
    if timeout_s is None or started_at_us is None or ex.state != "running":
        return None
    return int(started_at_us + ex.paused_us + timeout_s * 1_000_000)


def next_due_us(ex: Execution) -> int | None:
    """When `due` should be called next for this execution."""
    moments = [ex.steps[path].retry_at_us or 0 for path in ex.delayed]
    moments += [ex.steps[path].until_us or 0 for path in ex.timed]
    deadline = flow_deadline_us(ex)
    if deadline is not None and not ex.cancelling:
        moments.append(deadline)
    return min(moments, default=None)


def rebuild_queues(ex: Execution) -> None:
    """After a replay: find again which steps wait to be judged."""
    if ex.section < 0 or ex.has_ended:
        return
    steps = ex.section_steps(SECTIONS[ex.section])
    ex.ready = deque()
    waiting = [
        step
        for step in steps
        if step.state == "waiting" and step.awaited is None and not step.is_lined_up
    ]
    ex.delayed = {step.path for step in waiting if step.pool_wait is None}
    ex.pooled = {step.path for step in waiting if step.pool_wait is not None}
    ex.candidates = deque(
        step.path
        for step in steps
        if step.state == "pending" and not step.unmet and not step.is_lined_up
    )
    ex.closing = deque(step.path for step in steps if step.path in ex.children)
    for step in steps:
        if step.batches is not None and step.state == "running":
            step.batches.is_queued = False
            step.batches.back = deque(one.path for one in steps if was_recalled(step, one))
            queue(ex, step)


def _step_of_attempt(ex: Execution, number: int) -> StepState | None:
    """The step whose newest attempt has this number, if it runs or is lined up."""
    step = ex.by_number.get(number)
    if step is None or step.unchecked is not None:
        return None
    return step if step.state == "running" or step.is_lined_up else None
