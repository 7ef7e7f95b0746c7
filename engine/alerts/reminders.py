"""Reminds of what lasts and nobody has acknowledged: one row each, one timer for all.

A reminder is a delivery like any other. What ends it is known at once (an end, a start); what was
acknowledged stays so until it is over.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

import msgspec

from engine.alerts.delivery import Delivery
from engine.alerts.quiet import quiet_until_us
from engine.alerts.rules import Row
from engine.clock import Clock
from engine.core.state import Execution
from engine.flowfile import durations
from engine.model import Event
from engine.service import Service
from engine.timers import Timers


class Reminders:
    """What people are reminded of."""

    def __init__(
        self, service: Service, clock: Clock, delivery: Delivery, log: Callable[[str], None]
    ) -> None:
        self._journal = service.journal
        self._live = service.scheduler.live
        self._clock = clock
        self._delivery = delivery
        self._log = log
        self._timers = Timers(clock.now_us, lambda key: self.look())
        # what would end reminders: (flow, until), (execution, until)
        self._until: set[tuple[str | None, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looks = self._again = False
        self.waits = False  # whether anybody is still to be reminded

    def look(self) -> None:
        """Something may be due."""
        if self._looks:
            self._again = True
            return
        self._looks = True
        task = asyncio.get_running_loop().create_task(self._look())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def load(self) -> None:
        """What the last engine left."""
        for flow, lasts, execution in await self._delivery.ask("reminded"):
            self._note(flow, lasts, execution)
        self.look()

    def _note(self, flow: str, lasts: str, execution: str | None) -> None:
        self._until.add((execution if lasts in ("end", "start") else flow, lasts))

    def add(self, rows: list[Row]) -> None:
        """Remind of these, from the transaction on that is being made."""
        for row in rows:
            self._note(row[1], row[2], row[3])
            self._journal.add_row("upsert_reminders", row)
        if rows:
            self._journal.when_durable(self.look)

    # -- what ends them ------------------------------------------------------------------------

    def ended(self, execution: Execution) -> None:
        """An execution ends in the transaction that is being made."""
        if not self._until:
            return
        self._end(execution.id, "end", "end_reminders_of_execution")
        self._end(execution.id, "start", "end_reminders_of_execution")
        if execution.state == "completed":
            self._end(execution.flow, "recovery", "end_reminders_of_flow")

    def seen(self, execution: Execution, events: list[Event]) -> None:
        """An execution has been queued, or has started."""
        if not self._until or execution.has_ended:
            return
        if any(event.type == "execution.queued" for event in events):
            self._end(execution.flow, "execution", "end_reminders_of_flow")
        if execution.state != "queued":
            self._end(execution.id, "start", "end_reminders_of_execution")

    def _end(self, what: str, until: str, statement: str) -> None:
        if (what, until) in self._until:
            self._until.discard((what, until))
            self._journal.add_row(statement, [what, until])
            self._journal.when_durable(self.look)

    def drop(self, cause: str) -> None:
        """The alert was none."""
        self._journal.add_row("drop_reminders", [cause])

    def acknowledge(self, causes: list[str], now_us: int, actor: str) -> None:
        """Nobody is reminded of these alerts any more."""
        self._journal.add_row("acknowledge_reminders", [causes, now_us, actor])

    def acknowledge_flows(self, flows: list[str], now_us: int, actor: str) -> None:
        """Nobody is reminded any more that these flows fail."""
        for flow in flows:
            if (flow, "recovery") in self._until:
                self._journal.add_row("acknowledge_reminders_of_flow", [flow, now_us, actor])

    # -- reminding -----------------------------------------------------------------------------

    async def _look(self) -> None:
        try:
            self._again = True
            while self._again:
                self._again = False
                await self._remind()
            next_us = (await self._delivery.ask("next_reminder"))[0][0]
            self.waits = next_us is not None
            self._timers.set("", next_us)
        except Exception:
            self._log(f"reminders: {traceback.format_exc()}")
        finally:
            self._looks = False

    async def _remind(self) -> None:
        """Tell what is due once more, and say when it is told again."""
        now_us = self._clock.now_us()
        for row in await self._delivery.ask("due_reminders", now_us):
            key, lasts, execution, every_us, times, quiet, *about = row
            hours = msgspec.json.decode(quiet) if quiet else None
            quiet_us = quiet_until_us(hours, now_us)
            if not self._lasts(lasts, execution):
                self._journal.add_row("end_reminders_of_execution", [execution, lasts])
            elif quiet_us is not None:
                self._journal.add_row("move_reminder", [key, quiet_us, times])
            else:
                is_untold = bool(about[-1])  # what it reminds of, or the reminder before
                if not is_untold:
                    self._tell(about, times + 1, every_us, now_us, quiet)
                self._journal.add_row(
                    "move_reminder", [key, now_us + every_us, times + (not is_untold)]
                )
        self._journal.add_row("lost_reminders", [now_us])
        await self._journal.durable()
        self._delivery.wake()

    def _lasts(self, lasts: str, execution: str | None) -> bool:
        """Whether it still is so; what the ends of flows say is known already."""
        if lasts not in ("end", "start"):
            return True
        live = self._live.get(execution or "")
        return live is not None and (lasts == "end" or live.state == "queued")

    def _tell(self, about: list[Any], nth: int, every_us: int, now_us: int, quiet: str) -> None:
        key, channel, flow, execution, number, occasion, title, text, cause, id_, _ = about
        lasted = durations.written(nth * round(every_us / 1e6))
        text += f"\n\nNobody has acknowledged it for {lasted}: wingman alerts ack {id_}"
        self._journal.add_row("insert_reminder", [
            f"{key}/again/{now_us}", channel, flow, execution, number, occasion,
            f"{title}, reminder {nth}", text, now_us, cause, quiet,
        ])  # fmt: skip

    async def close(self) -> None:
        """Remind nobody any more; the next engine goes on."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
