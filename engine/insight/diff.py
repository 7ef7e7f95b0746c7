"""What is different between two executions of a flow: definition, inputs, outputs, steps. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Row = Mapping[str, Any]
CONTEXT_LINES = 2
LINES_LIMIT = 400
SLOWER = 1.5  # a step's duration is told when it is this much longer or shorter
LEAST_MS = 500
MISSING = object()
# what is different in every execution: times, ids, numbers of processes, durations
_VOLATILE = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    rb"|\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"
    rb"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    rb"|\b[0-9a-fA-F]{12,}\b|0x[0-9a-fA-F]+"
    rb"|\b\d+(?:\.\d+)? ?(?:ms|us|s|m|h)\b|\b\d{6,}\b|\bpid[ =:]\d+"
)


def difference(one: Row, other: Row, texts: tuple[str, str]) -> dict[str, Any]:
    """What `other` has otherwise than `one`; `texts` are their definitions, in this order."""
    return {
        "from": _name(one),
        "to": _name(other),
        "definition": list(_definition(*texts)),
        "inputs": changes(one.get("inputs") or {}, other.get("inputs") or {}),
        "environment": changes(one.get("environment") or {}, other.get("environment") or {}),
        "outputs": changes(one.get("outputs") or {}, other.get("outputs") or {}),
        "steps": list(_steps(one.get("steps") or (), other.get("steps") or ())),
        "duration_ms": [one.get("duration_ms"), other.get("duration_ms")],
        "state": [one["state"], other["state"]],
    }


def _name(execution: Row) -> str:
    return f"{execution['flow']}#{execution['number']}"


def _definition(one: str, other: str) -> Iterator[str]:
    """A unified diff of the two files, without its head."""
    lines = difflib.unified_diff(one.splitlines(), other.splitlines(), n=CONTEXT_LINES, lineterm="")
    for number, line in enumerate(lines):
        if number >= LINES_LIMIT:
            yield "…"
            return
        if number >= 2:
            yield line


def changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The names whose values differ: {"name", "from", "to"}, a missing one without the key."""
    found = []
    for name in dict.fromkeys((*one, *other)):
        before, after = one.get(name, MISSING), other.get(name, MISSING)
        if before != after:
            entry = {"name": name, "from": before, "to": after}
            found.append({key: value for key, value in entry.items() if value is not MISSING})
    return found


def _steps(one: Iterable[Row], other: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """The steps that are only in one, or that ended, printed or took otherwise."""
    before = {step["path"]: step for step in one}
    after = {step["path"]: step for step in other}
    for path in dict.fromkeys((*before, *after)):
        if path not in before or path not in after:
            yield {"path": path, "only_in": "to" if path in after else "from"}
            continue
        found = _step(before[path], after[path])
        if found:
            yield {"path": path, **found}


def _step(before: Row, after: Row) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("state", "exit_code", "attempts"):
        if before.get(key) != after.get(key):
            found[key] = [before.get(key), after.get(key)]
    if (before.get("error") or {}) != (after.get("error") or {}):
        found["error"] = [before.get("error"), after.get("error")]
    values = changes(before.get("outputs") or {}, after.get("outputs") or {})
    if values:
        found["outputs"] = values
    if _is_other_length(before.get("duration_ms"), after.get("duration_ms")):
        found["duration_ms"] = [before.get("duration_ms"), after.get("duration_ms")]
    return found


def _is_other_length(before_ms: float | None, after_ms: float | None) -> bool:
    if before_ms is None or after_ms is None or abs(after_ms - before_ms) < LEAST_MS:
        return False
    low, high = sorted((before_ms, after_ms))
    return high >= SLOWER * max(low, 1)


def plain(line: bytes) -> bytes:
    """A log line without what is different in every execution."""
    return _VOLATILE.sub(b"#", line)


def first_difference(
    one: Iterable[bytes], other: Iterable[bytes]
) -> tuple[int, bytes | None, bytes | None] | None:
    """Where two logs part: the number from 1, the line of each; None for an absent one."""
    left, right = iter(one), iter(other)
    number = 0
    while True:
        number += 1
        mine, theirs = next(left, None), next(right, None)
        if mine is None and theirs is None:
            return None
        if mine is None or theirs is None or (mine != theirs and plain(mine) != plain(theirs)):
            return number, mine, theirs
