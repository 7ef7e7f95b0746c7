"""What the feed's frames make of what is held: windows of executions, one execution, the flows.

Pure: frames in, state and the set of what changed out; no clock, no socket, no widget. The server
owns every fact, so a frame replaces whole rows and nothing is ever invented here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Frame = dict[str, Any]


@dataclass
class Change:
    """What a frame changed: these rows, and whether the order or the counts did."""

    rows: set[str] = field(default_factory=set)
    order: bool = False
    counts: bool = False


@dataclass
class Places:
    """The keys of a part of a list, which begins at its row `offset`."""

    order: list[str] = field(default_factory=list)
    offset: int = 0

    def key_at(self, index: int) -> str | None:
        """The key at a place of the whole list; None when that is not held."""
        place = index - self.offset
        return self.order[place] if 0 <= place < len(self.order) else None

    def index_of(self, key: str) -> int | None:
        """The place of a key in the whole list, as far as it is held."""
        try:
            return self.offset + self.order.index(key)
        except ValueError:
            return None


@dataclass
class ExecutionsWindow(Places):
    """A window of the list of executions: the rows from `offset` on, of `total` that match."""

    rows: dict[str, Row] = field(default_factory=dict)
    total: int = 0
    total_exact: bool = True
    counts: dict[str, int] = field(default_factory=dict)
    of_newest: int | None = None  # only so many of the newest that match are in the list
    loaded: bool = False
    asked_offset: int = 0  # of the request whose snapshot is under way
    is_asked: bool = False  # another list was asked for, and this is still the one before

    def apply(self, frame: Frame) -> Change:
        """Take a frame in, and tell what it changed."""
        change = Change()
        if frame.get("kind") == "snapshot":
            self.loaded, self.is_asked = True, False
            self.offset = int(frame.get("offset", self.asked_offset))
            change.order = True
        if "order" in frame:
            self.order = [str(id_) for id_ in frame["order"]]
            change.order = True
        for row in frame.get("rows", ()):
            self.rows[row["id"]] = row
            change.rows.add(row["id"])
        if "total" in frame:
            change.order = change.order or frame["total"] != self.total
            self.total = int(frame["total"])
            self.total_exact = bool(frame.get("total_exact", True))
        if "of_newest" in frame:
            self.of_newest = frame["of_newest"]
            change.counts = True
        if "counts" in frame:
            self.counts = {str(state): int(n) for state, n in frame["counts"].items()}
            change.counts = True
        if change.order:
            self._forget_rows_outside()
        return change

    def _forget_rows_outside(self) -> None:
        held = set(self.order)
        for id_ in [id_ for id_ in self.rows if id_ not in held]:
            del self.rows[id_]

    def row(self, key: str) -> Row | None:
        """The execution of an id."""
        return self.rows.get(key)


@dataclass
class ExecutionView:
    """One execution with its steps, by path, in the file's order."""

    execution: Row | None = None
    steps: dict[str, Row] = field(default_factory=dict)
    error: Row | None = None  # of the window itself: no such execution

    def apply(self, frame: Frame) -> Change:
        """Take a frame in; `order` tells that the set of steps is another one."""
        change = Change()
        if frame.get("kind") == "error":
            self.error = dict(frame.get("error") or {})
            return change
        self.error = None
        if frame.get("execution") is not None:
            self.execution = frame["execution"]
            change.counts = True
        if frame.get("kind") == "snapshot":
            fresh = {step["path"]: step for step in frame.get("steps", ())}
            change.order = list(fresh) != list(self.steps)
            self.steps = fresh
            change.rows = set(fresh)
            return change
        for path in frame.get("gone", ()):
            change.order = self.steps.pop(path, None) is not None or change.order
        for step in frame.get("steps", ()):
            change.order = change.order or step["path"] not in self.steps
            self.steps[step["path"]] = step
            change.rows.add(step["path"])
        return change

    def failed_paths(self) -> list[str]:
        """The steps that failed or were interrupted, in the file's order."""
        return [
            path
            for path, step in self.steps.items()
            if step.get("state") in ("failed", "interrupted", "lost")
        ]

    def first_failure(self) -> str | None:
        """The step to look at first: what the execution's error names, else what nobody handled."""
        named = ((self.execution or {}).get("error") or {}).get("step")
        if named in self.steps:
            return str(named)
        failed = self.failed_paths()
        open_ones = [path for path in failed if not self.steps[path].get("handled")]
        return next(iter(open_ones or failed), None)


@dataclass
class FlowList:
    """Every flow that can be started by name."""

    flows: dict[str, Row] = field(default_factory=dict)
    loaded: bool = False

    def apply(self, frame: Frame) -> Change:
        """Take a frame in: the flows in it replace all that were held."""
        if "flows" not in frame:
            return Change()
        self.loaded = True
        fresh = {flow["name"]: flow for flow in frame["flows"]}
        changed = {name for name, flow in fresh.items() if self.flows.get(name) != flow}
        order = list(fresh) != list(self.flows)
        self.flows = fresh
        return Change(rows=changed, order=order)

    def debugged(self) -> list[str]:
        """The flows whose debug switch is on."""
        return [name for name, flow in self.flows.items() if flow.get("debug", "off") != "off"]

    def matching(self, text: str) -> list[str]:
        """The names of the flows that hold every word of a filter text."""
        words = text.lower().split()
        return [
            name
            for name, flow in self.flows.items()
            if all(word in _flow_text(flow) for word in words)
        ]


def _flow_text(flow: Row) -> str:
    parts = (flow["name"], flow.get("description", ""), flow.get("type", ""), *flow.get("tags", ()))
    return " ".join(str(part) for part in parts).lower()
