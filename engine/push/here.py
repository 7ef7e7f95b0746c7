"""What a right flow wants of this server and this server has not. Changes nothing."""

from __future__ import annotations

from typing import Any

from engine.environment import hint_of as value_hint
from engine.errors import UsageError
from engine.service import Service

Row = dict[str, Any]


def problems_here(service: Service, compiled: Row) -> list[Row]:
    """What its configuration has not, as wire.Problem: pools, values of the environment."""
    found = []
    scheduler = service.scheduler
    try:
        scheduler.slots.check(compiled)
    except UsageError as error:
        found.append(problem(error.message, error.hint))
    hint = value_hint(scheduler.config_file)
    return found + [problem(miss, hint) for miss in scheduler.environment.missing(compiled)]


def problem(what: str, hint: str) -> Row:
    """A problem of the flow as a whole."""
    return {"line": 1, "column": 1, "what": what, "hint": hint}
