"""Alerts of an engine in this process whose clock the test sets; what is sent is kept, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.alerts.addresses import Outcome
from engine.alerts.channels import Channels
from engine.paths import Home
from tests.triggers.world import World


class AlertWorld(World):
    """One home, its clock, its engines, and what they have sent."""

    down = ""  # what a channel answers while it is down

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(home, monkeypatch)
        self.sent: list[dict[str, Any]] = []
        # of all engines, from their first moment: some have something to tell when they start
        send = lambda channels, channel, order, taken=(): self._send(channel, order)  # noqa: E731
        monkeypatch.setattr(Channels, "send", send)

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[AlertWorld]:
        """An engine that sends, from its start to its end."""
        async with self.serving():
            self.engine.alerts.start()
            self.engine.alerts.watch.look_at_triggers(self.keeper)
            await self.told()
            try:
                yield self
            finally:
                await self.engine.alerts.close()

    async def _send(self, channel: str, order: dict[str, Any]) -> Outcome:
        if not self.down:
            self.sent.append({**order, "channel": channel})
        return Outcome([], [], self.down)

    async def told(self) -> None:
        """Everything that is due has been looked at."""
        alerts = self.engine.alerts
        for _ in range(3):
            await self.settle()
            for timers in (alerts.watch._runs, alerts.watch._queues, alerts.watch._lines):
                timers._ring()
            alerts.reminders.look()
            alerts.delivery.wake()
            for _ in range(2000):
                tasks = (*alerts._tasks, *alerts.watch._tasks)
                if not (alerts.reminders._looks or alerts.delivery.is_busy or tasks):
                    break
                await asyncio.sleep(0.002)
            await self.settle()

    async def later(self, seconds: float) -> None:
        """Time goes by."""
        await self.passes(seconds)
        await self.told()

    async def start(self, flow: str, **inputs: Any) -> str:
        """Start a flow; its steps run until the test ends them."""
        answer = await self.engine.service.start({"flow": flow, "inputs": inputs}, "ada")
        await self.settle()
        return str(answer["id"])

    async def run(self, flow: str, exit_code: int = 0, **inputs: Any) -> str:
        """Start a flow, and end its step so."""
        id_ = await self.start(flow, **inputs)
        await self.finish(id_, exit_code)
        await self.told()
        return id_

    @property
    def titles(self) -> list[str]:
        return [order["title"] for order in self.sent]

    async def rows(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The deliveries, oldest first."""
        await self.engine.journal.durable()
        return list(reversed(await self.engine.alerts.delivery.page(None, 500)))

    async def states(self) -> list[tuple[str, str]]:
        return [(row["title"], row["state"]) for row in await self.rows()]
