"""What steps have called, inside of their caller: the steps of that execution, and its log.

A called execution stays one of its own. Where somebody opens the step, its steps are listed below
it under paths such as `patch/apply`, each with `of`, which says whose they are; and the log of such
a path is that of the called execution. What the caller of the API may not see stays closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request

from engine.calls import MAX_DEPTH
from engine.errors import UsageError
from engine.server.context import Context
from engine.server.gate import caller_of

OPENED_LIMIT = 50  # calls of one answer that are opened
ROWS_LIMIT = 2_000  # steps that are listed inside of others
FAILED = ("failed", "interrupted")
Row = dict[str, Any]


def has_failed(step: Row) -> bool:
    """Whether what a step calls is worth opening by itself."""
    return step["state"] in FAILED


def wanted_calls(text: str | None) -> Callable[[Row], bool] | None:
    """Which calls a request opens: `failed`, or `all`. Raises UsageError."""
    if text is None:
        return None
    if text not in ("failed", "all"):
        raise UsageError(f"calls={text[:40]!r} opens nothing", "failed or all")
    return has_failed if text == "failed" else lambda step: True


async def with_called(
    context: Context, steps: list[Row], is_wanted: Callable[[Row], bool], hidden: frozenset[str]
) -> tuple[list[Row], set[str]]:
    """The steps with those of the wanted calls behind their callers; and the ids of the latter."""
    listed: list[Row] = []
    opened: set[str] = set()
    ahead = [(step, 0) for step in reversed(steps)]
    taken = {step["path"] for step in steps}
    added = 0
    while ahead:
        step, depth = ahead.pop()
        listed.append(step)
        child = step.get("child")
        if not child or child["flow"] in hidden or depth >= MAX_DEPTH or not is_wanted(step):
            continue
        if len(opened) >= OPENED_LIMIT or added >= ROWS_LIMIT:
            continue
        opened.add(child["execution"])
        inside = await _steps_of(context, child["execution"])
        inside = _inside(step, child, inside[: ROWS_LIMIT - added], taken)
        added += len(inside)
        ahead += [(each, depth + 1) for each in reversed(inside)]
    return listed, opened


async def _steps_of(context: Context, execution_id: str) -> list[Row]:
    ord_, id_ = await context.service.resolve(execution_id)
    steps: list[Row] = (await context.service.execution(ord_, id_))["steps"]
    return steps


def _inside(caller: Row, child: Row, steps: list[Row], taken: set[str]) -> list[Row]:
    """The steps as they are listed in the tree of their caller."""
    prefix = caller["path"]
    if any(f"{prefix}/{step['path']}" in taken for step in steps):
        prefix = f"{prefix}/{_name(child)}"  # what handles its failure has the same name
    return [
        {
            **step,
            "path": f"{prefix}/{step['path']}",
            "needs": [f"{prefix}/{need}" for need in step.get("needs", ())],
            "section": caller.get("section", "steps"),
            "of": {"execution": child["execution"], "path": step["path"]},
        }
        for step in steps
    ]


def _name(child: Row) -> str:
    return f"{child['flow']}#{child['number']}"


# -- logs --


async def log_of(request: Request, context: Context) -> tuple[int, str, QueryParams]:
    """Which log a request means, and what of it: where one step is asked for that calls another
    execution, or one inside of that, the log is that one's.
    """
    query = request.query_params
    ord_, execution_id = await context.service.resolve(request.path_params["ref"])
    steps = query.getlist("step")
    hidden = await context.gate.hidden(caller_of(request))
    ord_, execution_id, inside = await log_place(context, ord_, execution_id, steps, hidden)
    if inside != steps:
        others = [pair for pair in query.multi_items() if pair[0] != "step"]
        query = QueryParams([*others, *(("step", path) for path in inside)])
        request.state.about = execution_id  # for the gate: whose log it is, as long as it lasts
    return ord_, execution_id, query


async def log_place(
    context: Context, ord_: int, execution_id: str, steps: list[str], hidden: frozenset[str]
) -> tuple[int, str, list[str]]:
    """The execution whose log is meant by these steps of another, and the steps in it."""
    for _ in range(MAX_DEPTH):
        if len(steps) != 1:
            break
        found = await _called(context, ord_, execution_id, steps[0])
        if found is None or found[0]["flow"] in hidden:
            break
        child, rest = found
        ord_, execution_id = await context.service.resolve(child["execution"])
        steps = [rest] if rest else []
    return ord_, execution_id, steps


async def _called(
    context: Context, ord_: int, execution_id: str, path: str
) -> tuple[Row, str] | None:
    """What the step of a path, or one above it, calls; and the path within that."""
    live = context.service.scheduler.live.get(execution_id)
    if live is not None:
        called = {p: step.child for p, step in live.steps.items() if step.child}
        is_own = path in live.steps
    else:
        found = await context.service.execution(ord_, execution_id)
        called = {step["path"]: step["child"] for step in found["steps"] if step.get("child")}
        is_own = any(step["path"] == path for step in found["steps"])
    if is_own:
        child = called.get(path)
        return (child, "") if child and child["number"] else None
    above = path.rpartition("/")[0]
    while above:
        child = called.get(above)
        if child and child["number"]:
            return child, path[len(above) + 1 :].removeprefix(f"{_name(child)}/")
        above = above.rpartition("/")[0]
    return None
