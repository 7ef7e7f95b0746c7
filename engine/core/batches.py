"""How events change a batch step and its batches. Pure; called by `reduce` alone.

A batch is a step `verify/17` that exists from its first event on. What completed is forgotten soon
where there are many: it is in the journal, and how many there were is counted.
"""

from __future__ import annotations

from typing import Any

from engine.core.items import KEPT, LEAVING, Batches, Ranges
from engine.core.state import Execution, StepState


def make_batch(ex: Execution, outer: StepState, number: int) -> StepState:
    """A batch that has not begun; nothing knows it yet."""
    assert outer.batches is not None
    attempts, log_bytes = outer.batches.tried.get(number, (0, 0))
    return StepState(
        path=f"{outer.path}/{number}",
        index=outer.batches.base + number,
        section=outer.section,
        definition=outer.definition,
        unmet=1,  # it is never judged: its step was
        parent=outer.path,
        is_nested=outer.is_nested,
        number=number,
        attempts=attempts,
        usage={"log_bytes": log_bytes},
    )


def started(ex: Execution, outer: StepState, data: dict[str, Any]) -> None:
    """The items are known: the batches may begin."""
    if outer.batches is None:
        outer.batches = Batches(data["items"], data["size"], ex.next_position)
        ex.next_position += outer.batches.count
    queue(ex, outer)


def queue(ex: Execution, outer: StepState) -> None:
    """Put a batch step into the line, if there is more of it; else see whether it has ended."""
    batches = outer.batches
    assert batches is not None
    is_over = not (batches.has_more or batches.back)
    if not batches.open and (is_over or ex.cancelling):
        ex.closing.append(outer.path)
    if not is_over and not batches.is_queued:
        batches.is_queued = True
        ex.ready.append(outer.path)


def begun(ex: Execution, path: str) -> StepState:
    """The batch that an event speaks of; one that begins is known from now on."""
    step = ex.steps.get(path)
    outer = ex.steps[path.rpartition("/")[0]]
    batches = outer.batches
    assert batches is not None
    number = int(path.rpartition("/")[2])
    if step is not None and number not in batches.again:
        return step  # it was taken back out of the line
    if number in batches.again:
        batches.again.remove(number)
    else:
        assert number == batches.next, "batches begin in their order"
        batches.next += 1
    batches.open += 1
    if step is None:
        step = ex.steps[path] = make_batch(ex, outer, number)
    return step


def was_recalled(outer: StepState, step: StepState) -> bool:
    """Whether a batch has begun to begin, and was taken back out of the line."""
    if step.parent != outer.path or step.number is None or outer.batches is None:
        return False
    if step.state != "pending" or step.is_lined_up:
        return False
    return step.number not in outer.batches.again


def moved(ex: Execution, step: StepState, before: str, after: str) -> None:
    """A batch runs, or does not any more."""
    batches = ex.steps[step.parent or ""].batches
    assert batches is not None
    batches.running += (after == "running") - (before == "running")


def left(ex: Execution, step: StepState, ranges: Ranges | None) -> None:
    """An attempt has left these items undone; None where the event does not say."""
    batches = ex.steps[step.parent or ""].batches
    assert batches is not None
    assert step.number is not None
    if ranges:
        batches.part[step.number] = ranges


def settled(ex: Execution, step: StepState) -> None:
    """A batch has ended."""
    outer = ex.steps[step.parent or ""]
    batches = outer.batches
    assert batches is not None
    assert step.number is not None
    if step.state != "completed":
        batches.failed[step.number] = batches.items_of(step.number)
        batches.error = batches.error or step.error
        batches.tried[step.number] = (step.attempts, step.usage.get("log_bytes", 0))
    batches.part.pop(step.number, None)
    batches.open -= 1
    batches.ended += 1
    if batches.count > KEPT:
        _let_go(ex, batches, step)
    queue(ex, outer)


def _let_go(ex: Execution, batches: Batches, step: StepState) -> None:
    """Keep what went wrong first; the others leave memory after the present turn."""
    if step.state != "completed" and batches.kept < KEPT:
        batches.kept += 1
        return
    batches.leaving.append(step.path)
    while len(batches.leaving) > LEAVING:
        ex.steps.pop(batches.leaving.popleft(), None)


def released(ex: Execution, step: StepState) -> None:
    """A batch that was held begins once more."""
    outer = ex.steps[step.parent or ""]
    batches = outer.batches
    assert batches is not None
    assert step.number is not None
    batches.again.appendleft(step.number)
    batches.open -= 1
    batches.is_queued = False
    queue(ex, outer)


def start_over(ex: Execution, outer: StepState) -> None:
    """By the verb `retry`: what failed is to be done again."""
    batches = outer.batches
    assert batches is not None
    while batches.leaving:
        ex.steps.pop(batches.leaving.popleft(), None)
    anew = outer.section != "steps"  # later sections run as a whole again
    for number in range(batches.next) if anew else batches.failed:
        ex.steps.pop(f"{outer.path}/{number}", None)
    if anew:
        outer.batches = None
        return
    batches.kept = 0
    batches.start_over()
