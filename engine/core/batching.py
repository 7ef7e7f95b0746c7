"""Batch steps: gather the items, start one batch after the other, and say what they came to. Pure.

A batch step runs while its batches go. Each batch is a step of its own, `verify/17`, with attempts
and the policy of the batch step; what it could not do is told by the numbers of its items.
"""

from __future__ import annotations

from typing import Any

from engine.core.batches import make_batch
from engine.core.cancelling import fail_fast, is_unwanted
from engine.core.conclude import fail_without_attempt
from engine.core.items import TOLD_ITEMS, WAITING_LIMIT, Batches, first_of
from engine.core.names import names_of
from engine.core.nesting import consequences
from engine.core.prepare import NeedsSandbox, render, resolve, store_of
from engine.core.state import Execution, StepState
from engine.core.turn import Gather, Turn
from engine.errors import ExpressionError

# items lie on the disk while there are batches, and in memory files of the runner
SENSITIVE = (
    "a sensitive value is among them, and items are written to the disk: "
    "the step has it as a variable"
)


def begin_batches(turn: Turn, step: StepState) -> None:
    """A batch step may start: put its items aside; after a `retry` they are there."""
    if step.batches is not None:
        _start(turn, step, step.batches.total, step.batches.size)
        return
    batch = step.definition["batch"]
    names = names_of(turn.execution, step, turn.execution.environment or {}, turn.now_us)
    try:
        source = _source(turn.execution, step, batch, names)
    except NeedsSandbox as need:
        turn.ask_sandbox(step.path, need)
        return
    except ExpressionError as error:
        fail_without_attempt(turn, step, f"items: {error.message}")
        return
    values = source.get("values")
    if turn.mask is not None and turn.mask(values) != values:
        fail_without_attempt(turn, step, f"items: {SENSITIVE}", "input")
        return
    turn.execution.evaluating.add(step.path)
    store = store_of(turn.execution, step.path, turn.around)
    turn.commands.append(Gather(step.path, source, store))


def _source(
    ex: Execution, step: StepState, batch: dict[str, Any], names: dict[str, Any]
) -> dict[str, Any]:
    """Where the items are: values, or a file."""
    limits = {"text_only": batch["items_format"] == "lines", "single": batch["size"] == 1}
    if batch["file"] is not None:
        name = render(ex, step, batch["file"], names)
        return {"file": name, "format": batch["format"], **limits}
    values = resolve(ex, step, batch["items"], names)
    if not isinstance(values, list):
        kind = "an object" if isinstance(values, dict) else repr(values)[:60]
        raise ExpressionError(f"{batch['items']} is {kind}, and no list")
    return {"values": values, **limits}


def gathered(turn: Turn, path: str, count: int, error: str | None) -> None:
    """The items were put aside, or cannot be."""
    ex = turn.execution
    if path not in ex.evaluating:
        return
    ex.evaluating.discard(path)
    step = ex.steps[path]
    if error is not None:
        fail_without_attempt(turn, step, f"items: {error}", "input")
    else:
        _start(turn, step, count, step.definition["batch"]["size"])


def _start(turn: Turn, step: StepState, items: int, size: int) -> None:
    turn.emit("batch.started", step=step.path, items=items, size=size)


def next_batch(turn: Turn, step: StepState) -> StepState | None:
    """The batch of a running batch step that may start now: one that waited, else the next."""
    ex, batches = turn.execution, step.batches
    assert batches is not None
    batches.is_queued = False
    limit = step.definition["batch"]["max_parallel"]
    if limit is not None and batches.running >= limit:
        return None  # the end of one of them lines it up again
    while batches.back:
        waiting = ex.steps[batches.back.popleft()]
        if waiting.state in ("pending", "waiting") and not waiting.is_lined_up:
            return waiting
    if not batches.has_more or batches.open - batches.running >= WAITING_LIMIT:
        return None
    found = make_batch(ex, step, batches.upcoming)
    return ex.steps.get(found.path, found)


def end_batches(turn: Turn, step: StepState) -> None:
    """All batches have ended: what the step came to."""
    ex, batches = turn.execution, step.batches
    assert batches is not None
    unwanted = is_unwanted(ex, step)
    if batches.open or (batches.has_more and not unwanted):
        return
    failed = batches.failed_count
    outputs = {
        "items": batches.total,
        "batches": batches.count,
        "failed": failed,
        "failed_items": first_of(batches.failed, TOLD_ITEMS),
    }
    facts: dict[str, Any] = {"outputs": outputs, "error": None}
    if batches.has_more or (unwanted and failed):
        state, facts["reason"] = "cancelled", "cancelled"
    elif not failed:
        state, facts["reason"] = "completed", "" if batches.total else "there are no items"
    elif failed <= _tolerated(step.definition["batch"]["tolerate"], batches.total):
        state = "partial"
        facts["reason"] = f"{failed} of {batches.total} items failed, which is tolerated"
        facts["error"] = _error(batches, failed)
    else:
        state, facts["error"] = "failed", _error(batches, failed)
        facts |= consequences(turn, step, state, facts["error"])
    turn.emit("group.ended", step=step.path, state=state, **facts)
    if state == "failed":
        fail_fast(turn, step)


def _error(batches: Batches, failed: int) -> dict[str, Any]:
    first = batches.error or {"type": "items", "message": ""}
    words = f"{failed} of {batches.total} items failed"
    if first["message"] and first["type"] != "items":
        words += f"; the first: {first['message']}"
    return {"type": first["type"], "message": words}


def _tolerated(tolerate: dict[str, Any], total: int) -> int:
    if tolerate["share"] is not None:
        return int(total * tolerate["share"] + 1e-9)
    return int(tolerate["count"])
