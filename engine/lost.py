"""Ends executions that cannot be restored, and has whoever follows ends hear of it. At start only.

Their steps are not known any more; their flow, their number and their file's alerts mostly are.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.core.reduce import apply
from engine.core.state import Execution
from engine.errors import StorageError
from engine.flowfile.formats import FORMAT
from engine.journal.database import queries
from engine.journal.history import History
from engine.journal.journal import Journal
from engine.model import SECTIONS, Event
from engine.recovery import new_execution
from engine.scheduler import Observer
from engine.times import from_text

# of a flow whose version is gone: nothing but its name is known
UNKNOWN: dict[str, Any] = {
    "format": FORMAT, "inputs": [], "alerts": [], "type": "", "tags": [],
    **{section: [] for section in SECTIONS},
}  # fmt: skip


def end_lost(
    lost: Mapping[int, str], history: History, journal: Journal, now_us: Callable[[], int],
    followers: list[Observer], log: Callable[[str], None],
) -> None:  # fmt: skip
    """End each as failed: with its alerts and what follows it in the same transaction."""
    for ord_, reason in lost.items():
        log(f"execution {ord_} cannot go on: {reason}")
        at_us = now_us()
        event = journal.abandon(ord_, at_us, reason)
        try:
            execution = _ended(history, ord_, event)
            for follow in followers:
                follow(execution, [event])
        except Exception:  # the others, and all that runs, must not wait for this
            log(f"the end of execution {ord_} is told to nobody: {traceback.format_exc()}")


def _ended(history: History, ord_: int, event: Event) -> Execution:
    """What is known of it, as it has ended."""
    row: Any = history.connection.execute(queries()["execution"], (ord_,)).fetchone()
    data = msgspec.json.decode(row[14])
    try:
        definition = history.compiled_of(data["version"], data["source"])
    except (StorageError, msgspec.DecodeError, KeyError):
        definition = UNKNOWN
    facts = {**data, "flow": row[2], "number": row[3], "trigger": row[6]}
    execution = new_execution(ord_, row[1], row[7], facts, definition, {})
    execution.started_at_us, execution.attempt = row[8], row[11]
    again = data.get("attempt_started_at")
    execution.attempt_started_at_us = from_text(again) if again else None
    apply(execution, event)
    return execution
