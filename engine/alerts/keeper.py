"""The alerts of one engine: what causes them, and what people do with them.

Ends cause theirs in the very transaction that ends the execution; `watch` knows what takes long.
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from engine.alerts import rules
from engine.alerts.addresses import given_up
from engine.alerts.channels import Channels
from engine.alerts.delivery import Delivery
from engine.alerts.reminders import Reminders
from engine.alerts.rules import Rule, Told
from engine.alerts.watch import Watch
from engine.clock import Clock
from engine.core.state import Execution
from engine.errors import Conflict, UnknownReference, WingmanError
from engine.jsontext import encode
from engine.model import Event
from engine.service import Service
from engine.times import to_text
from engine.triggers.keeper import Keeper

DAY_S = 86_400


class Alerts:
    """What decides whom to tell."""

    def __init__(
        self, service: Service, clock: Clock, channels: dict[str, list[str]],
        triggers: Keeper, log: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._service = service
        self._clock = clock
        self.channels = Channels(channels, service.secrets)
        self.delivery = Delivery(service.journal, service.reader, clock, self.channels, log)
        self.reminders = Reminders(service, clock, self.delivery, log)
        self.watch = Watch(service, clock.now_us, self._around, self._tell)
        self._host = socket.gethostname()
        self._tasks: set[asyncio.Task[None]] = set()
        self._daily: asyncio.TimerHandle | None = None
        service.scheduler.on_ended.append(self._ended)
        triggers.firing.on_missed = self._missed
        triggers.firing.on_waiting = self.watch.waits

    def start(self) -> None:
        """Send what an earlier engine left; watch what runs."""
        observers = self._service.scheduler.observers
        observers += [self.watch.seen, self.reminders.seen]
        self._spawn(self.reminders.load())
        self.delivery.wake()
        for execution in self._service.scheduler.live.values():
            self.watch.seen(execution, [])
        self._each_day()

    def _each_day(self) -> None:
        self.delivery.forget_old()
        self._daily = asyncio.get_running_loop().call_later(DAY_S, self._each_day)

    def use(self, channels: dict[str, list[str]]) -> None:
        """These are the channels from now on; what waits for one is tried at once."""
        self.channels.replace(channels)
        self.delivery.hasten(list(channels))

    def clock_was_set(self) -> None:
        """Moments may have come at once."""
        self.delivery.wake()
        self.reminders.look()
        self.watch.look()

    @property
    def waits(self) -> bool:
        """Whether somebody is still to be told or reminded: the engine is needed."""
        return self.delivery.waits or self.reminders.waits

    # -- causes --------------------------------------------------------------------------------

    def _ended(self, execution: Execution, events: list[Event]) -> None:
        """An execution ends in the transaction that is being made: so do its deliveries begin."""
        if events[-1].type != "execution.ended":
            return
        self.reminders.ended(execution)
        if execution.definition.get("alerts"):
            self._tell(rules.at_end(execution, self._around()))

    def _missed(self, flow: str, trigger: str, key: str, reason: str, alerts: list[Rule]) -> None:
        """A moment of a trigger was missed, in the transaction that is being made."""
        self._tell(rules.missed(flow, trigger, key, reason, alerts, self._around()))

    def _around(self) -> rules.Around:
        return rules.Around(self._clock.now_us(), self._host, self.channels.names)

    def _tell(self, told: Iterable[Told]) -> None:
        """Put what is told into the open transaction, and send it once that is durable."""
        journal, around = self._service.journal, self._around()
        for one in told:
            for row in one.deliveries(around):
                journal.add_row("insert_deliveries", row)
            self.reminders.add(list(one.reminders(around)))
            journal.when_durable(self.delivery.wake)
            if one.undecided is not None:
                self._spawn(self._decide(one))

    async def _decide(self, told: Told) -> None:
        """Have a costly condition evaluated where it can be killed; a death tells it undecided."""
        assert told.undecided is not None
        condition, names = told.undecided
        live = self._service.scheduler.live.get(told.execution or "")
        masked = live.masked if live is not None else frozenset()
        text, holds = told.text.removesuffix(
            rules.undecided_note(condition, rules.TOO_LONG)
        ), True  # fmt: skip
        try:
            sandbox = self._service.library.sandbox
            holds = await sandbox.evaluate(condition, names, masked=masked) is True
        except WingmanError as error:
            text += rules.undecided_note(condition, error.message)
        row = [told.cause, int(holds), text, self._clock.now_us()]
        self._service.journal.add_row("decided_delivery", row)
        if not holds:
            self.reminders.drop(told.cause)
        self._service.journal.when_durable(self.delivery.wake)

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
        """Somebody has taken note: of all that was told with it, to whatever channel.

        What was not sent yet is not sent any more, and nobody is reminded.
        """
        if alert["acked_at"]:
            raise Conflict(f"alert {alert['id']} was acknowledged by {alert['acked_by']}")
        now_us, journal = self._clock.now_us(), self._service.journal
        alike = await self.delivery.ask("alike_deliveries", alert["id"])
        ids, causes = [id_ for id_, _ in alike], sorted({cause for _, cause in alike if cause})
        journal.add_row("acknowledge_delivery", [ids, now_us, actor])
        self.reminders.acknowledge(causes, now_us, actor)
        journal.add_audit(now_us, actor, "alert ack", str(alert["id"]), alert["title"])
        await journal.durable()
        self.reminders.look()
        self.delivery.wake()
        return await self.find(alert["id"])

    def acknowledge_flows(self, flows: list[str], actor: str) -> None:
        """Somebody has taken note in the inbox that these flows fail."""
        self.reminders.acknowledge_flows(flows, self._clock.now_us(), actor)
        self._service.journal.when_durable(self.reminders.look)

    async def test(self, channel: str, actor: str) -> dict[str, Any]:
        """Send a test to a channel now, and say what became of it."""
        self.channels.check(channel)
        key, title = f"test/{uuid.uuid4()}", "Wingman test"
        text = f"{actor} tries the channel {channel}\non {self._host}"
        order: dict[str, Any] = {"key": key, "kind": "test", "title": title, "text": text,
                                 "flows": [], "at": to_text(self._clock.now_us())}  # fmt: skip
        outcome = await self.channels.send(channel, order)
        now_us, journal, error = self._clock.now_us(), self._service.journal, outcome.error
        state, said = "failed" if error else "sent", given_up(outcome.said)
        row = [key, channel, title, text, now_us, state, error, encode(said).decode()]
        journal.add_row("insert_test_delivery", row)
        journal.add_audit(now_us, actor, "alert test", channel, error)
        await journal.durable()
        self.delivery.wake()
        return {"channel": channel, "state": state, "error": error, "addresses": said}

    async def close(self) -> None:
        """Tell nothing any more."""
        if self._daily is not None:
            self._daily.cancel()
        for task in list(self._tasks):
            task.cancel()
        self.watch.close()
        await self.reminders.close()
        await self.delivery.close()
