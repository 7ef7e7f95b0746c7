"""One step of the compiled flow (docs/protocols.md, section 1), every key of it written out.

Called by `compile` when everything was read and checked.
"""

from __future__ import annotations

from typing import Any

from engine.expression import parts_of, scan

from . import shells
from .batch_keys import compiled_batch
from .fields import Value, Values, value_of
from .http_keys import compiled_http
from .own_kinds import own_parts
from .readers import Reading
from .step import Step
from .yaml_tree import Mapping

GRACE_S = 10.0
RETRY: dict[str, Any] = {"max_attempts": 1, "delay": 0.0, "backoff": 1, "max_delay": None,
                         "jitter": 0, "on": ["any"]}


def compiled_step(
    step: Step, steps: list[Step], flow_defaults: Values, folder: str, reading: Reading
) -> dict[str, Any]:
    """A step with the flow's defaults under its own keys; `folder` is the flow file's."""
    # defaults are for what a runner carries out
    defaults: Values = {} if step.kind and step.kind.without else flow_defaults
    given = {**defaults, **step.values}
    own = step.values
    retry = _retry(defaults.get("retry"), own.get("retry"), reading)
    return {
        "id": step.id, "path": step.path, "kind": step.kind.name if step.kind else "",
        "parent": step.parent.path if step.parent else None, "clause": step.clause,
        "needs": [steps[index].path for index in step.needs],
        "if": expression_of(own.get("if")), "waits_for_failure": step.waits_for_failure,
        "env": step.env, "timeout_s": value_of(given, "timeout"),
        "grace_s": value_of(given, "grace", GRACE_S), "retry": retry,
        "on_interrupt": value_of(
            given, "on_interrupt", "retry" if retry["max_attempts"] > 1 else "fail"),
        "continue_on_error": value_of(own, "continue_on_error", False),
        "expect": expression_of(own.get("expect")),
        "outputs": value_of(own, "outputs", "lines"),
        "run": value_of(own, "run"),
        "shell": shells.words_of(value_of(given, "shell", shells.USUAL)),
        "python": _python(own.get("python")),
        "http": compiled_http(own.get("http"), folder),
        "pools": value_of(own, "pools", {}),
        **own_parts(own, reading),
        "batch": compiled_batch(own.get("batch"), uses_items=step.uses_items),
        "on_error": [
            {"match": value_of(clause, "match", ["any"]),
             "then": value_of(clause, "then", "continue")}
            for clause in value_of(own, "on_error", [])
        ],
    }


def expression_of(value: Value | None) -> str | None:
    """The text of an expression; None where there is none."""
    return None if value is None else str(value.value)


def _retry(default: Value | None, own: Value | None, reading: Reading) -> dict[str, Any]:
    """The step's retry over the flow's default, key by key."""
    given: Values = {**(default.value if default else {}), **(own.value if own else {})}
    if own is not None and "max_attempts" not in given and not (
            isinstance(own.node, Mapping) and "max_attempts" in own.node.entries):
        reading.wrong(own.node, "`retry` without `max_attempts` tries once", "add max_attempts: 3")
    retry = {name: value_of(given, name, usual) for name, usual in RETRY.items()}
    return {"max_attempts": retry["max_attempts"], "delay_s": retry["delay"],
            "backoff": retry["backoff"], "max_delay_s": retry["max_delay"],
            "jitter": retry["jitter"], "on": retry["on"]}


def _python(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    script = value_of(value.value, "script")
    return {"call": value_of(value.value, "call"), "args": value_of(value.value, "args", {}),
            "script": None if script is None else _with_python_quotes(script)}


def _with_python_quotes(script: str) -> str:
    """The script with quote() as python.quote(): a shell's quotes are not safe in Python."""
    parts = parts_of(script)
    pieces = [parts.literals[0]]
    for part, literal in zip(parts.expressions, parts.literals[1:], strict=False):
        text = part.text
        for call in reversed(scan(text).calls):
            if call.name == "quote":
                text = f"{text[:call.start]}python.{text[call.start:]}"
        pieces += ("${{", text, "}}", literal)
    return "".join(pieces)


