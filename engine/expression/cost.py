"""Decides whether an expression may be evaluated in the engine's own thread.

Called by `evaluate`. The estimate is of the worst case: what it calls light takes at most some
50 ms whatever the values are; everything else goes to the sandbox, where it can be killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import ExpressionError

from .functions import COSTLY
from .scan import LIMIT_LEVELS, Scan
from .values import INT64_MAX, INT64_MIN, nodes_of

LIGHT_ELEMENTS = 1_000
LIGHT_COMPREHENSION_ELEMENTS = 300  # `map` copies its result for each element
LIGHT_WORK = 1_000_000
_MEASURED = 200_000  # nothing larger is light, so counting stops there


def size_of(values: Iterable[Any]) -> tuple[int, int]:
    """Nodes plus characters of the values, and the largest list or map among them.

    Raises ExpressionError for what CEL cannot take: too deep, or beyond 64 bits.
    """
    size = largest = 0
    for value in values:
        for node, depth in nodes_of(value):
            size += 1
            if depth > LIMIT_LEVELS:
                raise ExpressionError(f"a value is nested more than {LIMIT_LEVELS} levels deep",
                                      "pass a part of it")
            if isinstance(node, str):
                size += len(node)
            elif isinstance(node, list | tuple | Mapping):
                largest = max(largest, len(node))
            elif type(node) is int and not INT64_MIN <= node <= INT64_MAX:
                raise ExpressionError("a whole number is beyond 64 bits", "pass it as text")
    return size, largest


def too_much(scanned: Scan, values: Iterable[Any]) -> bool:
    """Whether evaluating may take longer than the engine can wait."""
    size, largest = size_of(values)
    if largest > LIGHT_ELEMENTS or size > _MEASURED:
        return True
    words = scanned.words
    size += len(scanned.text) // 10
    costly = sum(call.name in COSTLY for call in scanned.calls)
    if scanned.comprehensions:
        elements = max(largest, scanned.text.count(","), 1)
        if costly or elements > LIGHT_COMPREHENSION_ELEMENTS:
            return True
        return words * size * elements > LIGHT_WORK * 2
    if costly:
        return costly > 3 or size > 20_000 or words * size > LIGHT_WORK // 4
    return words * size > LIGHT_WORK
