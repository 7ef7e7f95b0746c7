"""Flows that call others: how deep, and never in a circle. For the service and `children`."""

from __future__ import annotations

from typing import Any

from engine.core.state import Execution
from engine.errors import UsageError, WingmanError
from engine.library import Library
from engine.model import SECTIONS

MAX_DEPTH = 10
Row = dict[str, Any]


def chain_of(caller: Execution) -> list[str]:
    """The flows that have called each other down to this execution, itself the last."""
    return [*(caller.parent or {}).get("chain", ()), caller.flow]


def check_chain(chain: list[str], flow: str) -> None:
    """Refuse a flow that is being called already, and what is too deep. Raises WingmanError."""
    shown = " → ".join([*chain, flow])
    if flow in chain:
        raise UsageError(f"flows call each other in a circle: {shown}", "take one call out")
    if len(chain) > MAX_DEPTH:
        raise UsageError(f"flows call each other more than {MAX_DEPTH} deep: {shown}")


async def check_calls(library: Library, compiled: Row) -> None:
    """Refuse a flow whose calls, as far as known, lead in a circle. Raises UsageError."""
    ahead = [([compiled["name"]], name) for name in calls_of(compiled)]
    seen: set[str] = set()
    while ahead:
        chain, name = ahead.pop()
        check_chain(chain, name)
        if name in seen:
            continue
        seen.add(name)
        try:
            file = await library.find(name)
        except WingmanError:
            continue  # the step says so, if it comes to that
        if file.compiled is not None:
            ahead += [([*chain, name], further) for further in calls_of(file.compiled)]


def calls_of(compiled: Row) -> list[str]:
    """The flows that a flow calls."""
    names = (
        step["flow"]["name"] for section in SECTIONS for step in compiled[section] if step["flow"]
    )
    return list(dict.fromkeys(names))
