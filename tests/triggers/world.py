"""An engine's triggers in this process: a real journal and scheduler, a clock that the test sets,
and an executor that ends steps when the test says so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine import parts
from engine.clock import Clock
from engine.paths import Home
from engine.reopening import reopen
from engine.triggers.keeper import Keeper

SECOND_US = 1_000_000


class Hands:
    """An executor that does nothing by itself."""

    keeps_lines = False

    def __init__(self, home: Home, epoch: int, listener: Any, boot: str, log: Any) -> None:
        self.generation = f"hands{epoch}"
        self.runner_pid = None
        self.started: dict[str, dict[str, Any]] = {}
        self._listener = listener

    def open(self, attempts: Any) -> None:
        for generation, names in attempts.items():
            for name in names:
                self.started[name] = {"attempt": name, "generation": generation}

    def start(self, spec: dict[str, Any]) -> None:
        self.started[spec["attempt"]] = {**spec, "generation": self.generation}

    def cancel(self, generation: str, attempt: str, mode: str, reason: str) -> None:
        self._end(attempt, "cancelled")

    def acknowledge(self, generation: str, attempts: Iterable[str]) -> None: ...
    def flush(self) -> None: ...
    def watch(self, execution: str, on: bool) -> None: ...
    def close(self, kill: bool) -> None: ...

    def finish(self, execution_id: str, exit_code: int = 0) -> None:
        """End what runs of an execution."""
        for attempt in [name for name in self.started if name.startswith(execution_id)]:
            self._end(attempt, "exited", exit_code)

    def _end(self, attempt: str, outcome: str, exit_code: int | None = 0) -> None:
        spec = self.started.pop(attempt, None)
        if spec is None:
            return
        end = {
            "attempt": attempt, "outcome": outcome, "exit_code": exit_code, "signal": None,
            "oom": False, "began_at": 0.0, "ended_at": 0.0, "wall_s": 0.0, "cpu_s": 0.0,
            "max_rss_bytes": 0, "read_bytes": 0, "write_bytes": 0, "outputs": {}, "error": None,
            "log_bytes": 0, "log_records": 0, "leftovers": 0,
        }  # fmt: skip
        self._listener.attempts_ended(spec["generation"], [end])


class World:
    """One home, its wall clock, and the engines that serve it one after the other."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.wall_us = us("2027-03-01T00:00:00+00:00")
        self.elapsed_us = 0
        self.engine: Any = None  # its parts, without what serves
        make = lambda: Clock(lambda: self.wall_us * 1000, lambda: self.elapsed_us * 1000)  # noqa: E731
        monkeypatch.setattr(parts, "Clock", make)
        monkeypatch.setattr(parts, "LocalExecutor", Hands)

    def write(self, name: str, text: str) -> Path:
        """A flow file, as an editor leaves it; its time always differs from the last one's."""
        path = self.home.flows / f"{name}.yaml"
        before = path.stat().st_mtime_ns if path.exists() else 0
        path.write_text(f"name: {name}\n{text}")
        if path.stat().st_mtime_ns <= before:
            os.utime(path, ns=(before + 1, before + 1))
        return path

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[World]:
        """An engine, from its start to its end."""
        self.engine = parts.Parts(self.home)
        self.engine.journal.start(asyncio.get_running_loop())
        reopen(self.engine)
        await self.engine.registry.open()
        await self.settle()
        try:
            yield self
        finally:
            await self.engine.registry.close()
            await self.engine.sandbox.close()
            self.engine.reader.close()
            await self.engine.journal.durable()
            self.engine.journal.close()

    @property
    def keeper(self) -> Keeper:
        found: Keeper = self.engine.triggers
        return found

    async def settle(self) -> None:
        """Wait until nothing is being decided, and all of it is durable."""
        await self.engine.journal.durable()
        for _ in range(1000):
            schedules = self.keeper._schedules
            if schedules is None or not (schedules._line or schedules._workers):
                break
            await asyncio.sleep(0.001)
        await self.engine.journal.durable()
        await asyncio.sleep(0)

    async def passes(self, seconds: float) -> None:
        """Time goes by, and every schedule looks whether it is due."""
        self.wall_us += round(seconds * SECOND_US)
        self.elapsed_us += round(seconds * SECOND_US)
        await self.look()

    async def set_clock(self, text: str) -> None:
        """Somebody sets the wall clock, and the kernel tells it."""
        self.wall_us = us(text)
        self.keeper.clock_was_set()
        await self.settle()

    async def look(self) -> None:
        schedules = self.keeper._schedules
        if schedules is not None:
            for name in list(schedules._triggers):
                schedules.wake(name)
        await self.settle()

    async def edited(self) -> None:
        """The flow folders are read again."""
        await self.engine.registry.refresh()
        await self.settle()

    async def finish(self, execution_id: str, exit_code: int = 0) -> None:
        """What runs of an execution ends."""
        self.engine.executor.finish(execution_id, exit_code)
        await self.settle()
        await self.settle()

    async def ledger(self, name: str) -> list[tuple[str, str, int]]:
        """(moment, outcome, how many), oldest first."""
        await self.engine.journal.durable()
        rows, _ = await self.keeper.showing.ledger(self.keeper.triggers[name], None, 1000)
        return [(row["at"][:16], row["outcome"], row["times"]) for row in reversed(rows)]

    async def rows(self, name: str) -> list[dict[str, Any]]:
        await self.engine.journal.durable()
        rows, _ = await self.keeper.showing.ledger(self.keeper.triggers[name], None, 1000)
        return rows[::-1]

    async def executions(self) -> list[dict[str, Any]]:
        """All there are, oldest first."""
        await self.engine.journal.durable()
        reader = self.engine.reader
        last = self.engine.journal.last_ord
        return [dict(row) for row in await reader(lambda h: h.rows(list(range(1, last + 1))))]


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * SECOND_US
