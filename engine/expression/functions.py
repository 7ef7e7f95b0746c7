"""The functions of expressions: CEL's own, its extension library, and ours. One table.

Called by `check` (is it known?) and `cel` (register what an expression names). The library is
imported with the first use. `now()`, `string()`, `quote()` and `python.quote()` are ours; others
are replaced where the library's own has no bound on time or size, or counts bytes for characters.
"""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from . import patterns
from .values import as_text

NOW = "@now"  # the reserved name under which the caller passes the time of now()

# what the Rust library has built in
NATIVE = frozenset(
    {"bytes", "contains", "double", "duration", "dyn", "endsWith", "getDate", "getDayOfMonth",
     "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds", "getMinutes",
     "getMonth", "getSeconds", "has", "hasValue", "int", "optional.none", "optional.of",
     "optional.ofNonZeroValue", "or", "orValue", "size", "startsWith", "timestamp", "type",
     "uint", "value"}
)
# functions whose result or time can grow faster than their arguments
COSTLY = frozenset(
    {"distinct", "flatten", "join", "lists.range", "matches", "replace", "reverse", "sets.contains",
     "sets.equivalent", "sets.intersects", "sort", "split", "base64.encode", "base64.decode"}
)
# functions of ours that stand in for built-in ones: size() counts characters, not bytes;
# matches() is bounded; string() gives what pasting gives
REPLACED = {"size": "size_", "matches": "matches_", "string": "string_"}
OURS = frozenset({"now", "string", "quote", "python.quote", "size", "matches"})

LIGHT_RESULT = 200_000  # characters or elements, in the engine
HEAVY_RESULT = 20_000_000  # in the sandbox


class ResultTooLarge(ValueError):
    """A function would make more than it may."""


def moment_of(value: Any) -> datetime.datetime:
    """The time that the caller passes for now(): a datetime, seconds, or RFC 3339 text."""
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, int | float):
        return datetime.datetime.fromtimestamp(value, datetime.UTC)
    return datetime.datetime.fromisoformat(str(value))


def shell_quote(value: Any) -> str:
    """One word for a shell, always in quotes."""
    text = as_text(value)
    return shlex.quote(text) if shlex.quote(text) != text else f"'{text}'"


def python_quote(value: Any) -> str:
    """A literal for Python source: what quote() means inside `script:`."""
    return repr(as_text(value))


def _size(value: Any) -> int:
    return len(value)


def _bounded_replace(limit: int) -> Callable[..., str]:
    def replace(text: str, old: str, new: str, count: int = -1) -> str:
        times = len(text) + 1 if not old else text.count(old)
        if len(text) + times * len(new) > limit:
            raise ResultTooLarge("replace() makes too long a text")
        return text.replace(old, new, count)

    return replace


def _bounded_join(limit: int) -> Callable[..., str]:
    def join(items: Sequence[str], separator: str = "") -> str:
        if sum(len(item) for item in items) + len(separator) * len(items) > limit:
            raise ResultTooLarge("join() makes too long a text")
        return separator.join(items)

    return join


def _bounded_range(limit: int) -> Callable[..., list[int]]:
    def lists_range(count: int) -> list[int]:
        if count > limit:
            raise ResultTooLarge("lists.range() makes too long a list")
        return list(range(count))

    return lists_range


def _bounded_matches(limit: int) -> Callable[..., bool]:
    def matches(text: str, pattern: str) -> bool:
        if patterns.work_of(pattern, text) > limit:
            raise ResultTooLarge("matches() takes too long")
        return patterns.found(pattern, text)

    return matches


@lru_cache(maxsize=2)
def table(heavy: bool) -> Mapping[str, Callable[..., Any]]:
    """Name → function of everything that is not built into CEL."""
    from .library import stdlib

    limit = HEAVY_RESULT if heavy else LIGHT_RESULT
    functions: dict[str, Callable[..., Any]] = dict(stdlib().STDLIB_FUNCTIONS)
    functions |= {
        "string_": as_text,
        "quote": shell_quote,
        "python.quote": python_quote,
        "size_": _size,
        "replace": _bounded_replace(limit),
        "join": _bounded_join(limit),
        "lists.range": _bounded_range(limit // 200),
        "matches_": _bounded_matches(limit * 5),
    }
    return functions


def known() -> set[str]:
    """Every function's name."""
    return (set(table(False)) | NATIVE | OURS) - set(REPLACED.values())
