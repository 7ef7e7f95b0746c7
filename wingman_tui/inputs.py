"""The inputs of a flow as a person types them: text to value by its declaration, and back. Pure."""

from __future__ import annotations

import datetime
import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

Input = Mapping[str, Any]
FORMATS: dict[str, tuple[Callable[[str], object], str]] = {
    "date": (datetime.date.fromisoformat, "2027-01-31"),
    "time": (datetime.time.fromisoformat, "13:30:00"),
    "date-time": (datetime.datetime.fromisoformat, "2027-01-31T13:30:00Z"),
}
# how the bounds of a schema are told
RANGES = (
    ("minimum", "maximum", ""), ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " elements"),
)  # fmt: skip
BOUNDS = (
    ("exclusiveMinimum", "more than {}"), ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "a multiple of {}"), ("const", "only {}"),
)  # fmt: skip
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
    words = str(declared.get("description") or "")
    return _rules(declared) + (f" · {words}" if words else "")


def in_full(declared: Input, extra: str = "") -> list[str]:
    """The same in paragraphs, and what else is known: what it is for, then what may be typed."""
    parts = [_rules(declared)]
    if not declared.get("sensitive"):
        examples = (declared.get("schema") or {}).get("examples") or ()
        parts.append("such as " + ", ".join(map(as_text, examples)) if examples else "")
        default = as_text(declared.get("default"))
        parts.append(f"default {default}" if default else "")
    return [str(declared.get("description") or ""), " · ".join(filter(None, (*parts, extra)))]


def _rules(declared: Input) -> str:
    schema = declared.get("schema") or {}
    parts = [str(declared.get("type", "string"))]
    if "enum" in schema:
        parts = ["one of " + ", ".join(choices(declared))]
    for least, most, unit in RANGES:
        if least in schema or most in schema:
            parts.append(f"{schema.get(least, '')}…{schema.get(most, '')}{unit}")
    parts += [words.format(as_text(schema[word])) for word, words in BOUNDS if word in schema]
    if "pattern" in schema:
        parts.append(f"pattern {schema['pattern']}")
    if schema.get("format") in FORMATS:
        parts.append(f"a {schema['format']} such as {FORMATS[schema['format']][1]}")
    if declared.get("sensitive"):
        parts.append("hidden")
    return ", ".join(parts)


def parse(declared: Input, text: str) -> Any:
    """The value of what was typed; InputProblem says what is wrong with it."""
    kind = declared.get("type", "string")
    value = _typed(kind, text)
    schema = declared.get("schema") or {}
    allowed = schema.get("enum")
    if allowed and value not in allowed:
        raise InputProblem("one of " + ", ".join(as_text(item) for item in allowed))
    if "const" in schema and value != schema["const"]:
        raise InputProblem(f"only {as_text(schema['const'])}")
    if kind in ("integer", "number"):
        _check_bounds(value, schema)
    elif kind == "string":
        _check_text(value, schema)
    elif kind == "array":
        _check_length(len(value), schema, "minItems", "maxItems", "elements")
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
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        raise InputProblem(f"more than {schema['exclusiveMinimum']}")
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        raise InputProblem(f"less than {schema['exclusiveMaximum']}")
    of = schema.get("multipleOf")
    if isinstance(value, int) and isinstance(of, int) and value % of:  # fractions: the engine's
        raise InputProblem(f"a multiple of {of}")


def _check_length(
    length: int, schema: Mapping[str, Any], least: str, most: str, unit: str
) -> None:
    if least in schema and length < schema[least]:
        raise InputProblem(f"at least {schema[least]} {unit}")
    if most in schema and length > schema[most]:
        raise InputProblem(f"at most {schema[most]} {unit}")


def _check_text(value: str, schema: Mapping[str, Any]) -> None:
    _check_length(len(value), schema, "minLength", "maxLength", "characters")
    if schema.get("format") in FORMATS:
        read, example = FORMATS[schema["format"]]
        try:
            read(value)
        except ValueError:
            raise InputProblem(f"no {schema['format']}, such as {example}") from None
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
