"""The kinds of window of the feed: what each shows, and what makes it dirty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.access.roles import Caller
from engine.catalog import all_flows
from engine.clock import Clock
from engine.core.state import Execution
from engine.errors import UsageError
from engine.filters import parse_filter
from engine.journal.history import History
from engine.journal.sorting import Order, order_from, sorted_page, sorted_rows
from engine.model import Event
from engine.server.called import log_place, with_called
from engine.server.context import Context
from engine.server.gate import VIEW_EXECUTION
from engine.server.inbox_window import InboxWindow
from engine.server.log_windows import LogWindow, SearchWindow
from engine.server.machine_window import MachineWindow
from engine.server.trigger_window import TriggersWindow
from engine.server.window import ROWS_LIMIT, Window, whole_number

TOTAL_LIMIT = 10_000
WARNED_LIMIT = 2_000  # executions that a filter by warnings looks at
WARNED_PACE_S = 1.0
GLANCE_BYTES = 512 << 10  # of a log are counted before its execution is shown
SORTED_PACE_S = 0.5  # where a frame may sort thousands
GROWING_S = 5.0  # what runs becomes longer without an event


def _differences(content: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """The entries of `content` that differ from what was sent, remembered as sent."""
    changed = {
        key: value for key, value in content.items() if key not in sent or sent[key] != value
    }
    sent.update(changed)
    return changed


class ExecutionsWindow(Window):
    """Some rows of the filtered list of executions, with its total and the counts by state."""

    def __init__(self, context: Context, request: dict[str, Any]) -> None:
        super().__init__(context, request)
        line = request.get("filter") or ""
        if not isinstance(line, str) or len(line) > 1000:
            raise UsageError("a filter is a text of at most 1,000 characters")
        self._over = parse_filter(line, 0).warnings_over
        if self._over is not None:
            self.pace_s = WARNED_PACE_S
        self._order = order_from(request.get("sort", "started"), request.get("reverse", False))
        if self._order != Order():
            self.pace_s = max(self.pace_s, SORTED_PACE_S)
        self._line = line
        self._offset = whole_number(request, "offset", 0, 1 << 40)
        self._limit = max(1, whole_number(request, "limit", 60, ROWS_LIMIT))
        self._rows: dict[str, dict[str, Any]] = {}
        self._rest: dict[str, Any] = {}
        context.warned.observers.append(self._counted)

    def changed(self, execution: Execution, events: list[Event]) -> None:
        self.is_dirty = True

    def removed(self) -> None:
        self.is_dirty = True

    def close(self) -> None:
        self.context.warned.observers.remove(self._counted)

    def _counted(self) -> None:
        self.is_dirty = True
        self.wake()

    async def content(self) -> dict[str, Any] | None:
        if self._over is None:
            rows, rest = await self.context.service.reader(self._ask)
        else:
            rows, rest = await self._ask_warned(self._over)
        live = self.context.service.scheduler.live
        fresh = {row["id"]: self._overlay(row, live) for row in rows}
        await self.context.outlook.add_to_rows(rows)
        looks = [self.context.outlook.next_look_s(fresh)]
        if self._order.by == "duration" and any(row["ended_at"] is None for row in rows):
            looks.append(GROWING_S)
        self.look_again_in(min((s for s in looks if s is not None), default=None))
        changed = [row for id_, row in fresh.items() if self._rows.get(id_) != row]
        self._rows = fresh
        rest["order"] = list(fresh)
        rest = _differences(rest, self._rest)
        if self.version and not changed and not rest:
            return None
        return {"rows": changed, **rest}

    async def _ask_warned(self, over: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Those among the newest that have more warnings, as far as these are counted."""
        service, warned = self.context.service, self.context.warned
        now_us = Clock().now_us()
        wanted = replace(parse_filter(self._line, now_us), hidden=self.hidden)
        found: list[dict[str, Any]] = []
        looked, waiting, before = 0, False, None
        while looked < WARNED_LIMIT:
            page = await service.page(wanted, before, ROWS_LIMIT)
            for row in page.rows:
                if (warned.of(row) or 0) > over:
                    found.append(row)
                waiting = waiting or warned.is_waiting(row)
            looked, before = looked + len(page.rows), page.next
            if before is None:
                break
        counts = await service.reader(lambda history: history.counts(self.hidden))
        rest = {
            "total": len(found),
            "total_exact": before is None and not waiting,
            "counts": counts,
            "offset": self._offset,
            "of_newest": None if before is None else looked,
        }
        found = sorted_rows(found, self._order, now_us)
        return found[self._offset : self._offset + self._limit], rest

    def _ask(self, history: History) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        now_us = Clock().now_us()
        wanted = replace(parse_filter(self._line, now_us), hidden=self.hidden)
        of_newest = None
        if self._order == Order():
            rows = history.page(wanted, history.key_at(wanted, self._offset), self._limit).rows
            total, is_exact = history.total(wanted, TOTAL_LIMIT)
        else:
            found = sorted_page(history, wanted, self._order, now_us, self._offset, self._limit)
            rows, total, is_exact = found.rows, found.total, True
            of_newest = found.of_newest
        rest = {
            "total": total,
            "total_exact": is_exact,
            "counts": history.counts(self.hidden),
            "offset": self._offset,
            "of_newest": of_newest,
        }
        return rows, rest

    def _overlay(self, row: dict[str, Any], live: dict[str, Execution]) -> dict[str, Any]:
        """An open execution's progress as it is in memory, warnings where they are counted."""
        execution = live.get(row["id"])
        if execution is not None:
            row["progress"]["running"] = execution.running
        else:
            row["warnings"] = self.context.warned.of(row)
        return row


class ExecutionWindow(Window):
    """One execution with all of its steps; afterwards only the steps that changed."""

    def __init__(
        self, context: Context, request: dict[str, Any], ord_: int, execution_id: str
    ) -> None:
        super().__init__(context, request)
        self._ord = ord_
        self._id = execution_id
        self._steps: dict[str, dict[str, Any]] = {}
        self._live: dict[str, dict[str, float]] = {}
        self._opened = _paths(request, "batches")
        self._calls = _paths(request, "calls")
        self._called: set[str] = set()  # executions whose steps are shown inside of theirs
        self._execution: dict[str, Any] = {}
        self._is_counting = False  # the warnings of its log
        context.warned.observers.append(self._counted)
        context.watch(execution_id)

    def close(self) -> None:
        self.context.warned.observers.remove(self._counted)
        self.context.unwatch(self._id)

    def changed(self, execution: Execution, events: list[Event]) -> None:
        if execution.id == self._id or execution.id in self._called:
            self.is_dirty = True

    def sampled(self, samples: dict[str, dict[str, float]]) -> None:
        execution = self.context.service.scheduler.live.get(self._id)
        if execution is None:
            return
        prefix = self._id + ":"
        self._live = {}
        for attempt, sample in samples.items():
            step = (
                execution.by_number.get(int(attempt[len(prefix) :]))
                if attempt.startswith(prefix)
                else None
            )
            if step is not None:
                self._live[step.path] = sample
        self.is_dirty = True

    async def content(self) -> dict[str, Any] | None:
        found = await self.context.service.execution(self._ord, self._id)
        if found["state"] not in ("queued", "running", "paused"):
            self._live = {}
            await self._add_warnings(found)
        await self.context.outlook.add(found)
        self.look_again_in(self.context.outlook.next_look_s([self._id]))
        steps = found.pop("steps")
        if self._calls:
            steps, self._called = await with_called(
                self.context, steps, lambda step: step["path"] in self._calls, self.hidden
            )
        steps = self._wanted(steps)
        for step in steps:
            if step["path"] in self._live and step["state"] == "running":
                step["live"] = self._live[step["path"]]
        changed = [step for step in steps if self._steps.get(step["path"]) != step]
        held = {step["path"]: step for step in steps}
        gone = [path for path in self._steps if path not in held]
        self._steps = held
        if self.version and not changed and not gone and found == self._execution:
            return None
        self._execution = found
        frame = {"execution": found, "steps": changed, "debug": found["debug"]}
        return {**frame, "gone": gone} if gone else frame

    async def _add_warnings(self, found: dict[str, Any]) -> None:
        """At once where the log is small, else as soon as they are counted in the background."""
        await self.context.logs.add_warnings(self._ord, found, GLANCE_BYTES)
        self._is_counting = found["warnings"] is None
        if self._is_counting:
            self.context.warned.soon(found)

    def _counted(self) -> None:
        if self._is_counting:
            self.is_dirty = True
            self.wake()

    def _wanted(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The steps, of the batch steps without their batches but where somebody looks at them."""
        hidden = {step["path"] for step in steps if step.get("batch")} - self._opened
        if not hidden:
            return steps
        return [
            step
            for step in steps
            if not (step["id"].isdigit() and step["path"].rpartition("/")[0] in hidden)
        ]


def _paths(request: dict[str, Any], name: str) -> frozenset[str]:
    """A list of paths of a request. Raises UsageError."""
    paths = request.get(name) or []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise UsageError(f"{name} is a list of the paths of steps")
    return frozenset(paths)


class FlowsWindow(Window):
    """All flows, with their last results; their files are looked at while somebody looks here."""

    pace_s = 1.0
    refresh_s = 2.0

    def __init__(self, context: Context, request: dict[str, Any]) -> None:
        super().__init__(context, request)
        self._sent: list[dict[str, Any]] = []

    def changed(self, execution: Execution, events: list[Event]) -> None:
        if any(event.type in ("execution.ended", "execution.queued") for event in events):
            self.is_dirty = True

    def removed(self) -> None:
        self.is_dirty = True

    async def content(self) -> dict[str, Any] | None:
        found = await all_flows(self.context.service)
        flows = [flow for flow in found if flow["name"] not in self.hidden]
        if self.version and flows == self._sent:
            return None
        self._sent = flows
        return {"flows": flows}


# the windows on one execution
OF_ONE: dict[str, Callable[[Context, dict[str, Any], int, str], Window]] = {
    "execution": ExecutionWindow,
    "log": LogWindow,
    "search": SearchWindow,
}


async def open_window(context: Context, request: dict[str, Any], caller: Caller) -> Window:
    """The window that a request asks for. Raises UsageError, UnknownReference, NotAllowed."""
    window = await _open_window(context, request, caller)
    window.hidden = await context.gate.hidden(caller)
    return window


async def _called_log(
    context: Context, request: dict[str, Any], caller: Caller, ord_: int, execution_id: str
) -> tuple[int, str, dict[str, Any]]:
    """The log that a window means, where its step calls another execution."""
    step = request.get("step")
    steps = [step] if isinstance(step, str) else step
    if not isinstance(steps, list) or len(steps) != 1 or not isinstance(steps[0], str):
        return ord_, execution_id, request
    hidden = await context.gate.hidden(caller)
    ord_, execution_id, inside = await log_place(context, ord_, execution_id, steps, hidden)
    return ord_, execution_id, {**request, "step": inside or None}


async def _open_window(context: Context, request: dict[str, Any], caller: Caller) -> Window:
    kind = request.get("window")
    if kind == "executions":
        return ExecutionsWindow(context, request)
    if kind == "flows":
        return FlowsWindow(context, request)
    if kind == "triggers":
        return TriggersWindow(context, request)
    if kind == "machine":
        return MachineWindow(context, request)
    if kind == "inbox":
        return InboxWindow(context, request)
    made = OF_ONE.get(kind) if isinstance(kind, str) else None
    if made is not None:
        ref = request.get("ref")
        if not isinstance(ref, str):
            raise UsageError(f"a window {kind!r} needs a ref")
        ref = await context.gate.check_execution(caller, VIEW_EXECUTION, ref)
        ord_, execution_id = await context.service.resolve(ref)
        if kind == "execution":
            return made(context, request, ord_, execution_id)
        ord_, execution_id, meant = await _called_log(context, request, caller, ord_, execution_id)
        window = made(context, meant, ord_, execution_id)
        window.request = request  # as it was asked for: a move begins with that
        return window
    raise UsageError(
        f"there is no window {kind!r}",
        "executions, execution, log, search, flows, triggers, machine, inbox",
    )
