"""The batches of a step, page by page: there may be a million."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.errors import UnknownReference, UsageError
from engine.server.app import Json
from engine.server.routes import context_of, limit_of
from engine.stepnames import named
from engine.wire import STEP_STATES

PAGE_LIMIT = 1_000


async def batches(request: Request) -> Response:
    """A page of batches in the order of their numbers, from the one after `after` on."""
    query, service = request.query_params, context_of(request).service
    ord_, execution_id = await service.resolve(request.path_params["ref"])
    path, state = query.get("step") or "", query.get("state")
    if state is not None and state not in STEP_STATES:
        raise UsageError(f"there is no state {state!r} of a step", ", ".join(STEP_STATES))
    after = query.get("after") or "-1"
    if not after.removeprefix("-").isdecimal() or len(after) > 12:
        raise UsageError("after is the number of a batch", "such as after=199")
    limit = limit_of(request, 200, PAGE_LIMIT)
    found = await service.execution(ord_, execution_id)
    batch = _batch_of(found["steps"], path)
    await service.journal.durable()
    rows = await service.reader(
        lambda history: history.batches(ord_, batch, int(after), limit, state)
    )
    last = rows[-1][0] if len(rows) == limit else None
    return Json({"batch": batch, "batches": [row for _, row in rows], "next": last})


def _batch_of(steps: list[dict[str, Any]], path: str) -> dict[str, Any]:
    path = named(path, (step["path"] for step in steps))
    for step in steps:
        if step["path"] == path and step.get("batch"):
            found: dict[str, Any] = step["batch"]
            return found
    known = [step["path"] for step in steps if step.get("batch")]
    hint = f"steps with batches: {', '.join(known[:8])}" if known else "no step of it has begun any"
    raise UnknownReference(f"{path!r} is no step with batches", hint)
