"""Watches what runs long and what is queued for long: one timer for all, set again at start.

Costs nothing for flows whose alerts ask for neither.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Iterator
from typing import Any

from engine.alerts import rules
from engine.alerts.rules import Around, Rule, Told
from engine.core.state import Execution
from engine.model import Event
from engine.service import Service
from engine.timers import Timers
from engine.triggers.keeper import Keeper

LEAST_USUAL = 3  # executions, below which nothing is usual


class Watch:
    """The moments at which something has taken too long."""

    def __init__(
        self, service: Service, now_us: Callable[[], int], around: Callable[[], Around],
        tell: Callable[[Iterator[Told]], None],
    ) -> None:  # fmt: skip
        self._service = service
        self._now_us = now_us
        self._around = around
        self._tell = tell
        self._runs = Timers(now_us, self._ran_long)
        self._queues = Timers(now_us, self._was_queued_long)
        self._lines = Timers(now_us, self._waited_long)
        self._running: dict[str, int] = {}  # executions with a timer, and their attempt
        self._queued: dict[str, int] = {}  # executions that wait, and since when
        self._waiting: dict[str, tuple[str, str, int, Rule]] = {}  # moments of triggers that do
        self._tasks: set[asyncio.Task[None]] = set()
        self._triggers: Keeper | None = None

    def seen(self, execution: Execution, events: list[Event]) -> None:
        """An execution was queued, has started, or has ended."""
        if not execution.definition.get("alerts"):
            return
        id_ = execution.id
        if execution.state == "queued":
            since_us = execution.group_since_us or execution.created_at_us
            if events and execution.attempt > 1:
                since_us = events[-1].at_us
            self._queued.setdefault(id_, since_us)
            for n, rule in _of(execution, "not_started"):
                if rule["after_s"] is not None:
                    self._queues.set(f"{id_}/{n}", _later(self._queued[id_], rule["after_s"]))
            return
        if self._queued.pop(id_, None) is not None:
            for n, _ in _of(execution, "not_started"):
                self._queues.set(f"{id_}/{n}", None)
        if execution.has_ended:
            self._running.pop(id_, None)
            for n, _ in _of(execution, "long_running"):
                self._runs.set(f"{id_}/{n}", None)
        elif execution.state == "running" and self._running.get(id_) != execution.attempt:
            self._running[id_] = execution.attempt
            since_us = execution.attempt_started_at_us or self._now_us()
            for n, rule in _of(execution, "long_running"):
                self._spawn(self._watch(execution, n, rule, since_us))

    async def _watch(self, execution: Execution, n: int, rule: Rule, since_us: int) -> None:
        limit_s = rule["after_s"]
        if rule["slower"] is not None:
            limit_s = await self._usual_s(execution, rule["slower"])
        if limit_s is not None and self._running.get(execution.id) == execution.attempt:
            self._runs.set(f"{execution.id}/{n}", _later(since_us, limit_s))

    async def _usual_s(self, execution: Execution, slower: dict[str, Any]) -> float | None:
        """What is too long, by the executions before; None while too few have completed."""
        taken = await self._service.reader(
            lambda history: history.good_durations_ms(execution.flow, slower["of_last"] + 1)
        )
        if len(taken) < LEAST_USUAL:
            return None
        return float(statistics.median(taken) * slower["than"] / 1000)

    def _ran_long(self, key: str) -> None:
        execution, n = self._live(key)
        if execution is not None and not execution.has_ended:
            self._tell(rules.runs_long(execution, n, self._around()))

    def _was_queued_long(self, key: str) -> None:
        execution, n = self._live(key)
        if execution is not None and execution.state == "queued":
            since_us = self._queued.get(execution.id, execution.created_at_us)
            self._tell(rules.waits_long(execution, n, since_us, self._around()))

    def _live(self, key: str) -> tuple[Execution | None, int]:
        execution_id, _, n = key.rpartition("/")
        return self._service.scheduler.live.get(execution_id), int(n)

    def look(self) -> None:
        """The clock was set: what is due now?"""
        for timers in (self._runs, self._queues, self._lines):
            timers.look()

    # -- moments of triggers that wait their turn ----------------------------------------------

    def waits(self, trigger: str, key: str, at_us: int, alerts: list[Rule]) -> None:
        """A moment of a trigger waits for what the trigger has started before."""
        for n, rule in enumerate(alerts):
            if "not_started" in rule["on"] and rule["after_s"] is not None:
                name = f"{trigger}/{key}/{n}"
                self._waiting[name] = (trigger, key, n, rule)
                self._lines.set(name, _later(at_us, rule["after_s"]))

    def look_at_triggers(self, triggers: Keeper) -> None:
        """At start: what waits in line already."""
        self._triggers = triggers
        for trigger in triggers.triggers.values():
            for row in trigger.waiting if trigger.alerts else ():
                self.waits(trigger.name, row[1], row[2], trigger.alerts)

    def _waited_long(self, name: str) -> None:
        trigger_name, key, n, rule = self._waiting.pop(name)
        trigger = self._triggers.triggers.get(trigger_name) if self._triggers else None
        if trigger is not None and any(row[1] == key for row in trigger.waiting):
            told = rules.waits_in_line(trigger.flow, trigger_name, key, n, rule, self._around())
            self._tell(iter([told]))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Watch nothing any more."""
        for task in list(self._tasks):
            task.cancel()


def _of(execution: Execution, occasion: str) -> list[tuple[int, Rule]]:
    alerts = enumerate(execution.definition["alerts"])
    return [(n, rule) for n, rule in alerts if occasion in rule["on"]]


def _later(at_us: int, seconds: float) -> int:
    return at_us + round(seconds * 1e6)
