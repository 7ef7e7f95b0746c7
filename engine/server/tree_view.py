"""The view of one execution: its tree of steps."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.core.state import Execution
from engine.errors import UsageError
from engine.model import Event
from engine.server.called import with_called
from engine.server.context import Context
from engine.server.parts import Parts
from engine.server.view import View

GLANCE_S = 0.004  # a log's warnings are counted before its execution is shown


class Opened(NamedTuple):
    """What of an execution's tree is open: batch steps, and steps that call."""

    batches: frozenset[str]
    calls: frozenset[str]


def opened(request: dict[str, Any]) -> Opened:
    """What a request asks to be open. Raises UsageError."""
    return Opened(_paths(request, "batches"), _paths(request, "calls"))


def _paths(request: dict[str, Any], name: str) -> frozenset[str]:
    """A list of paths of a request. Raises UsageError."""
    paths = request.get(name) or []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise UsageError(f"{name} is a list of the paths of steps")
    return frozenset(paths)


class ExecutionView(View):
    """One execution with all of its steps."""

    def __init__(
        self, context: Context, hidden: frozenset[str], ord_: int, id_: str, opened: Opened
    ) -> None:
        super().__init__(context, hidden)
        self._ord = ord_
        self._id = id_
        self._opened = opened
        self._live: dict[str, dict[str, float]] = {}
        self._called: set[str] = set()  # executions whose steps are shown inside of theirs
        self._steps, self._head = Parts(), Parts()
        self._is_counting = False  # the warnings of its log
        context.warned.observers.append(self._counted)
        context.watch(id_)

    def left(self) -> None:
        self.context.warned.observers.remove(self._counted)
        self.context.unwatch(self._id)

    def changed(self, execution: Execution, events: list[Event]) -> None:
        if execution.id == self._id or execution.id in self._called:
            self.mark()

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
        self.mark()

    async def find(self) -> bool:
        found = await self.context.service.execution(self._ord, self._id)
        if found["state"] not in ("queued", "running", "paused"):
            self._live = {}
            await self._add_warnings(found)
        await self.context.outlook.add(found)
        self.look_again_in(self.context.outlook.next_look_s([self._id]))
        steps = found.pop("steps")
        if self._opened.calls:
            steps, self._called = await with_called(
                self.context, steps, lambda step: step["path"] in self._opened.calls, self.hidden
            )
        steps = self._wanted(steps)
        for step in steps:
            if step["path"] in self._live and step["state"] == "running":
                step["live"] = self._live[step["path"]]
        are_new = self._steps.take({step["path"]: step for step in steps}, self.count + 1)
        return self._head.take({"execution": found}, self.count + 1) or are_new

    def changes(self, count: int) -> dict[str, Any]:
        found = self._head.since(0)["execution"]
        steps = list(self._steps.since(count).values())
        frame = {"execution": found, "steps": steps, "debug": found["debug"]}
        gone = self._steps.gone_since(count) if count else []
        return {**frame, "gone": gone} if gone else frame

    async def _add_warnings(self, found: dict[str, Any]) -> None:
        """At once where the log is small, else as soon as they are counted in the background."""
        await self.context.logs.add_warnings(self._ord, found, GLANCE_S)
        self._is_counting = found["warnings"] is None
        if self._is_counting:
            self.context.warned.soon(found)

    def _counted(self) -> None:
        if self._is_counting:
            self.mark()

    def _wanted(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The steps, of the batch steps without their batches but where somebody looks at them."""
        hidden = {step["path"] for step in steps if step.get("batch")}
        hidden -= self._opened.batches
        if not hidden:
            return steps
        return [
            step
            for step in steps
            if not (step["id"].isdigit() and step["path"].rpartition("/")[0] in hidden)
        ]
