"""Carries deliveries out: reads what is due, sends it, records the outcome. One timer, no polling.

A delivery is tried until it was taken, with growing pauses, for a day. A death between sending and
recording sends it again, under the same key.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

from engine.alerts.channels import Channels
from engine.clock import Clock
from engine.failpoints import reach
from engine.journal.database import queries
from engine.journal.history import NEWEST, History
from engine.journal.journal import Journal
from engine.journal.reader import Reader
from engine.jsontext import encode
from engine.times import to_text

SECOND_US = 1_000_000
FIRST_PAUSE_S = 10
LONGEST_PAUSE_S = 3600
GIVE_UP_US = 86_400 * SECOND_US
KEPT_US = 90 * 86_400 * SECOND_US
SHOWN = 20  # about some executions
TIMES = ("at", "due", "ended", "acked_at")
COLUMNS = ("id", "channel", "flow", "execution", "occasion", "title", "text", "at", "state",
           "tries", "due", "ended", "error", "acked_at", "acked_by")  # fmt: skip


class Delivery:
    """What is still to be sent, and what sends it."""

    def __init__(
        self, journal: Journal, reader: Reader, clock: Clock, channels: Channels,
        log: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._journal = journal
        self._reader = reader
        self._clock = clock
        self._channels = channels
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._again = False
        self.waits = False  # whether anything is still to be sent

    def wake(self) -> None:
        """Something may be due."""
        self.waits = self._again = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._again:
                self._again = False
                while rows := await self._ask("due_deliveries", self._clock.now_us()):
                    await asyncio.gather(*map(self._try, rows))
                    await self._journal.durable()
            await self._sleep()
        except Exception:
            self._log(f"alerts: {traceback.format_exc()}")
        finally:
            self._task = None

    async def _try(self, row: tuple[Any, ...]) -> None:
        """Send one, and put its outcome into the open transaction."""
        id_, key, channel, occasion, title, text, at_us, tries = row
        order = {"key": key, "kind": occasion, "title": title, "text": text}
        error = await self._channels.send(channel, order)
        reach("delivered")
        now_us, tries = self._clock.now_us(), tries + 1
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tries - 1))
        state = "sent" if not error else "waiting"
        if error and now_us + pause_s * SECOND_US > at_us + GIVE_UP_US:
            state = "failed"
            self._log(f"alert {id_} for {channel} is given up: {error}")
        ended_us = None if state == "waiting" else now_us
        due_us = now_us + pause_s * SECOND_US
        self._journal.add_row("tried_delivery", [id_, state, tries, due_us, ended_us, error])

    async def _sleep(self) -> None:
        """Wait for the next that falls due."""
        due_us = (await self._ask("next_delivery"))[0][0]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.waits = due_us is not None or self._again
        if due_us is not None:
            delay_s = max(0.0, (due_us - self._clock.now_us()) / SECOND_US)
            self._timer = asyncio.get_running_loop().call_later(delay_s + 0.01, self.wake)
        elif self._again:
            asyncio.get_running_loop().call_soon(self.wake)

    async def _ask(self, name: str, *values: Any) -> list[tuple[Any, ...]]:
        def look(history: History) -> list[tuple[Any, ...]]:
            return history.connection.execute(queries()[name], values).fetchall()

        return await self._reader(look)

    async def page(self, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Deliveries, newest first."""
        rows = await self._ask("deliveries_below", NEWEST if before is None else before, limit)
        return [_shown(row) for row in rows]

    async def about(self, executions: list[str]) -> list[dict[str, Any]]:
        """The newest deliveries about some executions."""
        rows = await self._ask("deliveries_about", encode(executions).decode(), SHOWN)
        return [_shown(row) for row in rows]

    async def one(self, number: int) -> dict[str, Any] | None:
        """One delivery; None where there is none."""
        rows = await self._ask("delivery", number)
        return _shown(rows[0]) if rows else None

    def forget_old(self) -> None:
        """Forget what was told long ago."""
        self._journal.add_row("forget_deliveries", [self._clock.now_us() - KEPT_US])

    async def close(self) -> None:
        """Send nothing any more; the next engine goes on."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    """A delivery as wire.Alert."""
    found = dict(zip(COLUMNS, row, strict=True))
    return found | {name: to_text(found[name]) for name in TIMES}
