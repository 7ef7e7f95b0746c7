"""What goes into one commit: events, and rows made from the state as it is at that moment. Pure.

The rows are JSON arrays; the writer hands each table's rows to one statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.core.items import Batches
from engine.core.state import Execution, StepState, called_waits
from engine.times import to_text

Row = list[Any]


@dataclass(slots=True)
class Batch:
    """Everything that waits for the next commit."""

    events: list[Row] = field(default_factory=list)
    executions: dict[int, Execution] = field(default_factory=dict)
    created: set[int] = field(default_factory=set)  # executions that have no row yet
    moved: set[int] = field(default_factory=set)  # executions whose state has changed
    steps: dict[tuple[int, int], tuple[Execution, StepState]] = field(default_factory=dict)
    attempts: list[Row] = field(default_factory=list)
    ends: list[Row] = field(default_factory=list)
    versions: list[Row] = field(default_factory=list)
    flows: dict[str, Row] = field(default_factory=dict)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)
    audit: list[Row] = field(default_factory=list)
    abandoned: list[Row] = field(default_factory=list)  # [ord, at, error]
    others: list[tuple[str, Row]] = field(default_factory=list)  # rare rows, in their order
    is_heavy: bool = False  # it takes long, whatever the number of its values
    triggers: dict[str, Row] = field(default_factory=dict)
    occasions: list[Row] = field(default_factory=list)  # of triggers: their ledger

    def count(self, flow: str, state: str, by: int) -> None:
        key = (flow, state)
        self.counters[key] = self.counters.get(key, 0) + by

    def tables(self, shown_inputs: dict[int, dict[str, Any]]) -> list[tuple[str, list[Row]]]:
        """(statement name, rows) for every table that has something to write.

        `shown_inputs` holds, by ord, the inputs as they may be stored: sensitive ones masked.
        """
        found: list[tuple[str, list[Row]]] = [
            ("insert_versions", self.versions),
            ("upsert_flows", list(self.flows.values())),
            ("insert_events", self.events),
            ("insert_attempts", self.attempts),
            ("insert_ends", self.ends),
            *self._execution_tables(shown_inputs),
            ("upsert_steps", [step_row(ex, step) for ex, step in self.steps.values()]),
            ("add_counters", [[flow, state, n] for (flow, state), n in self.counters.items() if n]),
            ("insert_audit", self.audit),
            ("upsert_triggers", list(self.triggers.values())),
            ("upsert_occasions", self.occasions),
            ("abandon_counters", self.abandoned),
            ("abandon_steps", self.abandoned),
            ("abandon_executions", self.abandoned),
            *((name, [row]) for name, row in self.others),
        ]
        return [(name, rows) for name, rows in found if rows]

    def _execution_tables(
        self, shown_inputs: dict[int, dict[str, Any]]
    ) -> list[tuple[str, list[Row]]]:
        """New rows, rows whose indexed columns change, and rows that only make progress."""
        found: dict[str, list[Row]] = {
            "insert_executions": [], "update_executions": [], "update_progress": []
        }  # fmt: skip
        for ord_, ex in self.executions.items():
            name = "update_executions" if ord_ in self.moved else "update_progress"
            name = "insert_executions" if ord_ in self.created else name
            found[name].append(execution_row(ex, shown_inputs.get(ord_, {})))
        return list(found.items())


def execution_row(ex: Execution, inputs: dict[str, Any]) -> Row:
    """A row of the table executions."""
    waiting = ex.waiting_for
    return [
        ex.ord,
        ex.id,
        ex.flow,
        ex.number,
        ex.state,
        ex.definition["type"],
        ex.trigger,
        ex.created_at_us,
        ex.started_at_us,
        ex.ended_at_us,
        ex.duration_ms,
        ex.attempt,
        ex.total,
        ex.ended,
        int(waiting is not None),
        ex.request_key,
        execution_json(ex, inputs, waiting),
    ]


def execution_json(
    ex: Execution, inputs: dict[str, Any], waiting: dict[str, Any] | None
) -> dict[str, Any]:
    """What a list of executions needs beside the columns."""
    again = {"attempt_started_at": to_text(ex.attempt_started_at_us)} if ex.attempt > 1 else {}
    return {
        **again,
        "tags": ex.definition["tags"],
        "actor": ex.actor,
        "version": ex.version,
        "source": ex.source,
        "debug": ex.debug,
        "inputs": inputs,
        "outputs": ex.outputs,
        "waiting_for": with_times(waiting),
        "resumed_from": ex.resumed_from,
        "rerun_of": ex.rerun_of,
        "parent": ex.parent,
        "environment": ex.environment_values,
        "error": ex.error,
    }


def with_times(waiting: dict[str, Any] | None) -> dict[str, Any] | None:
    """What something waits for, its moments as text."""
    for moment in ("until", "since"):
        if waiting and f"{moment}_us" in waiting:
            waiting = {**waiting, moment: to_text(waiting[f"{moment}_us"])}
            del waiting[f"{moment}_us"]
    if waiting and "waiting_for" in waiting:
        waiting = {**waiting, "waiting_for": with_times(waiting["waiting_for"])}
    return waiting


def step_row(ex: Execution, step: StepState) -> Row:
    """A row of the table steps."""
    return [ex.ord, step.index, step.path, step.state, step_json(step)]


def step_json(step: StepState) -> dict[str, Any]:
    """A step as wire.Step has it."""
    usage = step.usage
    found = {
        "id": step.definition["id"] if step.number is None else str(step.number),
        "path": step.path,
        "state": step.state,
        "attempts": step.attempts,
        "started_at": to_text(step.started_at_us),
        "ended_at": to_text(step.ended_at_us),
        "duration_ms": step.duration_ms,
        "exit_code": step.exit_code,
        "error": step.error,
        "outputs": step.outputs,
        "warnings": None,
        "cpu_s": usage.get("cpu_s"),
        "max_rss_bytes": usage.get("max_rss_bytes"),
        "kind": step.definition["kind"],
        "needs": step.definition["needs"],
        "section": step.section,
        "reason": step.reason,
        "handled": step.handled,
        "signal": step.signal,
        "read_bytes": usage.get("read_bytes"),
        "write_bytes": usage.get("write_bytes"),
        "log_bytes": usage.get("log_bytes", 0),
    }
    if step.child and step.child["number"]:
        found["child"] = {key: step.child[key] for key in ("execution", "flow", "number")}
    if step.awaited is not None:
        found["waiting_for"] = with_times(step.awaited)
        if step.definition["approve"]:
            found["waiting_for"]["inputs"] = step.definition["approve"]["inputs"]
    elif step.child and step.child.get("waiting_for"):
        found["waiting_for"] = with_times(called_waits(step))
    if step.batches is not None:
        found["batch"] = batch_json(step.batches)
    return found


def batch_json(batches: Batches) -> dict[str, Any]:
    """How far a batch step is, as wire.Batch has it."""
    return {
        "items": batches.total,
        "size": batches.size,
        "batches": batches.count,
        "ended": batches.ended,
        "running": batches.running,
        "failed_items": batches.failed_count,
        "position": batches.base,
    }
