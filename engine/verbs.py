"""The verbs: what can be done to an execution that is there.

Called by the API's routes. Everything that changes something is journaled before it is answered.
"""

from __future__ import annotations

from typing import Any

from engine.core import decide
from engine.core.state import Execution
from engine.errors import Conflict, UnknownReference, UsageError
from engine.journal.history import History
from engine.model import TERMINAL_EXECUTION_STATES
from engine.recovery import restore
from engine.rerun import rerun
from engine.service import Service

Row = dict[str, Any]


async def act(
    service: Service,
    reference: str,
    verb: str,
    request: Row,
    actor: str,
    key: str | None = None,
) -> Row:
    """Carry out a verb on an execution; the answer comes when it is durable.

    The same key gives the same rerun. Raises what is in the verb's way.
    """
    if verb == "rerun":
        return await rerun(service, reference, request, actor, key)
    ord_, row = await service.reader(lambda history: _look(history, reference))
    execution = service.scheduler.live.get(row["id"])
    was_over = execution is None
    if execution is None:
        if verb != "retry":
            raise already_ended(row)
        execution = await _revive(service, ord_)
    mask = service.scheduler.mask_of(execution)
    reason = request.get("reason") or ""
    reason = mask(reason) if mask else reason
    try:
        _take(service, execution, verb, request, actor, reason)
    except Exception:
        if was_over:  # brought back for this alone
            service.scheduler.release(execution)
        raise
    service.journal.add_audit(service.now_us(), actor, verb, execution.id, reason)
    answer = stands(execution)
    await service.journal.durable()
    return answer


def already_ended(row: Row) -> Conflict:
    """What is said to who wants something of an execution that is over."""
    state = row["state"]  # it may have ended since it was read
    how = f": {state}" if state in TERMINAL_EXECUTION_STATES else ""
    return Conflict(f"{row['flow']}#{row['number']} has already ended{how}")


def stands(execution: Execution) -> Row:
    """How an execution stands, as verbs answer it."""
    return {name: getattr(execution, name) for name in ("id", "flow", "number", "state")}


def _look(history: History, reference: str) -> tuple[int, Row]:
    ord_ = history.find(reference)
    return ord_, history.rows([ord_])[0]


def _take(
    service: Service, execution: Execution, verb: str, request: Row, actor: str, reason: str
) -> None:
    """Let the core decide it; raises where it cannot be."""
    take = service.scheduler.take
    if verb == "retry":
        take(execution, decide.retry_execution, actor, reason)
    elif verb in ("cancel", "kill"):
        take(execution, decide.cancel, verb, reason or f"{verb} by {actor}", actor)
    elif verb == "pause":
        take(execution, decide.pause, actor)
    elif verb == "continue":
        take(execution, decide.continue_, actor)
    elif verb == "debug":
        take(execution, decide.set_debug, request.get("debug") is not False, actor)
    else:
        raise UsageError(f"there is no verb {verb!r}")


async def _revive(service: Service, ord_: int) -> Execution:
    """Bring an ended execution back into memory, so that it can be retried."""
    scheduler = service.scheduler
    await service.journal.durable()
    connection = service.journal.reader()
    try:
        execution = restore(connection, ord_, service.sensitive)
    finally:
        connection.close()
    if execution.id in scheduler.live:
        return scheduler.live[execution.id]
    if execution.id in scheduler.leaving:
        raise UnknownReference("it is too late: retention removes this execution just now")
    if execution.state == "completed":
        raise Conflict(
            "a completed execution cannot be retried",
            "use rerun for a new execution",
        )
    scheduler.adopt(execution)
    return execution
