"""What each event does to an execution: the only writer of its state. Pure.

Used for live decisions and for recovery alike: a restarted engine sees what the old one saw.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from engine.core import batches, called, course, inside
from engine.core.moving import move, settle, stop_waiting
from engine.core.state import Execution, StepState
from engine.model import OWN_KINDS, SECTIONS, Event, check_execution, check_step

AWAITED = ("kind", "until_us", "message", "role")  # of the event step.waiting
BRISK_MS = 50  # what is shorter is worth a line in the runner
USAGE_KEYS = ("cpu_s", "max_rss_bytes", "read_bytes", "write_bytes", "leftovers")


def apply(execution: Execution, event: Event) -> None:
    """Change `execution` as `event` says. Raises ForbiddenTransition for an impossible event."""
    REDUCERS[event.type](execution, event.at_us, event.data)


def _started(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.state = check_execution(ex.state, "running")
    ex.started_at_us = ex.started_at_us or at_us
    ex.attempt_started_at_us = at_us
    ex.group = data.get("group", ex.group)
    ex.group_since_us = None
    ex.group_cancels = ()
    ex.requirements_open = ex.definition.get("requires") is not None
    _enter_section(ex, 0)


def _section(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.failure = data.get("error")
    _enter_section(ex, SECTIONS.index(data["section"]))


def _enter_section(ex: Execution, index: int) -> None:
    ex.section = index
    steps = ex.section_steps(SECTIONS[index])
    ex.candidates = deque(s.path for s in steps if s.state == "pending" and not s.unmet)
    ex.ready = deque()
    ex.at_hand = deque()
    ex.open_in_section = sum(not s.has_ended for s in steps if s.number is None)


def _step_of(ex: Execution, path: str) -> StepState:
    """The step that an event speaks of; a batch begins with its first event."""
    step = ex.steps.get(path)
    if step is None or (step.number is not None and step.state == "pending"):
        return batches.begun(ex, path)
    return step


def _attempt_starting(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    step = _step_of(ex, data["step"])
    step.attempt_number = data["number"]
    ex.by_number[data["number"]] = step
    ex.next_attempt_number = max(ex.next_attempt_number, data["number"] + 1)
    step.generation = data["generation"]
    if data.get("lined_up"):
        step.lined_up_at_us = at_us
        ex.lined += 1
    else:
        _begin(ex, step, at_us)


def _attempt_began(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    _begin(ex, ex.steps[data["step"]], data["began_at_us"])


def _attempt_recalled(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """An attempt that was lined up surely never began: the step is as it was before."""
    step = ex.steps[data["step"]]
    _leave_line(ex, step)
    ex.by_number.pop(data["number"], None)
    again = {*ex.ready, step.path}
    ex.ready = deque(sorted(again, key=lambda path: ex.steps[path].index))


def _leave_line(ex: Execution, step: StepState) -> None:
    if step.is_lined_up:
        step.lined_up_at_us = None
        ex.lined -= 1


def _begin(ex: Execution, step: StepState, at_us: int) -> None:
    """An attempt of a step begins now, or began at a moment in the past."""
    _leave_line(ex, step)
    step.attempts += 1
    step.tries += 1
    ex.delayed.discard(step.path)
    stop_waiting(ex, step)
    step.started_at_us = at_us
    step.ended_at_us = step.duration_ms = step.exit_code = step.signal = None
    step.retry_at_us = None
    step.error = None
    step.reason = ""
    step.outputs = {}
    move(ex, step, "running", at_us)


def _attempt_ended(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    step = ex.steps[data["step"]]
    end = data.get("end") or {}
    if data.get("began_at_us") is not None:
        _begin(ex, step, data["began_at_us"])
    _leave_line(ex, step)
    step.exit_code = end.get("exit_code")
    step.signal = end.get("signal")
    logged = step.usage.get("log_bytes", 0) + (end.get("log_bytes") or 0)
    step.usage = {key: end.get(key) for key in USAGE_KEYS}
    step.usage["log_bytes"] = logged  # of all attempts
    step.duration_ms = data.get("duration_ms")
    ex.is_brisk = step.duration_ms is not None and step.duration_ms < BRISK_MS
    step.error = data.get("error")
    step.outputs = end.get("outputs") or {}
    step.reason = data.get("reason", "")
    step.handled = step.tolerated = bool(data.get("handled"))
    step.handling = data.get("handling")
    step.held = bool(data.get("held"))
    step.retry_at_us = data.get("retry_at_us")
    step.unchecked = None
    ex.unchecked.discard(step.path)
    ended_at_us = data.get("ended_at_us", at_us)
    if step.number is not None:
        batches.left(ex, step, data.get("failed"))
    move(ex, step, data["state"], ended_at_us)
    ex.by_number.pop(data["number"], None)
    if step.held:
        ex.held.add(step.path)
    if data.get("uncounted"):
        step.tries -= 1
    if data["state"] == "waiting":
        step.ended_at_us = ended_at_us
        ex.delayed.add(step.path)


def _checking(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """An attempt has ended, and whether its outputs are as expected takes an answer."""
    ex.steps[data["step"]].unchecked = data
    ex.unchecked.add(data["step"])


def _step_ended(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """A step that ends without an attempt: skipped, cancelled, or an expression failed."""
    step = _step_of(ex, data["step"])
    step.error = data.get("error")
    step.reason = data.get("reason", "")
    if step.is_group or step.definition["kind"] in OWN_KINDS:
        step.outputs = data.get("outputs") or {}
        if step.started_at_us is not None:
            step.duration_ms = (at_us - step.started_at_us) // 1000
    step.because_of_failure = bool(data.get("because_of_failure"))
    step.handled = step.tolerated = bool(data.get("handled"))
    step.handling = data.get("handling")
    step.retry_at_us = None
    ex.delayed.discard(step.path)
    stop_waiting(ex, step)
    move(ex, step, data["state"], at_us)


def _group_started(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """A group begins: so may the steps in it."""
    step = ex.steps[data["step"]]
    step.started_at_us = at_us
    move(ex, step, "running", at_us)
    inside.open_up(ex, step, None)


def _batch_started(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """The items of a batch step are known, or what failed of them begins once more."""
    step = ex.steps[data["step"]]
    step.started_at_us = at_us
    move(ex, step, "running", at_us)
    batches.started(ex, step, data)


def _step_handled(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """The handlers of a failed step are through."""
    step = ex.steps[data["step"]]
    step.handling = None
    step.handled = data["handled"]
    step.tolerated = data["tolerated"]
    step.reason = data["reason"]
    settle(ex, step)


def _step_waiting(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """A step that could start waits: for a slot of a pool, a moment, or a person."""
    step = _step_of(ex, data["step"])
    if step.state != "waiting":
        move(ex, step, "waiting", at_us)
    step.reason = data["reason"]
    step.retry_at_us = None
    ex.delayed.discard(step.path)
    if data["kind"] == "pool":
        step.pool_wait = (data["pool"], at_us)
        ex.asked += 1
        step.pool_place = ex.asked
        ex.pooled.add(step.path)
        return
    step.started_at_us = at_us
    step.awaited = {key: data[key] for key in AWAITED if key in data}
    if data["until_us"] is not None:
        ex.timed.add(step.path)
    if data["kind"] == "approval":
        ex.asking.add(step.path)


def _step_reused(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """A step is taken over: what an earlier execution has of it counts here, too."""
    step = ex.steps[data["step"]]
    step.outputs = data.get("outputs") or {}
    step.reason = data.get("reason", "")
    step.exit_code = data.get("exit_code")
    step.usage = {"log_bytes": data.get("log_bytes", 0)}
    for number, *_ in data.get("attempts", ()):  # their logs are this execution's, too
        ex.next_attempt_number = max(ex.next_attempt_number, number + 1)
    move(ex, step, data["state"], at_us)


def _cancelling(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.cancelling = data["mode"]
    ex.cancel_reason = data.get("reason", "")
    ex.cancel_section = data.get("through", ex.section)
    if ex.cancel_section < ex.section:
        return
    ex.ready.clear()
    ex.at_hand.clear()
    ex.candidates.clear()
    ex.evaluating.clear()


def _released(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """An operator decided about a held step: it runs again, or it stays interrupted."""
    step = ex.steps[data["step"]]
    step.held = False
    ex.held.discard(step.path)
    if data["again"] and step.number is not None:
        _reset(step)
        batches.released(ex, step)
    elif data["again"]:
        _reset(step)
        ex.candidates.append(step.path)
    else:
        settle(ex, step)


def _unexpected(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.unexpected = data["error"]


def _retried(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.state = check_execution(ex.state, "queued")
    ex.attempt = data["attempt"]
    ex.unexpected = None
    ex.attempt_started_at_us = ex.ended_at_us = None
    ex.error = None
    ex.outputs = {}
    ex.cancelling = ex.cancel_reason = ""
    ex.cancel_section = -1
    ex.failure = None
    ex.paused_us = 0
    ex.delayed.clear()
    ex.pooled.clear()
    ex.closing.clear()
    ex.section = -1
    ex.group_since_us = None
    ex.evaluated.clear()
    for path in data["steps"]:
        step = ex.steps[path]
        _reset(step)
        if step.batches is not None:
            batches.start_over(ex, step)
    ex.ended = sum(step.has_ended for step in ex.steps_by_id.values())
    for step in ex.steps_by_id.values():
        step.unmet = sum(not ex.steps[need].has_ended for need in step.definition["needs"])
        step.unmet += step.parent is not None


def _reset(step: StepState) -> None:
    step.state = check_step(step.state, "pending")
    step.tries = 0
    step.error = None
    step.reason = ""
    step.because_of_failure = step.handled = step.tolerated = step.held = False
    step.handling = None
    step.open_children = 0
    step.retry_at_us = step.pool_wait = None
    step.started_at_us = step.ended_at_us = step.duration_ms = None
    step.exit_code = step.signal = None
    step.outputs = {}
    step.usage = {"log_bytes": step.usage.get("log_bytes", 0)}


REDUCERS: dict[str, Callable[[Execution, int, dict[str, Any]], None]] = {
    "execution.queued": course.remember,  # the state itself is made from this event, see `recover`
    "execution.started": _started,
    "execution.waiting": course.waiting,
    "execution.checked": course.checked,
    "execution.section": _section,
    "execution.paused": course.paused,
    "execution.continued": course.continued,
    "execution.cancelling": _cancelling,
    "execution.unexpected": _unexpected,
    "execution.ended": course.ended,
    "execution.retried": _retried,
    "execution.debug": course.debug,
    "attempt.starting": _attempt_starting,
    "attempt.checking": _checking,
    "attempt.began": _attempt_began,
    "attempt.recalled": _attempt_recalled,
    "attempt.ended": _attempt_ended,
    "child.starting": called.starting,
    "child.started": called.started,
    "child.waiting": called.waits,
    "child.checking": _checking,
    "child.ended": called.ended,
    "step.ended": _step_ended,
    "step.handled": _step_handled,
    "group.started": _group_started,
    "batch.started": _batch_started,
    "group.ended": _step_ended,
    "step.waiting": _step_waiting,
    "step.decided": course.remember,
    "step.released": _released,
    "step.reused": _step_reused,
    "step.detail": course.remember,
    "execution.masked": course.masked,
}
