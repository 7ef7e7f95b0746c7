"""What holds an execution up, for who follows it: answered as soon as that is another thing.

The execution without its steps, but for those that ask somebody. `hold` names what it is, so that
the next question can say what is known already.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.core.state import Execution
from engine.journal.batch import with_times
from engine.model import Event
from engine.server.app import Json
from engine.server.context import Context
from engine.server.routes import context_of, unless_gone

SHOWN = ("id", "flow", "number", "state", "waiting_for")


async def hold(request: Request) -> Response:
    """What holds it up now; with `unless`, once that is something else, or it has ended."""
    context, unless = context_of(request), request.query_params.get("unless")
    ord_, execution_id = await context.service.resolve(request.path_params["ref"])
    if unless is not None and _now(context, execution_id) == unless:
        await _until_other(request, context, execution_id, unless)
    live = context.service.scheduler.live.get(execution_id)
    if live is not None:
        return Json(_of_live(context, live))
    found = (await context.service.reader(lambda history: history.rows([ord_])))[0]
    return Json({**{key: found[key] for key in SHOWN}, "hold": "", "steps": []})


def _of_live(context: Context, live: Execution) -> dict[str, Any]:
    """From memory, and not by all of its steps: there may be 10,000."""
    asking = (live.steps[path] for path in sorted(live.asking))
    return {
        "id": live.id, "flow": live.flow, "number": live.number, "state": live.state,
        "waiting_for": context.service.explained(live, with_times(live.waiting_for)),
        "hold": held_by(live) or "",
        "steps": [{"path": s.path, "waiting_for": with_times(s.awaited)} for s in asking],
    }  # fmt: skip


async def _until_other(request: Request, context: Context, id_: str, unless: str) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def changed(execution: Execution, events: list[Event]) -> None:
        if execution.id == id_ and not future.done() and held_by(execution) != unless:
            future.set_result(None)

    observers = context.service.scheduler.observers
    observers.append(changed)
    try:
        await unless_gone(request, future)
    finally:
        observers.remove(changed)


def _now(context: Context, execution_id: str) -> str | None:
    live = context.service.scheduler.live.get(execution_id)
    return held_by(live) if live is not None else None


def held_by(execution: Execution) -> str | None:
    """A name for what holds it up, empty where nothing does; None once it has ended."""
    if execution.has_ended:
        return None
    if execution.state == "paused":
        return "paused"
    waiting: dict[str, Any] | None = execution.waiting_for
    words: list[str] = []
    while waiting:
        words += [str(waiting["kind"]), str(waiting.get("step") or "")]
        waiting = waiting.get("waiting_for")
    return " ".join(words)
