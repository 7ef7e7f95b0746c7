"""A simulated world around the core: a clock, an obedient runner, a journal in memory."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

from engine.core import calling, decide
from engine.core.prepare import Surroundings
from engine.core.reduce import apply
from engine.core.state import Execution
from engine.core.turn import (
    CancelAttempt,
    CancelChild,
    Command,
    Ended,
    Gather,
    StartAttempt,
    StartChild,
    Turn,
)
from engine.model import Event

AROUND = Surroundings({"PATH": "/bin"}, "/work", "/logs", "gen1")


class World:
    """One execution and everything that happens to it."""

    def __init__(
        self, definition: dict[str, Any], inputs: dict[str, Any] | None = None, *begin: Any,
        around: Surroundings = AROUND,
    ) -> None:  # fmt: skip
        self.around = around
        self.definition = definition
        self.inputs = inputs or {}
        self.now_us = 1_000_000
        self.events: list[Event] = []
        self.running: dict[int, dict[str, Any]] = {}  # attempts at the runner, by number
        self.cancelled: dict[int, str] = {}
        self.called: dict[str, StartChild] = {}  # by step, what has not ended
        self.ended_by_caller: dict[str, str] = {}  # how, by the id of the called execution
        self.specs: list[dict[str, Any]] = []
        self.ends = 0
        self.done: dict[str, set[int]] = defaultdict(set)  # items by the path of their step
        self.commands: list[Command] = []
        self._followed: Execution | None = None
        self._followed_events = 0
        self.ex = self.new()
        self.do(*(begin or (decide.begin,)))

    def new(self) -> Execution:
        return Execution(
            id="e", ord=1, flow="sample", number=1, version="v1", source="",
            definition=self.definition, inputs=self.inputs, trigger="manual", actor="me",
            created_at_us=0,
        )  # fmt: skip

    def do(self, decision: Any, *args: Any, **options: Any) -> None:
        """One stimulus: decide, remember the events, carry out the commands."""
        self.now_us += 1000
        turn = Turn(self.ex, self.now_us, self.around)
        decision(turn, *args, **options)
        self.events += turn.events
        self.commands += turn.commands
        for command in turn.commands:
            if isinstance(command, StartAttempt):
                number = command.spec["number"]
                assert number not in {spec["number"] for spec in self.specs}, "started twice"
                self.specs.append(command.spec)
                self.running[number] = command.spec
                step = self.ex.steps[command.spec["step"]]
                if step.number is not None and step.section == "steps":
                    given = numbers_in(command.spec["batch"]["numbers"])
                    assert not given & self.done[step.parent or ""], "what is done is not repeated"
            elif isinstance(command, StartChild):
                assert command.step not in self.called, "called twice"
                self.called[command.step] = command
            elif isinstance(command, CancelChild):
                self.ended_by_caller[command.execution] = command.mode
            elif isinstance(command, CancelAttempt):
                self.cancelled[command.attempt_number] = command.mode
            elif isinstance(command, Ended):
                self.ends += 1
        for command in turn.commands:
            if isinstance(command, Gather):
                self.do(decide.gathered, command.step, len(command.source["values"]), None)

    def number_of(self, path: str) -> int:
        return next(n for n, spec in self.running.items() if spec["step"] == path)

    def end(self, path: str, **facts: Any) -> None:
        """The step's running attempt ends; exit code 0 unless the facts say otherwise."""
        number = self.number_of(path)
        spec = self.running.pop(number)
        if "batch" in spec and facts.get("outcome", "exited") == "exited":
            failed = facts.get("failed_items") or []
            if failed or not facts.get("exit_code"):
                done = numbers_in(spec["batch"]["numbers"]) - numbers_in(failed)
                self.done[path.rpartition("/")[0]] |= done
        self.do(decide.attempt_ended, number, end_of(self.now_us, **facts))

    def end_child(self, path: str, state: str = "completed", **facts: Any) -> None:
        """The execution that a step has called ends."""
        command = self.called.pop(path)
        error = None if state in ("completed", "partial") else {
            "step": "inner", "type": "exit:3" if state == "failed" else "cancelled",
            "message": "no luck",
        }  # fmt: skip
        found = {"state": state, "number": 7, "attempt": command.attempt, "outputs": {},
                 "error": error}  # fmt: skip
        self.do(calling.child_ended, path, command.execution, found | facts)

    def wait_until_due(self) -> None:
        """Let the time pass until the next timer."""
        due_us = decide.next_due_us(self.ex)
        assert due_us is not None
        self.now_us = max(self.now_us, due_us)
        self.do(decide.due)

    def states(self) -> dict[str, str]:
        return {path: step.state for path, step in self.ex.steps.items()}

    def replayed(self) -> Execution:
        """The execution as a restarted engine would see it."""
        fresh = self.new()
        for event in copy.deepcopy(self.events):
            apply(fresh, event)
        decide.rebuild_queues(fresh)
        return fresh

    def followed(self) -> Execution:
        """The execution as its events alone make it, of which only the new ones are applied."""
        if self._followed is None:
            self._followed = self.new()
        for event in copy.deepcopy(self.events[self._followed_events :]):
            apply(self._followed, event)
        self._followed_events = len(self.events)
        return self._followed


def numbers_in(ranges: list[list[int]]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def end_of(now_us: int, **facts: Any) -> dict[str, Any]:
    """What a runner reports of an attempt."""
    return {
        "attempt": "", "outcome": "exited", "exit_code": 0, "signal": None, "oom": False,
        "began_at": now_us / 1e6, "ended_at": now_us / 1e6, "wall_s": 0.5, "cpu_s": 0.1,
        "max_rss_bytes": 1000, "read_bytes": 0, "write_bytes": 0, "outputs": {}, "error": None,
        "log_bytes": 0, "log_records": 0, "leftovers": 0,
    } | facts  # fmt: skip
