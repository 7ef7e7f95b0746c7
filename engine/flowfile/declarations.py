"""Checks the declarations of inputs in a flow file: their words, patterns and defaults.

Called by `compile`; a declaration that passes here can be used by `inputs` without a second look.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Map
from typing import Any

from engine.expression.patterns import LIMIT_WORK, PatternError, compile_pattern, work_of

from . import yaml_tree
from .fields import Value, Values, value_of
from .input_keys import SCHEMA_WORDS, TYPES
from .input_values import FORMATS, TYPE_WORDS, has_type
from .inputs import check_value
from .readers import Reading
from .yaml_tree import Node, Scalar

_LIMIT_LEVELS = 16
_OWN = ("type", "default", "sensitive", "description")
_BOUNDS = (  # the lower, the upper, whether they may be the same
    ("minimum", "maximum", True), ("minLength", "maxLength", True), ("minItems", "maxItems", True),
    ("exclusiveMinimum", "maximum", False), ("minimum", "exclusiveMaximum", False),
    ("exclusiveMinimum", "exclusiveMaximum", False),
)


def compiled_input(name: str, values: Values, reading: Reading, node: Node) -> dict[str, Any]:
    """One input of the compiled flow; what is wrong goes to the problems."""
    type_ = _type_of(values)
    before = reading.problems.count
    for word, value in values.items():
        if word not in _OWN:
            _check_word(word, value.value, type_, value.key, value.node, reading)
    schema = {word: value.value for word, value in values.items() if word not in _OWN}
    _check_bounds(schema, {word: value.node for word, value in values.items()}, reading)
    one: dict[str, Any] = {
        "name": name, "type": type_, "required": "default" not in values,
        "sensitive": bool(value_of(values, "sensitive", False)),
        "description": value_of(values, "description", ""), "schema": schema,
    }
    if "default" in values:
        default = values["default"]
        one["default"] = default.value
        _count_work(schema, default, reading)
        if one["sensitive"] and default.value:
            reading.wrong(default.node, f"the default of the sensitive input `{name}` stands in "
                          "the file for all to read", 'leave it out, or write ""')
        if reading.problems.count == before:
            one["default"], found = check_value(one, default.value)
            for what, hint in found:
                reading.wrong(default.node, f"the default of `{name}` {what}", hint)
    return one


def _count_work(schema: Map[str, Any], default: Value, reading: Reading) -> None:
    """Bound what checking all defaults of a file against their patterns costs."""
    if "pattern" not in schema or not isinstance(default.value, str):
        return
    try:
        reading.pattern_work += work_of(str(schema["pattern"]), default.value)
    except PatternError:
        return
    if reading.pattern_work > LIMIT_WORK:
        reading.wrong(default.node, "the patterns and defaults of the inputs cost too much to "
                      "check", "make them simpler")
        reading.problems.stop()


def _type_of(values: Values) -> str:
    if "type" in values:
        return str(values["type"].value)
    default = value_of(values, "default", "")
    return next((type_ for type_ in TYPES if has_type(default, type_)), "string")


def _check_word(word: str, value: Any, type_: str | None, key: Scalar, node: Node,
                reading: Reading, levels: int = _LIMIT_LEVELS) -> None:
    """Check one word of JSON Schema in a declaration."""
    about = SCHEMA_WORDS[word][0]
    if type_ is not None and about and about != type_ and not (
            about == "number" and type_ == "integer"):
        reading.wrong(key, f"`{word}` says nothing about {TYPE_WORDS[type_]}",
                      f"it belongs to {TYPE_WORDS[about]}")
        return
    wrong = _FORMS[word](value)
    if wrong:
        reading.wrong(node, f"`{word}` must be {wrong}", "")
    elif word in ("enum", "const", "examples") and type_ is not None:
        for one in value if word != "const" else [value]:
            if not has_type(one, type_):
                reading.wrong(node, f"`{word}` holds a value that is not {TYPE_WORDS[type_]}", "")
                return
    elif word == "pattern":
        _check_pattern(str(value), node, reading)
    elif word in ("items", "additionalProperties") and isinstance(value, Map):
        _check_schema(value, node, reading, levels - 1)
    elif word == "properties" and isinstance(node, yaml_tree.Mapping):
        for name, (_, inner) in node.entries.items():
            _check_schema(value[name], inner, reading, levels - 1)


def _check_bounds(schema: Map[str, Any], places: Map[str, Node], reading: Reading) -> None:
    """Bounds with nothing between them are a slip of the pen: no value could ever be given."""
    for least, most, may_meet in _BOUNDS:
        low: Any = schema.get(least)
        high: Any = schema.get(most)
        if not has_type(low, "number") or not has_type(high, "number"):
            continue
        if low > high or (low == high and not may_meet):
            reading.wrong(places[most], f"no value is allowed: `{least}` is {low}, and `{most}` "
                          f"{high}", "change one of them")


def _check_pattern(pattern: str, node: Node, reading: Reading) -> None:
    try:
        compile_pattern(pattern)
    except PatternError as error:
        reading.wrong(node, f"the pattern cannot be used: {error}",
                      "patterns are RE2: no look-around, no back references")


def _check_schema(schema: Any, node: Node, reading: Reading, levels: int) -> None:
    """Check a schema inside a declaration (items, properties)."""
    if not isinstance(schema, Map) or not isinstance(node, yaml_tree.Mapping):
        reading.wrong(node, "a map such as {type: string} is expected", "")
        return
    if levels == 0:
        reading.wrong(node, f"schemas nested more than {_LIMIT_LEVELS} levels deep", "")
        return
    type_ = schema.get("type")
    if type_ is not None and type_ not in TYPES:
        reading.wrong(node.entries["type"][1], f"`{str(type_)[:40]}` is no type",
                      reading.problems.one_of(str(type_), TYPES))
        return
    for word, (key, inner) in node.entries.items():
        if word in SCHEMA_WORDS:
            _check_word(word, schema[word], type_, key, inner, reading, levels)
        elif word not in ("type", "description"):
            reading.wrong(key, f"a schema has no word `{word[:60]}`",
                          reading.problems.one_of(word, SCHEMA_WORDS))
    _check_bounds(schema, {word: inner for word, (_, inner) in node.entries.items()}, reading)


def _number(value: Any) -> str:
    return "" if has_type(value, "number") else "a number"


def _positive(value: Any) -> str:
    return "" if has_type(value, "number") and value > 0 else "a number above 0"


def _count(value: Any) -> str:
    return "" if has_type(value, "integer") and value >= 0 else "a whole number of 0 or more"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "a text"


def _names(value: Any) -> str:
    fine = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return "" if fine else "a list of names (an input without a default is required by itself)"


def _some(value: Any) -> str:
    return "" if isinstance(value, list) and value else "a list with an entry or more"


_FORMS: dict[str, Callable[[Any], str]] = {
    "title": _text, "examples": _some, "enum": _some, "const": lambda value: "",
    "pattern": _text, "minLength": _count, "maxLength": _count,
    "format": lambda value: "" if value in FORMATS else f"one of {', '.join(FORMATS)}",
    "minimum": _number, "maximum": _number, "exclusiveMinimum": _number,
    "exclusiveMaximum": _number, "multipleOf": _positive,
    "items": lambda value: "" if isinstance(value, Map) else "a map such as {type: string}",
    "minItems": _count, "maxItems": _count,
    "uniqueItems": lambda value: "" if isinstance(value, bool) else "true or false",
    "properties": lambda value: "" if isinstance(value, Map) else "a map of names",
    "required": _names,
    "additionalProperties":
        lambda value: "" if isinstance(value, bool | Map) else "true, false or a map",
}

