"""The kinds of window of the feed: which one a request asks for, and whether its caller may.

Lists and trees are views, since many look at the same; a log's window is its client's own.
"""

from __future__ import annotations

from typing import Any

from engine.access.roles import Caller
from engine.errors import UsageError
from engine.server.alert_window import AlertsWindow
from engine.server.called import log_place
from engine.server.context import Context
from engine.server.gate import VIEW_EXECUTION
from engine.server.inbox_window import InboxWindow
from engine.server.list_views import ExecutionsView, FlowsView, listed
from engine.server.log_windows import LogWindow, SearchWindow
from engine.server.machine_window import GaugesWindow, MachineWindow
from engine.server.tree_view import ExecutionView, opened
from engine.server.trigger_window import TriggersWindow
from engine.server.window import ViewWindow, Window

OF_ONE = ("execution", "log", "search")


async def open_window(context: Context, request: dict[str, Any], caller: Caller) -> Window:
    """The window that a request asks for. Raises UsageError, UnknownReference, NotAllowed."""
    hidden = await context.gate.hidden(caller)
    window = await _open_window(context, request, caller, hidden)
    window.hidden = hidden
    return window


async def _open_window(
    context: Context, request: dict[str, Any], caller: Caller, hidden: frozenset[str]
) -> Window:
    kind = request.get("window")
    if kind == "executions":
        asked = listed(request)
        return ViewWindow(
            context, request, (kind, asked, hidden), lambda: ExecutionsView(context, hidden, asked)
        )
    if kind == "flows":
        return ViewWindow(context, request, (kind, hidden), lambda: FlowsView(context, hidden))
    if kind == "triggers":
        return TriggersWindow(context, request)
    if kind == "machine":
        return MachineWindow(context, request)
    if kind == "gauges":
        return GaugesWindow(context, request)
    if kind == "inbox":
        return InboxWindow(context, request)
    if kind == "alerts":
        return AlertsWindow(context, request)
    if kind in OF_ONE:
        return await _of_one(context, request, caller, hidden)
    raise UsageError(
        f"there is no window {kind!r}",
        "executions, execution, log, search, flows, triggers, machine, gauges, inbox, alerts",
    )


async def _of_one(
    context: Context, request: dict[str, Any], caller: Caller, hidden: frozenset[str]
) -> Window:
    """A window on one execution."""
    kind, ref = request["window"], request.get("ref")
    if not isinstance(ref, str):
        raise UsageError(f"a window {kind!r} needs a ref")
    ref = await context.gate.check_execution(caller, VIEW_EXECUTION, ref)
    key = context.logs.key_of(ref)
    ord_, id_ = (key, ref) if key is not None else await context.service.resolve(ref)
    if kind == "execution":
        asked = opened(request)
        return ViewWindow(
            context, request, (kind, id_, asked, hidden),
            lambda: ExecutionView(context, hidden, ord_, id_, asked),
        )  # fmt: skip
    ord_, id_, meant = await _called_log(context, request, hidden, ord_, id_)
    made = LogWindow if kind == "log" else SearchWindow
    window = made(context, meant, ord_, id_)
    window.request = request  # as it was asked for: a move begins with that
    return window


async def _called_log(
    context: Context, request: dict[str, Any], hidden: frozenset[str], ord_: int, execution_id: str
) -> tuple[int, str, dict[str, Any]]:
    """The log that a window means, where its step calls another execution."""
    step = request.get("step")
    steps = [step] if isinstance(step, str) else step
    if not isinstance(steps, list) or len(steps) != 1 or not isinstance(steps[0], str):
        return ord_, execution_id, request
    ord_, execution_id, inside = await log_place(context, ord_, execution_id, steps, hidden)
    return ord_, execution_id, {**request, "step": inside or None}
