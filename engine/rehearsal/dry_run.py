"""What a start would do: order, resolved values, and what cannot be known before it runs. Pure.

Called by `engine.server.rehearsal_routes`. Values are in the clear: the caller masks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import expression
from engine.core.graph import before_each, in_order
from engine.core.names import names_of
from engine.core.state import Execution
from engine.errors import ExpressionError
from engine.model import SECTIONS

# what only the running tells; `execution.id` and its number are given at the start
UNKNOWN_ROOTS = frozenset({"steps", "outputs", "item", "items", "error", "body", "headers"})
UNKNOWN_PATHS = frozenset({"execution.id", "execution.number", "execution"})
WORKING_KEYS = ("run", "python", "http", "flow", "wait", "approve")  # what a step does, by its kind


@dataclass(slots=True)
class Found:
    """What resolving one step has shown."""

    unknown: dict[str, None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def dry_run(
    definition: Mapping[str, Any],
    inputs: Mapping[str, Any],
    base_env: Mapping[str, str],
    now_us: int,
    environment: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The plan of a start."""
    execution = Execution(
        id="", ord=0, flow=definition["name"], number=0, version=definition["version"],
        source=definition["source"], definition=dict(definition), inputs=dict(inputs),
        trigger="manual", actor="", created_at_us=now_us,
        environment_values=dict(environment or {}),
    )  # fmt: skip
    names = names_of(execution, None, dict(base_env), now_us)
    flow = Found()
    env = {name: _resolved(text, names, flow) for name, text in definition["env"].items()}
    names["env"] = {**base_env, **env}
    steps = [_step(section, each, order, names) for section, each, order in _ordered(definition)]
    return {
        "flow": definition["name"],
        "version": definition["version"],
        "inputs": dict(inputs),
        "environment": dict(environment or {}),
        "env": env,
        "timeout_s": definition["timeout_s"],
        "max_parallel": definition["max_parallel"],
        "concurrency": _group(definition, names, flow),
        "requires": _resolved(definition.get("requires"), names, flow),
        "steps": steps,
        "problems": flow.problems + [
            f"{step['path']}: {text}" for step in steps for text in step["problems"]
        ],
    }  # fmt: skip


def _group(
    definition: Mapping[str, Any], names: Mapping[str, Any], found: Found
) -> dict[str, Any] | None:
    """The concurrency group; `known` says whether its name is what it will be."""
    concurrency = definition.get("concurrency")
    if concurrency is None:
        return None
    here = Found()
    group = str(_resolved(concurrency["group"], names, here)).strip()
    found.problems += [f"concurrency: {text}" for text in here.problems]
    known = not (here.unknown or here.problems)
    return {**concurrency, "group": group, "known": known, "obstacle": None}


def _ordered(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    """(section, step, turn): steps of the same turn may run side by side."""
    turn = 0
    for section in SECTIONS:
        waves: dict[str, int] = {}
        steps = definition.get(section) or ()
        needs = before_each(steps)
        for path in in_order(needs):
            waves[path] = max((waves[need] for need in needs[path]), default=turn) + 1
        for step in sorted(steps, key=lambda step: waves[step["path"]]):
            yield section, step, waves[step["path"]]
        turn = max(waves.values(), default=turn)


def _step(
    section: str, step: Mapping[str, Any], order: int, names: dict[str, Any]
) -> dict[str, Any]:
    found = Found()
    condition = _condition(step["if"], names, found) if step["if"] else None
    env = {name: _resolved(text, names, found) for name, text in step["env"].items()}
    names = {**names, "env": {**names["env"], **env}}
    work = {
        key: _resolved(_given(step[key]), names, found)
        for key in WORKING_KEYS
        if step.get(key) is not None
    }
    return {
        "path": step["path"],
        "section": section,
        "order": order,
        "kind": step["kind"],
        "needs": step["needs"],
        "if": condition,
        "env": env,
        "does": work,
        "timeout_s": step["timeout_s"],
        "max_attempts": step["retry"]["max_attempts"],
        "unknown": list(found.unknown),
        # what a step that is skipped would fail with does not matter
        "problems": [] if condition and condition["value"] is False else found.problems,
    }


def _given(value: Any) -> Any:
    """What the file says, without the keys that it leaves out."""
    if not isinstance(value, Mapping):
        return value
    return {key: item for key, item in value.items() if item is not None and item != {}}


def _condition(text: str, names: Mapping[str, Any], found: Found) -> dict[str, Any]:
    unknown = _unknown_in(text)
    if unknown:
        return {"text": text, "value": None, "unknown": unknown}
    value = _evaluated(text, names, found)
    if value is not None and not isinstance(value, bool):
        found.problems.append(f"if: {text} is {value!r}, not true or false")
        value = None
    return {"text": text, "value": value, "unknown": []}


def _resolved(value: Any, names: Mapping[str, Any], found: Found) -> Any:
    """A value with all that is known put in; what is not stays as it is written."""
    if isinstance(value, Mapping):
        return {key: _resolved(item, names, found) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, names, found) for item in value]
    if not isinstance(value, str) or not expression.is_template(value):
        return value
    parts = expression.parts_of(value)
    if parts.problem is not None:
        found.problems.append(parts.problem.what)
        return value
    pieces: list[str] = [parts.literals[0]]
    for part, literal in zip(parts.expressions, parts.literals[1:], strict=True):
        unknown = _unknown_in(part.text)
        found.unknown.update(dict.fromkeys(unknown))
        known = None if unknown else _evaluated(part.text, names, found)
        if parts.lone and known is not None:
            return known
        as_written = f"${{{{{part.text}}}}}"
        pieces += (as_written if known is None else expression.as_text(known), literal)
    return "".join(pieces)


def _unknown_in(text: str) -> list[str]:
    """What an expression reads that only the running tells."""
    scanned = expression.scan(text)
    found = [
        reference.text
        for reference in scanned.references
        if reference.text.partition(".")[0].partition("[")[0] in UNKNOWN_ROOTS
        or reference.text in UNKNOWN_PATHS
    ]
    found += ["now()" for call in scanned.calls if call.name == "now"]
    return list(dict.fromkeys(found))


def _evaluated(text: str, names: Mapping[str, Any], found: Found) -> Any:
    """The value; None where it fails, or is too costly to be found out here."""
    try:
        return expression.evaluate(text, names)
    except expression.HeavyExpression:
        found.unknown[text.strip()] = None
    except ExpressionError as error:
        found.problems.append(error.message)
    return None
