"""The alerts of one engine: what causes them, and what people do with them.

Ends cause theirs in the very transaction that ends the execution; a timer watches what runs long.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from engine.alerts import rules
from engine.alerts.channels import Channels
from engine.alerts.delivery import Delivery
from engine.alerts.rules import Row, Rule
from engine.clock import Clock
from engine.core.state import Execution
from engine.errors import Conflict, UnknownReference
from engine.model import Event
from engine.service import Service
from engine.timers import Timers

LEAST_USUAL = 3  # executions, below which nothing is usual


class Alerts:
    """What decides whom to tell."""

    def __init__(
        self, service: Service, clock: Clock, channels: dict[str, list[str]],
        log: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._service = service
        self._clock = clock
        self.channels = Channels(channels, service.secrets)
        self.delivery = Delivery(service.journal, service.reader, clock, self.channels, log)
        self._host = socket.gethostname()
        self._timers = Timers(clock.now_us, self._due)
        self._watched: dict[str, int] = {}  # executions with a timer, and their attempt
        self._tasks: set[asyncio.Task[None]] = set()
        service.scheduler.on_ended.append(self._ended)
        service.scheduler.observers.append(self._seen)

    def start(self) -> None:
        """Send what an earlier engine left; watch what runs."""
        self.delivery.forget_old()
        self.delivery.wake()
        for execution in self._service.scheduler.live.values():
            self._seen(execution, [])

    # -- causes --------------------------------------------------------------------------------

    def _ended(self, execution: Execution, events: list[Event]) -> None:
        """An execution ends in the transaction that is being made: so do its deliveries begin."""
        if execution.definition.get("alerts") and events[-1].type == "execution.ended":
            self._tell(rules.at_end(execution, self._around()))

    def missed(self, flow: str, trigger: str, key: str, reason: str, alerts: list[Rule]) -> None:
        """A moment of a trigger was missed, in the transaction that is being made."""
        self._tell(rules.missed(flow, trigger, key, reason, alerts, self._around()))

    def _around(self) -> rules.Around:
        return rules.Around(self._clock.now_us(), self._host, self.channels.names)

    def _tell(self, rows: Iterable[Row]) -> None:
        found = list(rows)
        for row in found:
            self._service.journal.add_row("insert_deliveries", row)
        if found:
            self._service.journal.when_durable(self.delivery.wake)

    # -- what runs long ------------------------------------------------------------------------

    def _seen(self, execution: Execution, events: list[Event]) -> None:
        """An execution has started, or ended."""
        if not execution.definition.get("alerts"):
            return
        if execution.has_ended:
            self._watched.pop(execution.id, None)
            for n, _ in _long_running(execution):
                self._timers.set(f"{execution.id}/{n}", None)
        elif execution.state == "running" and (
            self._watched.get(execution.id) != execution.attempt
        ):
            self._watched[execution.id] = execution.attempt
            since_us = execution.started_at_us or self._clock.now_us()
            if events and execution.attempt > 1:
                since_us = events[-1].at_us
            for n, rule in _long_running(execution):
                self._spawn(self._watch(execution, n, rule, since_us))

    async def _watch(self, execution: Execution, n: int, rule: Rule, since_us: int) -> None:
        limit_s = rule["after_s"]
        if limit_s is None:
            limit_s = await self._usual_s(execution, rule["slower"])
        if limit_s is not None and execution.id in self._watched:
            self._timers.set(f"{execution.id}/{n}", since_us + round(limit_s * 1e6))

    async def _usual_s(self, execution: Execution, slower: dict[str, Any]) -> float | None:
        """What is too long, by the executions before; None while too few have completed."""
        last = await self._service.reader(
            lambda history: history.newest(execution.flow, slower["of_last"] + 1)
        )
        taken = [row["duration_ms"] for row in last if row["state"] == "completed"]
        if len(taken) < LEAST_USUAL:
            return None
        return float(statistics.median(taken) * slower["than"] / 1000)

    def _due(self, key: str) -> None:
        execution_id, _, n = key.rpartition("/")
        execution = self._service.scheduler.live.get(execution_id)
        if execution is not None and not execution.has_ended:
            rule = execution.definition["alerts"][int(n)]
            self._tell(rules.about(execution, int(n), rule, "long_running", self._around()))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- people --------------------------------------------------------------------------------

    async def find(self, number: int) -> dict[str, Any]:
        """One alert. Raises UnknownReference."""
        found = await self.delivery.one(number)
        if found is None:
            raise UnknownReference(f"there is no alert {number}", "wingman alerts lists them")
        return found

    async def acknowledge(self, alert: dict[str, Any], actor: str) -> dict[str, Any]:
        """Somebody has taken note; what was not sent yet is not sent any more."""
        if alert["acked_at"]:
            raise Conflict(f"alert {alert['id']} was acknowledged by {alert['acked_by']}")
        now_us, journal = self._clock.now_us(), self._service.journal
        journal.add_row("acknowledge_delivery", [alert["id"], now_us, actor])
        journal.add_audit(now_us, actor, "alert ack", str(alert["id"]), alert["title"])
        await journal.durable()
        return await self.find(alert["id"])

    async def test(self, channel: str, actor: str) -> dict[str, Any]:
        """Send a test to a channel now, and say what became of it."""
        self.channels.check(channel)
        key, title = f"test/{uuid.uuid4()}", "Wingman test"
        text = f"{actor} tries the channel {channel}\non {self._host}"
        order = {"key": key, "kind": "test", "title": title, "text": text}
        error = await self.channels.send(channel, order)
        now_us, journal = self._clock.now_us(), self._service.journal
        state = "failed" if error else "sent"
        journal.add_row("insert_test_delivery", [key, channel, title, text, now_us, state, error])
        journal.add_audit(now_us, actor, "alert test", channel, error)
        await journal.durable()
        return {"channel": channel, "state": state, "error": error}

    async def close(self) -> None:
        """Tell nothing any more."""
        for task in list(self._tasks):
            task.cancel()
        await self.delivery.close()


def _long_running(execution: Execution) -> list[tuple[int, Rule]]:
    alerts = enumerate(execution.definition["alerts"])
    return [(n, rule) for n, rule in alerts if "long_running" in rule["on"]]
