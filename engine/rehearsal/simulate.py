"""Runs a compiled flow on the core with mocked steps: a whole lifetime in a moment, no side effect.

A step without a mock completes with empty outputs and is not held to its `expect`; time passes at
once. Called by `trials` and by tests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engine import expression
from engine.core import calling, decide
from engine.core.advance import advance
from engine.core.conclude import end_step
from engine.core.entering import checked
from engine.core.prepare import Surroundings
from engine.core.state import Execution, StepState
from engine.core.turn import (
    CancelAttempt,
    CancelChild,
    CheckRequirements,
    Command,
    Evaluate,
    Gather,
    StartAttempt,
    StartChild,
    Turn,
)
from engine.errors import ExpressionError, WingmanError
from engine.model import SECTIONS

BEGIN_US = 1_767_225_600_000_000  # 2026-01-01: the same moment each time
STEP_US = 1_000
STAND_IN = "item"  # for the items of a file that no mock gives
TURNS_LIMIT = 200_000
AROUND = Surroundings({"PATH": "/usr/bin:/bin", "HOME": "/home/test"}, "/work", "/logs", "test")

Mock = Mapping[str, Any]


class NeverEnds(WingmanError):
    """A flow that is still busy after so many turns, or waits for what no test can give."""


class Simulation:
    """One execution of a flow in a world without effects."""

    def __init__(
        self,
        definition: Mapping[str, Any],
        inputs: Mapping[str, Any],
        mocks: Mapping[str, Mock] | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> None:
        self.mocks = {name.rpartition("/")[2]: mock for name, mock in (mocks or {}).items()}
        self._now_us = BEGIN_US
        self._pending: deque[Command] = deque()
        self._items: dict[str, list[Any]] = {}
        own_env = dict.fromkeys(definition["env_passthrough"], "")
        self._around = replace(AROUND, own_env=own_env, items=self)
        self.execution = Execution(
            id="00000000-0000-7000-8000-000000000000", ord=1, flow=definition["name"], number=1,
            version=definition["version"], source=definition["source"],
            definition=_freed(definition, self.mocks), inputs=dict(inputs), trigger="test",
            actor="test", created_at_us=BEGIN_US, environment_values=dict(environment or {}),
        )  # fmt: skip

    def run(self) -> Execution:
        """The execution as it ends. Raises NeverEnds."""
        self._take(decide.begin)
        for _ in range(TURNS_LIMIT):
            if self._pending:
                self._carry_out(self._pending.popleft())
            elif self.execution.has_ended:
                return self.execution
            else:
                self._pass_time()
        raise NeverEnds(f"it has not ended after {TURNS_LIMIT:,} turns", "is there a loop in it?")

    def _take(self, decision: Callable[..., None], *args: Any) -> None:
        self._now_us += STEP_US
        turn = Turn(self.execution, self._now_us, self._around)
        decision(turn, *args)
        self._pending.extend(turn.commands)

    def _pass_time(self) -> None:
        """Nothing moves by itself: whatever is waited for comes at once."""
        if self.execution.asking:
            self._decide(min(self.execution.asking))
            return
        for path in sorted(self.execution.timed):
            step = self.execution.steps[path]
            if self._mock(step).get("error"):
                self._fail(step)
                return
        if self.execution.held:  # an operator would decide; a test has none
            self._take(decide.cancel, "cancel", "a held step waits for an operator")
            return
        due_us = decide.next_due_us(self.execution)
        if due_us is None:
            raise NeverEnds(f"it waits for {self.execution.waiting_for or 'nothing'}")
        self._now_us = max(self._now_us, due_us)
        self._take(decide.due)

    def _decide(self, path: str) -> None:
        """An approval is given, unless its mock says otherwise."""
        step = self.execution.steps[path]
        mock = self._mock(step)
        if mock.get("error"):
            self._fail(step)
            return
        form = step.definition["approve"]["inputs"]
        given = {item["name"]: item["default"] for item in form if not item["required"]}
        given |= mock.get("outputs") or {}
        self._take(decide.approval, path, True, "test", "", given)

    def _mock(self, step: StepState) -> Mock:
        return self.mocks.get(step.definition["id"], {})

    def _fail(self, step: StepState) -> None:
        """A step without a process fails as its mock says."""
        mock = self._mock(step)
        message = mock.get("message") or f"mocked: {mock['error']}"
        self._take(_ends_badly, step, {"type": mock["error"], "message": message})

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, StartAttempt):
            self._end(command.spec)
        elif isinstance(command, Evaluate):
            self._evaluate(command)
        elif isinstance(command, CheckRequirements):
            self._take(checked, [])  # a test looks for nothing outside
        elif isinstance(command, Gather):
            self._gather(command)
        elif isinstance(command, StartChild):
            self._end_child(command)
        elif isinstance(command, CancelAttempt | CancelChild):
            pass  # what runs here has ended already

    def _end_child(self, command: StartChild) -> None:
        """A called flow does not run: it ends as the step's mock says."""
        step = self.execution.steps[command.step]
        mock, error = self._mock(step), None
        if self._fails(step):
            message = mock.get("message") or f"mocked: {mock['error']}"
            error = {"step": None, "type": mock["error"], "message": message}
        self._take(calling.child_ended, command.step, command.execution, {
            "state": "failed" if error else "completed", "number": 1, "attempt": command.attempt,
            "outputs": {} if error else dict(mock.get("outputs") or {}), "error": error,
        })  # fmt: skip

    def _fails(self, step: StepState) -> bool:
        mock = self._mock(step)
        times = mock.get("times")
        return mock.get("error") is not None and (times is None or step.attempts <= times)

    def _gather(self, command: Gather) -> None:
        """The items of a batch step: as they are, or those that a mock gives in place of a file."""
        step = self.execution.steps[command.step]
        mocked = self._mock(step).get("items")
        found = command.source.get("values", [STAND_IN])
        found = found if mocked is None else mocked
        self._items[command.store] = found
        self._take(decide.gathered, command.step, len(found), None)

    def values(self, store: str, ranges: list[list[int]]) -> list[Any]:
        """What `engine.core.prepare.Items` asks for."""
        return [self._items[store][n] for first, last in ranges for n in range(first, last + 1)]

    def _evaluate(self, command: Evaluate) -> None:
        value, problem = None, None
        try:
            masked = self.execution.masked
            value = expression.evaluate(command.text, command.names, masked=masked, heavy=True)
        except ExpressionError as error:
            problem = error.message
        self._take(decide.evaluated, command.step, command.text, value, problem)

    def _end(self, spec: Mapping[str, Any]) -> None:
        """An attempt ends as its mock says."""
        step = self.execution.steps[spec["step"]]
        mock = self._mock(step)
        error, fails = mock.get("error"), self._fails(step)
        number = spec["number"]
        if fails and error == "interrupted":
            self._take(decide.attempt_interrupted, number)
            return
        end = _end_of(self._now_us, mock.get("outputs") or {})
        if "batch" in spec:
            end["failed_items"] = [
                [n, n] for n in sorted(set(mock.get("failed_items") or ()))
                if any(first <= n <= last for first, last in spec["batch"]["numbers"])
            ]
        if fails:
            end |= _failure(str(error), mock.get("message") or f"mocked: {error}")
        self._take(decide.attempt_ended, number, end)


def _ends_badly(turn: Turn, step: StepState, error: dict[str, Any]) -> None:
    end_step(turn, step, "failed", error)
    advance(turn)


def _freed(definition: Mapping[str, Any], mocks: Mapping[str, Mock]) -> dict[str, Any]:
    """The definition without shared resources, and without checks of outputs that nobody gave."""
    found = dict(definition)
    for section in SECTIONS:
        found[section] = [
            {**step, "pools": {}, "expect": step["expect"] if step["id"] in mocks else None}
            for step in definition[section]
        ]
    return found


def _end_of(now_us: int, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a runner would report."""
    return {
        "attempt": "", "outcome": "exited", "exit_code": 0, "signal": None, "oom": False,
        "began_at": now_us / 1e6, "ended_at": now_us / 1e6, "wall_s": 0.0, "cpu_s": 0.0,
        "max_rss_bytes": None, "read_bytes": 0, "write_bytes": 0, "outputs": dict(outputs),
        "error": None, "log_bytes": 0, "log_records": 0, "leftovers": 0,
    }  # fmt: skip


def _failure(error: str, message: str) -> dict[str, Any]:
    """How a runner would report an error of this type."""
    kind, _, detail = error.partition(":")
    if kind == "exit":
        return {"exit_code": int(detail)}
    if kind == "signal":
        return {"exit_code": None, "signal": detail}
    if error == "oom":
        return {"exit_code": None, "oom": True}
    if error in ("timeout", "cancelled"):
        return {"outcome": error, "exit_code": None}
    return {"exit_code": 1, "error": {"type": error, "message": message}}
