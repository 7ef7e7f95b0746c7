"""Executions for the journal's tests, without an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine.core.state import Execution
from engine.ids import new_execution_id
from engine.journal.journal import Journal
from engine.model import Event
from tests.core.flows import flow, step


def execution(
    ord_: int,
    flow_name: str = "f",
    number: int | None = None,
    type_: str = "",
    at_us: int | None = None,
) -> Execution:
    """A queued execution of one step."""
    at_us = at_us or ord_ * 1_000_000
    return Execution(
        id=new_execution_id(at_us), ord=ord_, flow=flow_name, number=number or ord_, version="v",
        source="", definition=flow(step("a"), type=type_), inputs={}, trigger="manual",
        actor="me", created_at_us=at_us,
    )  # fmt: skip


def record(journal: Journal, ex: Execution, state: str = "queued", error: Any = None) -> None:
    """Put a new execution, in a state, into the journal's open batch."""
    ex.state, ex.error = state, error
    journal.add_new(
        ex, Event(0, ex.id, ex.created_at_us, "execution.queued", {"flow": ex.flow}), {}
    )


def with_journal(
    path: Path, work: Callable[[Journal], Awaitable[Any]], told: list[str] | None = None
) -> Any:
    """Run `work` on a loop with an open journal; close it afterwards. What it reports: `told`."""

    async def run() -> Any:
        journal = Journal(path, report=[].append if told is None else told.append)
        journal.start(asyncio.get_running_loop())
        try:
            return await work(journal)
        finally:
            journal.close()

    return asyncio.run(run())
