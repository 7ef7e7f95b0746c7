"""What follows from what happens to one execution: events to journal and commands to carry out. Pure.

Every function takes a `Turn` (the execution, the moment, what the engine can offer) and a stimulus.
Events are applied as they are decided; the shell commits them together, then carries the commands
out: decide, journal, act.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.core import failure, retry
from engine.core.names import names_of
from engine.core.prepare import NeedsSandbox, Surroundings, attempt_spec, evaluate, resolve
from engine.core.reduce import apply
from engine.core.state import Execution, StepState
from engine.errors import Conflict, ExpressionError
from engine.model import SECTIONS, Event

DEFAULT_MAX_PARALLEL = 32


class StartAttempt(NamedTuple):
    """Ask the runner for an attempt."""

    spec: dict[str, Any]


class CancelAttempt(NamedTuple):
    """Ask the runner to end an attempt: `mode` is term or kill."""

    generation: str
    attempt_number: int
    mode: str
    reason: str


class Evaluate(NamedTuple):
    """Ask the sandbox for the value of a heavy expression."""

    step: str
    text: str
    names: dict[str, Any]


class Ended(NamedTuple):
    """The execution has ended: release what it holds."""


Command = StartAttempt | CancelAttempt | Evaluate | Ended


@dataclass(slots=True)
class Turn:
    """One decision in the making: `free_slots` is how many steps the engine lets start now."""

    execution: Execution
    now_us: int
    around: Surroundings
    free_slots: int = 1 << 30
    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    starved: bool = False  # steps are ready, and no slot was free

    def emit(self, type_: str, **data: Any) -> None:
        """Decide an event: it counts at once, and is journaled with the rest of the turn."""
        event = Event(0, self.execution.id, self.now_us, type_, data)
        apply(self.execution, event)
        self.events.append(event)


def begin(turn: Turn) -> None:
    """A queued execution may run."""
    turn.emit("execution.started")
    advance(turn)


def attempt_ended(turn: Turn, number: int, end: dict[str, Any]) -> None:
    """The runner reports the end of an attempt; one that is not awaited changes nothing."""
    step = _step_of_attempt(turn.execution, number)
    if step is None:
        return
    state, error = failure.judge(end, step.definition["timeout_s"])
    if state == "completed" and step.definition["expect"]:
        state, error = _check_expectation(turn, step, end)
    ended_at_us = max(step.started_at_us or 0, min(turn.now_us, round(end["ended_at"] * 1e6)))
    _conclude(
        turn,
        step,
        state,
        error,
        number=number,
        end=end,
        ended_at_us=ended_at_us,
        duration_ms=round(end["wall_s"] * 1000),
    )
    advance(turn)


def attempt_interrupted(turn: Turn, number: int) -> None:
    """The runner of an attempt is dead and left no end: the outcome is unknown."""
    step = _step_of_attempt(turn.execution, number)
    if step is None:
        return
    _conclude(turn, step, "interrupted", dict(failure.INTERRUPTED), number=number)
    advance(turn)


def attempt_never_started(turn: Turn, number: int) -> None:
    """The runner died before it began the attempt: it had no effect and is simply started again."""
    step = _step_of_attempt(turn.execution, number)
    if step is None:
        return
    _conclude(
        turn,
        step,
        "waiting",
        None,
        number=number,
        retry_at_us=turn.now_us,
        uncounted=True,
        reason="the runner ended before it began this attempt",
    )
    due(turn)


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
    for path in sorted(ex.delayed):
        if (ex.steps[path].retry_at_us or 0) <= turn.now_us:
            ex.delayed.discard(path)
            ex.ready.append(path)
    advance(turn)


def evaluated(turn: Turn, path: str, text: str, value: Any, error: str | None) -> None:
    """The sandbox has answered for a step."""
    ex = turn.execution
    if path not in ex.evaluating:
        return
    ex.evaluating.discard(path)
    if error is not None:
        _fail_without_attempt(turn, ex.steps[path], error)
    else:
        ex.evaluated[path, text] = value
        ex.candidates.append(path)
    advance(turn)


def cancel(turn: Turn, mode: str, reason: str = "", actor: str = "") -> None:
    """End the execution early: `mode` is cancel, kill, timeout or fail_fast.

    Steps that have not started are cancelled at once, running ones when their processes are gone.
    """
    ex = turn.execution
    if ex.has_ended:
        raise Conflict(f"{ex.flow}#{ex.number} has already ended: {ex.state}")
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
        elif step.state == "running":
            turn.commands.append(cancel_command(ex, step))
    advance(turn)


def cancel_command(ex: Execution, step: StepState) -> CancelAttempt:
    """What to tell the runner about a running step of an execution that is being cancelled."""
    mode = "kill" if ex.cancelling == "kill" else "term"
    reason = "killed" if mode == "kill" else "cancelled"
    return CancelAttempt(step.generation or "", step.attempt_number or 0, mode, reason)


def pause(turn: Turn, actor: str = "") -> None:
    """No new step starts; running ones finish."""
    if turn.execution.state != "running":
        raise Conflict(
            f"only a running execution can be paused; this one is {turn.execution.state}"
        )
    turn.emit("execution.paused", actor=actor)


def continue_(turn: Turn, actor: str = "") -> None:
    """A paused execution goes on."""
    if turn.execution.state != "paused":
        raise Conflict(f"only a paused execution can continue; this one is {turn.execution.state}")
    turn.emit("execution.continued", actor=actor)
    due(turn)


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
    paths = [step.path for step in ex.steps.values() if _runs_again(step)]
    turn.emit("execution.retried", attempt=ex.attempt + 1, steps=paths, actor=actor, reason=reason)
    begin(turn)


def _runs_again(step: StepState) -> bool:
    if step.section != "steps":
        return step.state != "pending"
    return step.state in ("failed", "interrupted", "cancelled") or (
        step.state == "skipped" and step.because_of_failure
    )


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
    ex.delayed = {step.path for step in steps if step.state == "waiting"}
    ex.candidates = deque(step.path for step in steps if step.state == "pending" and not step.unmet)


def advance(turn: Turn) -> None:
    """Judge, start, go to the next section or end: whatever can follow now."""
    ex = turn.execution
    while not ex.has_ended and ex.state != "queued":
        while ex.candidates:
            _judge_candidate(turn, ex.steps[ex.candidates.popleft()])
        _start_ready(turn)
        if ex.candidates:
            continue
        if ex.open_in_section or not _leave_section(turn):
            return


def _judge_candidate(turn: Turn, step: StepState) -> None:
    """All needs of a step have ended: skip it, or line it up for a slot."""
    ex, definition = turn.execution, step.definition
    if step.state != "pending" or not _may_start(ex):
        return
    unmet = next((need for need in definition["needs"] if not ex.steps[need].is_met), None)
    if unmet is not None and not definition["waits_for_failure"]:
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
    ex.ready.append(step.path)


def _condition_holds(turn: Turn, step: StepState) -> bool:
    ex, text = turn.execution, step.definition["if"]
    try:
        value = evaluate(ex, step, text, names_of(ex, step, ex.environment or {}, turn.now_us))
    except NeedsSandbox as need:
        _ask_sandbox(turn, step, need)
        return False
    except ExpressionError as error:
        _fail_without_attempt(turn, step, f"if: {error.message}")
        return False
    if not isinstance(value, bool):
        _fail_without_attempt(turn, step, f"if: {text} is {value!r}, not true or false")
        return False
    if not value:
        turn.emit("step.ended", step=step.path, state="skipped", reason=f"if: {text} is false")
    return value


def _may_start(ex: Execution) -> bool:
    """Whether steps of the present section may start: not while cancelling, but `finally` may."""
    return not ex.cancelling or SECTIONS[ex.section] != "steps"


def _start_ready(turn: Turn) -> None:
    ex = turn.execution
    limit = ex.definition["max_parallel"] or DEFAULT_MAX_PARALLEL
    while ex.ready and ex.state == "running" and ex.running < limit:
        if turn.free_slots <= 0:
            turn.starved = True
            return
        _start(turn, ex.steps[ex.ready.popleft()])


def _start(turn: Turn, step: StepState) -> None:
    ex = turn.execution
    if step.state not in ("pending", "waiting"):
        return
    try:
        spec = attempt_spec(ex, step, turn.around, turn.now_us)
    except NeedsSandbox as need:
        _ask_sandbox(turn, step, need)
        return
    except ExpressionError as error:
        _fail_without_attempt(turn, step, error.message)
        return
    turn.emit(
        "attempt.starting",
        step=step.path,
        number=spec["number"],
        try_number=step.attempts + 1,
        generation=turn.around.generation,
    )
    if ex.debug:
        turn.emit("step.detail", step=step.path, number=spec["number"], detail=_detail(spec))
    turn.free_slots -= 1
    turn.commands.append(StartAttempt(spec))


def _detail(spec: dict[str, Any]) -> dict[str, Any]:
    """What debug mode tells about an attempt; the shell masks it before it is journaled."""
    keys = ("shell", "text", "python", "env", "cwd", "timeout_s")
    return {key: spec[key] for key in keys if key in spec}


def _ask_sandbox(turn: Turn, step: StepState, need: NeedsSandbox) -> None:
    turn.execution.evaluating.add(step.path)
    turn.commands.append(Evaluate(step.path, need.text, need.names))


def _fail_without_attempt(turn: Turn, step: StepState, message: str) -> None:
    turn.emit(
        "step.ended",
        step=step.path,
        state="failed",
        error={"type": "expression", "message": message},
        handled=step.definition["continue_on_error"],
    )
    _fail_fast(turn, step)


def _check_expectation(
    turn: Turn, step: StepState, end: dict[str, Any]
) -> tuple[str, dict[str, Any] | None]:
    """`expect`: a step whose outputs are not as they should be has failed."""
    ex, text = turn.execution, step.definition["expect"]
    names = names_of(ex, step, ex.environment or {}, turn.now_us)
    names["outputs"] = end.get("outputs") or {}
    try:
        value = evaluate(ex, step, text, names)
    except NeedsSandbox:
        return "failed", {"type": "expect", "message": f"expect: {text}: too much data to check"}
    except ExpressionError as error:
        return "failed", {"type": "expect", "message": f"expect: {error.message}"}
    if value is True:
        return "completed", None
    outputs = ", ".join(f"{name} = {item!r}" for name, item in names["outputs"].items())
    return "failed", {
        "type": "expect",
        "message": f"expect: {text} is false; {outputs or 'no outputs'}",
    }


def _conclude(
    turn: Turn,
    step: StepState,
    state: str,
    error: dict[str, Any] | None,
    *,
    number: int,
    **facts: Any,
) -> None:
    """Record how an attempt ended, and whether another one follows."""
    data: dict[str, Any] = {
        "step": step.path,
        "number": number,
        "state": state,
        "error": error,
        **facts,
    }
    if state in ("failed", "interrupted") and not turn.execution.cancelling:
        data |= _after_failure(turn, step, state, error or {})
    turn.emit("attempt.ended", **data)
    if step.state in ("failed", "interrupted"):
        _fail_fast(turn, step)


def _after_failure(
    turn: Turn, step: StepState, state: str, error: dict[str, Any]
) -> dict[str, Any]:
    """What a failed attempt leads to: a later attempt, a hold, or the end of the step."""
    definition, policy = step.definition, step.definition["retry"]
    again = step.tries < policy["max_attempts"]
    if state == "interrupted":
        if definition["on_interrupt"] == "hold":
            return {"held": True, "reason": "interrupted; waits for an operator"}
        again = again and definition["on_interrupt"] == "retry"
    else:
        again = again and retry.matches(policy["on"], error["type"])
    if not again:
        return {"handled": definition["continue_on_error"] and state == "failed"}
    delay_us = retry.delay_us(policy, step.tries, f"{turn.execution.id}/{step.path}")
    return {
        "state": "waiting",
        "retry_at_us": turn.now_us + delay_us,
        "reason": f"{error['type']}: attempt {step.tries + 1} of {policy['max_attempts']} "
        f"in {delay_us / 1e6:g} s",
    }


def _fail_fast(turn: Turn, step: StepState) -> None:
    ex = turn.execution
    if (
        ex.definition["fail_fast"]
        and not step.handled
        and not ex.cancelling
        and step.section == "steps"
    ):
        cancel(turn, "fail_fast", f"{step.path} failed")


def _leave_section(turn: Turn) -> bool:
    """Go on to the next section, or end the execution; False when neither is possible now."""
    ex = turn.execution
    following = SECTIONS[ex.section + 1 :]
    if ex.cancelling == "kill":
        following = ()
    for section in following:
        if ex.definition[section]:
            if ex.state == "paused":
                return False
            turn.emit("execution.section", section=section)
            return True
    _end(turn)
    return True


def _end(turn: Turn) -> None:
    ex = turn.execution
    for step in ex.steps.values():  # what a kill left out
        if step.state in ("pending", "waiting"):
            turn.emit("step.ended", step=step.path, state="cancelled", reason=ex.cancelling)
    state, error = _outcome(ex)
    outputs: dict[str, Any] = {}
    if state in ("completed", "partial") and ex.definition["outputs"]:
        try:
            names = names_of(ex, None, ex.environment or {}, turn.now_us)
            outputs = resolve(ex, None, ex.definition["outputs"], names)
        except (ExpressionError, NeedsSandbox) as failed:
            state = "failed"
            error = {"step": None, "type": "expression", "message": f"outputs: {failed}"}
    turn.emit("execution.ended", state=state, error=error, outputs=outputs)
    turn.commands.append(Ended())


def _outcome(ex: Execution) -> tuple[str, dict[str, Any] | None]:
    """How an execution whose steps have all ended has ended, and the error that says why."""
    if ex.cancelling in ("cancel", "kill"):
        return "cancelled", {
            "step": None,
            "type": "cancelled",
            "message": ex.cancel_reason or ex.cancelling,
        }
    if ex.cancelling == "timeout":
        return "failed", {"step": None, "type": "timeout", "message": ex.cancel_reason}
    ended = sorted(ex.steps.values(), key=lambda step: step.ended_at_us or 0)
    bad = [step for step in ended if step.state in ("failed", "interrupted")]
    for step in bad:
        if not step.handled:
            return "failed", {"step": step.path, **(step.error or {"type": "any", "message": ""})}
    if bad or any(step.state == "partial" for step in ended):
        first = bad[0] if bad else None
        return "partial", {"step": first.path, **(first.error or {})} if first else None
    return "completed", None


def _step_of_attempt(ex: Execution, number: int) -> StepState | None:
    """The running step whose newest attempt has this number."""
    step = ex.by_number.get(number)
    return step if step is not None and step.state == "running" else None
