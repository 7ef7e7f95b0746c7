"""One decision in the making, and the commands that may come of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.core.groups import Groups
from engine.core.hide import Mask, hide
from engine.core.ledger import Ledger
from engine.core.prepare import NeedsSandbox, Surroundings
from engine.core.reduce import apply
from engine.core.state import Execution
from engine.model import Event


class StartAttempt(NamedTuple):
    """Ask the runner for an attempt."""

    spec: dict[str, Any]


class CancelAttempt(NamedTuple):
    """Ask the runner to end an attempt: `mode` is term, kill, or recall (if it has not begun)."""

    generation: str
    attempt_number: int
    mode: str
    reason: str


class StartChild(NamedTuple):
    """Start the execution that a step calls, or retry it where it is there already."""

    step: str
    flow: str
    inputs: dict[str, Any]
    execution: str
    attempt: int  # of that execution


class CancelChild(NamedTuple):
    """End the execution that a step calls: `mode` is cancel or kill."""

    execution: str
    mode: str
    reason: str
    actor: str


class Evaluate(NamedTuple):
    """Ask the sandbox for the value of a heavy expression."""

    step: str
    text: str
    names: dict[str, Any]


class CancelOthers(NamedTuple):
    """Cancel the executions that hold the group which this one takes over."""

    executions: list[str]
    reason: str


class CheckRequirements(NamedTuple):
    """Look for what the flow requires; `entering.checked` goes on with what is missing."""

    wanted: dict[str, list[str]]
    path: str


class Gather(NamedTuple):
    """Ask for the items of a batch step to be put aside: values, or those of a file."""

    step: str
    source: dict[str, Any]
    store: str


class Ended(NamedTuple):
    """The execution has ended: release what it holds."""


ChildCommand = StartChild | CancelChild
Command = (
    StartAttempt
    | CancelAttempt
    | ChildCommand
    | Evaluate
    | Gather
    | CancelOthers
    | CheckRequirements
    | Ended
)


@dataclass(slots=True)
class Turn:
    """One decision in the making: `free_slots` is how many steps the engine lets start now."""

    execution: Execution
    now_us: int
    around: Surroundings
    free_slots: int = 1 << 30
    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    starved: bool = False  # steps are ready, and no slot was free
    lines: bool = False  # attempts may wait in the runner for a place: nobody else waits for one
    mask: Mask | None = None  # where the execution has sensitive values
    pools: Ledger = field(default_factory=Ledger)  # who holds and wants what
    groups: Groups = field(default_factory=Groups)  # the same of executions and their groups

    def emit(self, type_: str, **data: Any) -> None:
        """Decide an event: it counts at once, and is journaled with the rest of the turn."""
        if self.mask is not None:
            data = hide(data, self.mask)
        event = Event(0, self.execution.id, self.now_us, type_, data)
        apply(self.execution, event)
        if data.get("step"):
            self.pools.note(self.execution, self.execution.steps[data["step"]])
        else:
            self.groups.note(self.execution)
        self.events.append(event)

    def ask_sandbox(self, step: str, need: NeedsSandbox) -> None:
        """Have an expression evaluated for a step, or for the flow's outputs (no step's path)."""
        self.execution.evaluating.add(step)
        self.commands.append(Evaluate(step, need.text, need.names))
