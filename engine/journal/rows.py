"""A row of the table executions: as the API shows it, and whether a filter wants it. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.filters import Filter
from engine.journal.database import damaged
from engine.journal.ranges import Row
from engine.times import to_text

STORED = {
    "tags", "actor", "version", "debug", "inputs", "outputs", "waiting_for", "resumed_from",
    "rerun_of", "error", "source",
}  # fmt: skip
RETRIED = ("attempt_started_at",)  # only of those
decode = msgspec.json.decode


def fits(row: Row, wanted: Filter) -> bool:
    """What the index ranges have not decided already."""
    state, type_, trigger, data = row[4], row[5], row[6], row[14]
    if row[2] in wanted.hidden:
        return False
    if wanted.flows is not None and row[2] not in wanted.flows:
        return False
    if wanted.states and state not in wanted.states:
        return False
    if wanted.types and type_ not in wanted.types:
        return False
    if wanted.triggers and trigger not in wanted.triggers:
        return False
    if wanted.waiting and state == "running" and '"waiting_for":null' in data:
        return False
    haystack = f"{row[1]} {row[2]}#{row[3]} {data}".lower() if wanted.texts else ""
    return all(text.lower() in haystack for text in wanted.texts)


def execution_from(row: Row) -> dict[str, Any]:
    """A row of the table executions as wire.Execution, without steps."""
    (
        _,
        id_,
        flow,
        number,
        state,
        type_,
        trigger,
        created,
        started,
        ended,
        duration,
        attempt,
        total,
        steps_ended,
        text,
    ) = row
    data = decode(text)
    if not isinstance(data, dict) or not data.keys() >= STORED:
        raise damaged(f"the record of execution {id_} is incomplete")
    return {
        "id": id_,
        "flow": flow,
        "number": number,
        "state": state,
        "type": type_,
        "tags": data["tags"],
        "trigger": trigger,
        "actor": data["actor"],
        "version": data["version"],
        "attempt": attempt,
        "debug": data["debug"],
        "started_at": to_text(started),
        "ended_at": to_text(ended),
        "duration_ms": duration,
        "inputs": data["inputs"],
        "outputs": data["outputs"],
        "warnings": None,
        "waiting_for": data["waiting_for"],
        "resumed_from": data["resumed_from"],
        "rerun_of": data["rerun_of"],
        "parent": data.get("parent"),  # older records have none
        "environment": data.get("environment") or {},
        "error": data["error"],
        "created_at": to_text(created),
        **{key: data[key] for key in RETRIED if key in data},
        "source": data["source"],
        "progress": {"ended": steps_ended, "running": 0, "total": total},
    }
