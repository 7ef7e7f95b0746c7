"""Values on their way into and out of expressions: words for types, pasting, JSON, size.

Standard library only; no value is changed in place.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from engine.errors import ExpressionError

from .scan import LIMIT_LEVELS, Path, path_text

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "missing"})()
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_SHOWN_CHARACTERS = 80


def type_word(value: Any) -> str:
    """What a person calls the type of a value."""
    if value is None:
        return "null"
    if value is MISSING:
        return "missing"
    words = {bool: "boolean", int: "integer", float: "decimal", str: "text", bytes: "bytes",
             list: "list", tuple: "list", dict: "map", datetime.datetime: "time",
             datetime.timedelta: "duration"}
    return words.get(type(value), type(value).__name__)


def as_text(value: Any) -> str:
    """A value pasted into text: true/false, null empty, lists and maps as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    value = to_json(value)
    return value if isinstance(value, str) else json_text(value)


def json_text(value: Any) -> str:
    """A JSON value in its compact form."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError, TypeError) as error:
        raise ExpressionError("a value cannot be written as JSON", str(error)) from None


def to_json(value: Any, levels: int = LIMIT_LEVELS) -> Any:
    """A result of CEL as JSON: times as RFC 3339, durations in seconds, optionals unwrapped."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if levels == 0:
        raise ExpressionError(f"the result is nested more than {LIMIT_LEVELS} levels deep")
    if isinstance(value, list | tuple):
        return [to_json(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {as_text(key): to_json(item, levels - 1) for key, item in value.items()}
    return _rare_to_json(value)


def _rare_to_json(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.UTC) if value.tzinfo else value
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ExpressionError("the result is bytes that are no text",
                                  "wrap it in base64.encode()") from None
    if hasattr(value, "or_value"):  # an optional of CEL
        return to_json(value.or_value(None))
    raise ExpressionError(f"the result is a {type(value).__name__}, which is no JSON value")


def look_up(path: Path, names: Mapping[str, Any]) -> Any:
    """The value at a path, or MISSING."""
    value: Any = names
    for key in path:
        if isinstance(value, Mapping):
            if key not in value:
                return MISSING
            value = value[key]
        elif isinstance(value, list) and isinstance(key, int):
            if key >= len(value):
                return MISSING
            value = value[key]
        else:
            return MISSING
    return value


def nodes_of(value: Any) -> Iterator[tuple[Any, int]]:
    """Every value inside a value with its depth, without recursion."""
    stack = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        yield item, depth
        if isinstance(item, Mapping):
            stack.extend((key, depth + 1) for key in item)
            stack.extend((inner, depth + 1) for inner in item.values())
        elif isinstance(item, list | tuple):
            stack.extend((inner, depth + 1) for inner in item)


def shown(value: Any) -> str:
    """A value in one short line, for messages."""
    if value is MISSING:
        return "missing"
    if isinstance(value, str):
        text = json.dumps(value[: _SHOWN_CHARACTERS + 1], ensure_ascii=False)
    elif isinstance(value, list | tuple) and len(value) > 20:
        return f"[… {len(value):,} elements]"
    elif isinstance(value, Mapping) and len(value) > 20:
        return f"{{… {len(value):,} keys}}"
    else:
        try:
            text = "null" if value is None else json_text(to_json(value))
        except ExpressionError:
            text = "…"
    return text if len(text) <= _SHOWN_CHARACTERS + 2 else text[:_SHOWN_CHARACTERS] + "…"


def is_masked(path: Path, masked: Collection[str]) -> bool:
    """Whether a reference is, holds or lies under one that may not be shown."""
    text = path_text(path)
    return any(
        text == name or text.startswith((f"{name}.", f"{name}["))
        or name.startswith((f"{text}.", f"{text}["))
        for name in masked
    )
