"""The inputs of a flow as a person types them: text to value by its declaration, and back. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

Input = Mapping[str, Any]
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


class InputProblem(Exception):
    """What is wrong with what was typed, in a few words."""


def as_text(value: Any) -> str:
    """A value as it is shown in its field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def starting_text(declared: Input, known: Mapping[str, Any] | None = None) -> str:
    """What a field holds when the form opens: a former value, else the default."""
    if declared.get("sensitive"):
        return ""
    if known is not None and declared["name"] in known:
        return as_text(known[declared["name"]])
    return as_text(declared.get("default"))


def command_of(plan: Mapping[str, Any], path: str) -> str:
    """What a step runs, as a plan of the engine has it, after the inputs that it reads."""
    steps: list[dict[str, Any]] = [s for s in plan.get("steps", ()) if s.get("path") == path]
    step = steps[0] if steps else {}
    does = step.get("does") or {}
    text = next((str(does[kind]) for kind in ("run", "script") if does.get(kind)), "")
    if not text and does:
        return json.dumps(does, ensure_ascii=False, indent=2)
    read = {
        name: as_text(value)
        for name, value in {**(plan.get("inputs") or {}), **(step.get("env") or {})}.items()
        if re.search(rf"\b{re.escape(str(name))}\b", text)
    }
    given = [f"export {name}={shlex.quote(value)}" for name, value in read.items()]
    return "\n".join([*given, text])


def choices(declared: Input) -> list[str]:
    """The values that a field steps through, where there is a fixed set of them."""
    if declared.get("type") == "boolean":
        return ["false", "true"]
    return [as_text(value) for value in (declared.get("schema") or {}).get("enum", ())]


def describe(declared: Input) -> str:
    """What may be typed, in one line: type, bounds, pattern, description."""
    schema = declared.get("schema") or {}
    parts = [str(declared.get("type", "string"))]
    if "enum" in schema:
        parts = ["one of " + ", ".join(choices(declared))]
    if "minimum" in schema or "maximum" in schema:
        parts.append(f"{schema.get('minimum', '')}…{schema.get('maximum', '')}")
    if "pattern" in schema:
        parts.append(f"pattern {schema['pattern']}")
    if declared.get("sensitive"):
        parts.append("hidden")
    words = str(declared.get("description") or "")
    return ", ".join(parts) + (f" · {words}" if words else "")


def parse(declared: Input, text: str) -> Any:
    """The value of what was typed; InputProblem says what is wrong with it."""
    kind = declared.get("type", "string")
    value = _typed(kind, text)
    schema = declared.get("schema") or {}
    allowed = schema.get("enum")
    if allowed and value not in allowed:
        raise InputProblem("one of " + ", ".join(as_text(item) for item in allowed))
    if kind in ("integer", "number"):
        _check_bounds(value, schema)
    if kind == "string":
        _check_text(value, schema)
    return value


def _typed(kind: str, text: str) -> Any:
    try:
        if kind == "integer":
            return int(text.strip())
        if kind == "number":
            return float(text.strip())
    except ValueError:
        wanted = "a whole number" if kind == "integer" else "a number"
        raise InputProblem(f"not {wanted}") from None
    if kind == "boolean":
        word = text.strip().lower()
        if word not in _TRUE + _FALSE:
            raise InputProblem("true or false")
        return word in _TRUE
    if kind in ("array", "object"):
        return _json(kind, text)
    return text


def _json(kind: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        raise InputProblem("not JSON") from None
    if not isinstance(value, list if kind == "array" else dict):
        raise InputProblem("not a list: [1, 2]" if kind == "array" else 'not a map: {"a": 1}')
    return value


def _check_bounds(value: float, schema: Mapping[str, Any]) -> None:
    if "minimum" in schema and value < schema["minimum"]:
        raise InputProblem(f"at least {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        raise InputProblem(f"at most {schema['maximum']}")


def _check_text(value: str, schema: Mapping[str, Any]) -> None:
    if "minLength" in schema and len(value) < schema["minLength"]:
        raise InputProblem(f"at least {schema['minLength']} characters")
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        raise InputProblem(f"at most {schema['maxLength']} characters")
    pattern = schema.get("pattern")
    # a pattern comes from the flow file; a long text is left to the engine's linear-time matcher
    if pattern and len(value) <= 200 and len(pattern) <= 200:
        try:
            if not re.search(pattern, value):
                raise InputProblem(f"does not match {pattern}")
        except re.error:
            return  # another dialect: the engine decides


def problem_of(declared: Input, text: str, unchanged: bool = False) -> str:
    """What is wrong with a field, empty when it is right.

    `unchanged` is a hidden field of a rerun that was left alone: it keeps its former value.
    """
    if text == "" and (unchanged or "default" in declared):
        return ""
    if text == "" and declared.get("required"):
        return "needs a value"
    try:
        parse(declared, text)
    except InputProblem as problem:
        return str(problem)
    return ""


def values(fields: Mapping[str, Input], texts: Mapping[str, str]) -> dict[str, Any]:
    """The typed values to send; a field left empty is left to its default."""
    out: dict[str, Any] = {}
    for name, declared in fields.items():
        text = texts.get(name, "")
        if text == "" and (not declared.get("required") or declared.get("sensitive")):
            continue
        out[name] = parse(declared, text)
    return out
