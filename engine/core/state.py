"""One live execution in memory, as the journal's events left it. Pure; changed only by `reduce`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from engine.core.graph import dependents_of
from engine.core.items import Batches
from engine.model import AT_ONCE, GROUP_KINDS, OWN_KINDS, SECTIONS

BY_PEOPLE = ("approval", "operator")  # kinds of waiting that only a person ends


@dataclass(slots=True)
class StepState:
    """A step of one execution; times are microseconds, sizes bytes."""

    path: str
    index: int
    section: str
    definition: dict[str, Any]
    unmet: int = 0  # needs that have not ended, and what it is inside of that has not begun
    parent: str | None = None  # the group that it is in, or the step whose failure it handles
    is_group: bool = False  # has no process: a group, or the step that batches are of
    is_nested: bool = False  # is inside of another, or has others inside
    state: str = "pending"
    attempts: int = 0
    attempt_number: int | None = None  # of the newest attempt
    tries: int = 0  # attempts since the last `retry` by a person: the retry budget
    generation: str | None = None  # the runner that has, or had, the newest attempt
    lined_up_at_us: int | None = None  # its attempt waits in the runner for a place, since when
    started_at_us: int | None = None
    ended_at_us: int | None = None
    duration_ms: int | None = None
    exit_code: int | None = None
    signal: str | None = None
    error: dict[str, Any] | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    because_of_failure: bool = False  # skipped since a need failed, not by its own `if`
    handled: bool = False  # failed, but counts as met
    tolerated: bool = False  # handled, but not made good: the execution is partial
    handling: int | None = None  # which clause of its `on_error` is at work
    open_children: int = 0  # of a running group or a clause at work: what has not ended
    number: int | None = None  # of a batch, within its step
    batches: Batches | None = None  # of a batch step, once its items are known
    item_values: list[Any] | None = None  # of a batch, while its order is made
    retry_at_us: int | None = None
    pool_wait: tuple[str, int] | None = None  # the pool that it waits for a slot of, since when
    pool_place: int = 0  # its place among the steps of its execution that have asked for a slot
    held: bool = False  # interrupted, and an operator has to decide
    child: dict[str, Any] | None = None  # the execution that it calls: execution, flow, number, …
    awaited: dict[str, Any] | None = None  # the moment or the decision that it waits for
    unchecked: dict[str, Any] | None = None  # how its attempt ended, while `expect` is evaluated

    @property
    def is_lined_up(self) -> bool:
        """Whether its attempt is in the runner's hands and is not known to have begun."""
        return self.lined_up_at_us is not None

    @property
    def has_ended(self) -> bool:
        if self.state in ("pending", "waiting", "running") or self.held:
            return False
        return self.handling is None

    @property
    def is_at_runner(self) -> bool:
        """Whether an attempt of it runs, as far as is known, or is in line there."""
        if self.is_lined_up:
            return True
        if self.state != "running" or self.unchecked is not None or self.is_group:
            return False
        return self.definition["kind"] not in OWN_KINDS

    @property
    def until_us(self) -> int | None:
        """When what it waits for comes by itself, or is given up."""
        return self.awaited["until_us"] if self.awaited else None

    @property
    def is_met(self) -> bool:
        """Whether a step that needs this one may go on."""
        if self.state == "skipped":
            return not self.because_of_failure
        return self.state in ("completed", "partial", "reused") or self.handled


@dataclass(slots=True)
class Execution:
    """An instance of a flow. `inputs` are in the clear: they never leave memory like this."""

    id: str
    ord: int
    flow: str
    number: int
    version: str
    source: str
    definition: dict[str, Any]
    inputs: dict[str, Any]
    trigger: str
    actor: str
    created_at_us: int
    debug: bool = False
    rerun_of: str | None = None
    resumed_from: str | None = None
    request_key: str | None = None
    parent: dict[str, Any] | None = None  # the step that has called it, and the chain of flows
    environment_values: dict[str, Any] = field(default_factory=dict)  # of the server, as it began
    state: str = "queued"
    attempt: int = 1
    started_at_us: int | None = None
    attempt_started_at_us: int | None = None
    ended_at_us: int | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    cancelling: str = ""  # "" | cancel | kill | timeout | fail_fast
    cancel_reason: str = ""
    cancel_section: int = -1  # index of the last section that the cancelling ends
    paused_at_us: int | None = None
    paused_us: int = 0  # total time paused, which the flow's timeout leaves out
    group: str | None = None  # the concurrency group, once it is known
    group_since_us: int | None = None  # since when it waits for that
    group_reason: str = ""  # in words, as it was when it asked
    group_cancels: tuple[str, ...] = ()  # who held it then, and is cancelled for this one
    requirements_open: bool = False  # what the flow requires is being looked for
    unexpected: dict[str, Any] | None = None  # the error of the flow's `expect`
    section: int = -1  # index in SECTIONS; -1 before the start
    failure: dict[str, Any] | None = None  # the error so far, as the sections after `steps` see it
    steps: dict[str, StepState] = field(default_factory=dict)
    steps_by_id: dict[str, StepState] = field(default_factory=dict)
    dependents: dict[str, list[str]] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)  # of groups and `on_error`
    open_in_section: int = 0
    running: int = 0  # attempts at a runner
    calls: int = 0  # executions that steps have called and that have not ended
    idle_calls: set[str] = field(default_factory=set)  # steps whose called executions wait
    lined: int = 0  # steps that are lined up in the runner
    is_brisk: bool = False  # the newest end was that of a short step
    ended: int = 0
    next_attempt_number: int = 1
    next_position: int = 0  # among the steps, for batches
    candidates: deque[str] = field(default_factory=deque)  # needs ended, not yet judged
    ready: deque[str] = field(default_factory=deque)  # judged: waits only for a free slot
    at_hand: deque[str] = field(default_factory=deque)  # judged, and needs none
    closing: deque[str] = field(default_factory=deque)  # what holds others, and may have ended
    evaluated: dict[tuple[str, str], Any] = field(default_factory=dict)  # the sandbox's answers
    masked: frozenset[str] = frozenset()  # references whose values no message may show
    # steps that wait for such an answer; "" where the flow's outputs do
    evaluating: set[str] = field(default_factory=set)
    unchecked: set[str] = field(default_factory=set)  # steps whose `expect` waits for one
    delayed: set[str] = field(default_factory=set)  # steps that wait for their retry's moment
    pooled: set[str] = field(default_factory=set)  # steps that wait for a slot of a pool
    asked: int = 0  # how often a step has asked for one
    held: set[str] = field(default_factory=set)  # interrupted steps that wait for an operator
    timed: set[str] = field(default_factory=set)  # steps that something happens to at a moment
    asking: set[str] = field(default_factory=set)  # steps that wait for an approval
    by_number: dict[int, StepState] = field(default_factory=dict)  # steps by newest attempt
    derived: list[str] = field(default_factory=list)  # sealed: what steps want masked, too
    environment: dict[str, str] | None = None  # the flow's own part, rendered once

    def __post_init__(self) -> None:
        self.masked = frozenset(
            f"inputs.{item['name']}" for item in self.definition["inputs"] if item["sensitive"]
        )
        for section in SECTIONS:
            definitions = self.definition[section]
            self.dependents.update(dependents_of(definitions))
            for definition in definitions:
                path, parent = definition["path"], definition["parent"]
                step = StepState(
                    path, len(self.steps), section, definition, unmet=len(definition["needs"])
                )
                self.steps[path] = self.steps_by_id[definition["id"]] = step
                if parent is not None:
                    self._put_inside(step, parent)
                step.is_group = definition["kind"] in GROUP_KINDS or bool(definition["batch"])
        self.next_position = len(self.steps)

    def _put_inside(self, step: StepState, parent: str) -> None:
        step.parent = parent
        step.unmet += 1
        step.is_nested = self.steps[parent].is_nested = True
        self.children.setdefault(parent, []).append(step.path)

    @property
    def in_hands(self) -> int:
        """How many steps others carry out: attempts, running or in line, and called executions."""
        return self.running + self.lined + self.calls

    @property
    def duration_ms(self) -> int | None:
        """Of its present attempt: the days before a retry are nobody's work."""
        began_us = self.started_at_us if self.attempt == 1 else self.attempt_started_at_us
        if began_us is None or self.ended_at_us is None:
            return None
        return (self.ended_at_us - began_us) // 1000

    @property
    def has_ended(self) -> bool:
        return self.state not in ("queued", "running", "paused")

    def line_up(self, step: StepState) -> None:
        """A step may start as soon as there is room for it."""
        at_once = step.definition["kind"] in AT_ONCE
        (self.at_hand if at_once else self.ready).append(step.path)

    @property
    def waiting_for(self) -> dict[str, Any] | None:
        """What an execution that cannot move by itself waits for, else None."""
        if self.state == "queued" and self.group_since_us is not None:
            return {"step": None, "kind": "group", "group": self.group,
                    "reason": self.group_reason, "since_us": self.group_since_us}  # fmt: skip
        if self.state != "running" or self.running or self.lined:
            return None
        if self.calls > len(self.idle_calls):
            return None
        if self.requirements_open and not self.cancelling:
            return {"step": None, "kind": "requires", "reason": "the flow's requirements"}
        for path in sorted(self.held):
            return {"step": path, "kind": "operator", "reason": "interrupted"}
        if self.ready or self.candidates:
            return None
        if self.asking:
            asks = min((self.steps[path] for path in self.asking), key=_asked_at)
            return {"step": asks.path, **(asks.awaited or {})}
        called = [*filter(None, map(called_waits, map(self.steps.get, sorted(self.idle_calls))))]
        by_people = next((one for one in called if innermost(one)["kind"] in BY_PEOPLE), None)
        if by_people is not None:
            return by_people
        if self.delayed or self.timed:
            steps = (self.steps[path] for path in (*self.delayed, *self.timed))
            first = min(steps, key=_due_at)
            reason = "retry" if first.awaited is None else "wait"
            return {"step": first.path, "kind": "timer", "until_us": _due_at(first)[0],
                    "reason": reason}  # fmt: skip
        if self.pooled and not self.evaluating:
            first = min((self.steps[path] for path in self.pooled), key=_pool_order)
            pool, since_us = first.pool_wait or ("", 0)
            return {"step": first.path, "kind": "pool", "pool": pool, "since_us": since_us}
        return called[0] if called else None

    @property
    def total(self) -> int:
        """How many steps it has; batches are parts of theirs."""
        return len(self.steps_by_id)

    def section_steps(self, section: str) -> list[StepState]:
        return [step for step in self.steps.values() if step.section == section]


def called_waits(step: StepState | None) -> dict[str, Any] | None:
    """What a step waits for with the execution that it calls; None while that goes on."""
    if step is None or not step.child or not step.child.get("waiting_for"):
        return None
    named = {key: step.child[key] for key in ("execution", "flow", "number", "waiting_for")}
    return {"step": step.path, "kind": "flow", **named}


def innermost(waiting: dict[str, Any]) -> dict[str, Any]:
    """What the last one of those that call each other waits for."""
    while waiting["kind"] == "flow":
        waiting = waiting["waiting_for"]
    return waiting


def _due_at(step: StepState) -> tuple[int, int]:
    return (step.until_us or step.retry_at_us or 0, step.index)


def _asked_at(step: StepState) -> tuple[int, int]:
    return (step.started_at_us or 0, step.index)


def _pool_order(step: StepState) -> tuple[int, int]:
    return (step.pool_wait[1] if step.pool_wait else 0, step.pool_place)
