"""Checks a value against the words of JSON Schema that inputs may use. Light: no imports but ours.

Called by `inputs` at each start and by `declarations` for defaults. A declaration has passed
`declarations.problems_with` before, so its words can be trusted here.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any

from engine.expression.patterns import PatternError, found

Found = list[tuple[str, str]]
_INT64 = 2**63
_LIMIT_LEVELS = 32
_LIMIT_FOUND = 10
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "array": (list,), "object": (dict,),
}
TYPE_WORDS = {"string": "a text", "integer": "a whole number", "number": "a number",
              "boolean": "true or false", "array": "a list", "object": "a map"}


def problems_of(schema: Mapping[str, Any], value: Any, *, hidden: bool = False,
                where: str = "", levels: int = _LIMIT_LEVELS) -> Found:
    """Everything that is wrong with a value, as (what, hint); a hidden one is never quoted."""
    if levels == 0:
        return [(f"is nested more than {_LIMIT_LEVELS} levels deep", "")]
    at = f"at {where} " if where else ""
    type_ = schema.get("type")
    if type_ is not None and not has_type(value, type_):
        shown = "" if hidden else f", not {_shown(value)}"
        return [(f"{at}must be {TYPE_WORDS[type_]}{shown}", "")]
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return [(f"{at}is beyond 64 bits", "")]
    problems: Found = []
    for word, check in _CHECKS.items():
        if word in schema:
            problem = check(schema[word], value)
            if problem:
                problems.append((f"{at}{problem[0]}", problem[1]))
    if isinstance(value, list):
        problems += _elements(schema, value, hidden, where, levels)
    elif isinstance(value, dict):
        problems += _members(schema, value, hidden, where, levels)
    return problems[:_LIMIT_FOUND]


def has_type(value: Any, type_: str) -> bool:
    """Whether a JSON value is of a JSON Schema type; true is no number."""
    if isinstance(value, bool):
        return type_ == "boolean"
    if isinstance(value, float) and type_ == "number":
        return value == value and abs(value) != float("inf")
    return isinstance(value, _TYPES[type_])


def _elements(schema: Mapping[str, Any], value: list[Any], hidden: bool, where: str,
              levels: int) -> Found:
    problems: Found = []
    if "items" in schema:
        for number, item in enumerate(value):
            problems += problems_of(schema["items"], item, hidden=hidden,
                                    where=f"{where}[{number}]", levels=levels - 1)
            if len(problems) >= _LIMIT_FOUND:
                break
    if schema.get("uniqueItems"):
        written = [json.dumps(item, sort_keys=True) for item in value]
        if len(set(written)) < len(written):
            problems.append(("has an element twice", "each may be there once"))
    return problems


def _members(schema: Mapping[str, Any], value: dict[str, Any], hidden: bool, where: str,
             levels: int) -> Found:
    problems: Found = []
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            problems.append((f"has no `{name}`", "it is required"))
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        rule = known.get(name, others)
        if rule is False:
            problems.append((f"has the unknown name `{str(name)[:40]}`",
                             f"it may have {', '.join(list(known)[:8])}" if known else ""))
        elif isinstance(rule, Mapping):
            inner = f"{where}.{name}" if where else str(name)
            problems += problems_of(rule, item, hidden=hidden, where=inner, levels=levels - 1)
        if len(problems) >= _LIMIT_FOUND:
            break
    return problems


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def same(left: Any, right: Any) -> bool:
    """JSON equality: 1 and 1.0 are the same, 1 and true are not."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _enum(allowed: list[Any], value: Any) -> tuple[str, str] | None:
    if any(same(value, one) for one in allowed):
        return None
    return "is none of the allowed values", "one of " + ", ".join(map(_shown, allowed[:8]))


def _const(only: Any, value: Any) -> tuple[str, str] | None:
    return None if same(value, only) else (f"must be {_shown(only)}", "")


def _pattern(pattern: str, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return None
    try:
        matches = found(pattern, value)
    except PatternError as error:
        return f"cannot be checked against its pattern: the pattern {error}", ""
    return None if matches else (f"does not match its pattern {pattern}", "")


def _bound(number: bool, fits: Callable[[Any, Any], bool],
           words: str) -> Callable[[Any, Any], tuple[str, str] | None]:
    """A check that compares a number, or else a length, with a bound."""

    def check(bound: Any, value: Any) -> tuple[str, str] | None:
        if isinstance(value, bool) or isinstance(value, int | float) != number:
            return None
        return None if fits(value if number else len(value), bound) else (
            words.format(bound), "")

    return check


def _multiple(of: Any, value: Any) -> tuple[str, str] | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and isinstance(of, int):
        whole = value % of == 0
    else:
        ratio = value / of
        whole = abs(ratio - round(ratio)) < 1e-9 * max(1.0, abs(ratio))
    return None if whole else (f"must be a multiple of {of}", "")


_FORMATS: dict[str, tuple[Callable[[str], Any], str]] = {
    "date": (datetime.date.fromisoformat, "2027-01-31"),
    "time": (datetime.time.fromisoformat, "13:30:00"),
    "date-time": (datetime.datetime.fromisoformat, "2027-01-31T13:30:00Z"),
}
FORMATS = tuple(_FORMATS)


def _format(name: str, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return None
    parse, example = _FORMATS[name]
    try:
        parse(value)
    except ValueError:
        return f"is no {name}", f"such as {example}"
    return None


_CHECKS: dict[str, Callable[[Any, Any], tuple[str, str] | None]] = {
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "format": _format,
    "multipleOf": _multiple,
    "minimum": _bound(True, lambda value, bound: value >= bound, "must be {} or more"),
    "maximum": _bound(True, lambda value, bound: value <= bound, "must be {} or less"),
    "exclusiveMinimum": _bound(True, lambda value, bound: value > bound, "must be more than {}"),
    "exclusiveMaximum": _bound(True, lambda value, bound: value < bound, "must be less than {}"),
    "minLength": _bound(False, lambda length, bound: length >= bound,
                        "must have {} characters or more"),
    "maxLength": _bound(False, lambda length, bound: length <= bound,
                        "must have {} characters or fewer"),
    "minItems": _bound(False, lambda length, bound: length >= bound,
                       "must have {} elements or more"),
    "maxItems": _bound(False, lambda length, bound: length <= bound,
                       "must have {} elements or fewer"),
}
