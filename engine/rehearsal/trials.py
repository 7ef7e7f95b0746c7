"""Runs the `tests:` of a compiled flow, and says what is otherwise than expected. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.core.state import Execution, StepState
from engine.errors import UsageError, WingmanError
from engine.flowfile.inputs import check_inputs
from engine.rehearsal.simulate import Simulation


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a test expects, and what came instead."""

    what: str
    expected: Any
    found: Any
    because: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """How one test of a flow went."""

    flow: str
    name: str
    differences: tuple[Difference, ...]
    problem: str = ""  # why it could not be carried out at all

    @property
    def passed(self) -> bool:
        return not self.differences and not self.problem

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "passed": self.passed}


def run_tests(definition: Mapping[str, Any], wanted: str | None = None) -> list[Trial]:
    """Each test of a flow, or those whose name holds `wanted`."""
    return [
        _run(definition, test)
        for test in definition["tests"]
        if wanted is None or wanted.lower() in test["name"].lower()
    ]


def _run(definition: Mapping[str, Any], test: Mapping[str, Any]) -> Trial:
    flow, name = definition["name"], test["name"]
    try:
        inputs = check_inputs(definition["inputs"], test["inputs"], {})
        environment = _environment(definition, test.get("environment") or {})
        ended = Simulation(definition, inputs, test["mock"], environment).run()
    except WingmanError as error:
        return Trial(flow, name, (), str(error))
    return Trial(flow, name, tuple(_differences(test["expect"], ended)))


def _environment(definition: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a server that the test makes up. Raises UsageError for what it leaves out."""
    found = {"name": "test", **given}
    missing = [name for name in definition["environment"] if name not in found]
    if missing:
        raise UsageError(
            f"the test says nothing of environment.{missing[0]}",
            f"add environment: {{{missing[0]}: …}} to it",
        )
    return found


def _differences(expect: Mapping[str, Any], ended: Execution) -> Iterator[Difference]:
    if expect["state"] and expect["state"] != ended.state:
        yield Difference("state", expect["state"], ended.state, _error_words(ended.error))
    found_type = (ended.error or {}).get("type")
    if expect["error"] and expect["error"] != found_type:
        yield Difference("error", expect["error"], found_type, _error_words(ended.error))
    for name, state in expect["steps"].items():
        step = _step(ended, name)
        if step is None:
            yield Difference(f"step {name}", state, None, "there is no such step")
        elif step.state != state:
            because = _error_words(step.error) or step.reason
            yield Difference(f"step {name}", state, step.state, because)
    for name, value in expect["outputs"].items():
        if name not in ended.outputs:
            yield Difference(f"output {name}", value, None, "there is no such output")
        elif ended.outputs[name] != value:
            yield Difference(f"output {name}", value, ended.outputs[name])


def _step(ended: Execution, name: str) -> StepState | None:
    """A step by its path, else by its id."""
    return ended.steps.get(name) or ended.steps_by_id.get(name)


def _error_words(error: Mapping[str, Any] | None) -> str:
    if not error:
        return ""
    where = f"{error['step']}: " if error.get("step") else ""
    return f"{where}{error.get('message')} ({error.get('type')})"
