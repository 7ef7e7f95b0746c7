"""What comes from outside of a flow and may start it: ends of other flows, events, deliveries.

An end is kept as an occasion that waits in the very transaction that ends the execution; events and
deliveries are answered once all that they start is durable. Each is decided once, by its key.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.clock import Clock
from engine.core.state import Execution
from engine.errors import Unavailable
from engine.model import Event
from engine.service import Service
from engine.times import to_text
from engine.triggers.firing import Firing
from engine.triggers.lookups import Lookups
from engine.triggers.trigger import Row, Trigger, shown_occasion

AGAIN_S = 10.0
Refusal = tuple[str, str] | None  # the outcome and the reason of what starts nothing
Outcome = dict[str, Any]  # {"trigger", "outcome", "reason", "execution", "label"}


class Arrivals:
    """Decides about occasions from outside."""

    def __init__(
        self, service: Service, clock: Clock, firing: Firing, log: Callable[[str], None],
        by_kind: Mapping[str, Mapping[str, Trigger]],
    ) -> None:  # fmt: skip
        self._service = service
        self._clock = clock
        self._firing = firing
        self._log = log
        self._by_kind = by_kind
        self._lookups = Lookups(service.reader)
        self._pending: dict[tuple[str, str], asyncio.Future[Outcome]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        service.scheduler.on_ended.append(self._ended)

    def _of_kind(self, kind: str) -> list[Trigger]:
        return list(self._by_kind.get(kind, {}).values())

    # -- ends of other flows -------------------------------------------------------------------

    def _ended(self, execution: Execution, events: list[Event]) -> None:
        """An execution ends in the transaction that is being made: keep what is to follow."""
        if events[-1].type != "execution.ended":
            return
        for trigger in self._of_kind("after"):
            wanted = trigger.definition
            if wanted["after"] != execution.flow or execution.state not in wanted["status"]:
                continue
            if trigger.problem.startswith(CIRCLE):
                continue
            event = {
                "flow": execution.flow, "id": execution.id, "number": execution.number,
                "state": execution.state, "outputs": execution.outputs, "error": execution.error,
                "at": to_text(execution.ended_at_us),
            }  # fmt: skip
            key, at_us = f"{execution.id}/{execution.attempt}", self._clock.now_us()
            row = self._firing.record(trigger, key, at_us, "waiting", event=event)
            trigger.waiting.append(row)
            self.wake(trigger)

    def wake(self, trigger: Trigger) -> None:
        """Decide about what waits."""
        if not trigger.waiting or trigger.busy:
            return
        trigger.busy = True
        task = asyncio.get_running_loop().create_task(self._serve(trigger))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, trigger: Trigger) -> None:
        try:
            while trigger.waiting and trigger.is_armed:
                row = trigger.waiting[0]
                names = {"event": row[9]["event"]}
                await self._decide(trigger, row[1], row[2], names)
                self._firing.hold(trigger, "")
                if trigger.waiting and trigger.waiting[0] is row:
                    trigger.waiting.popleft()
        except Unavailable as error:
            self._firing.hold(trigger, error.message)
            self._log(f"trigger {trigger.name}: not now: {error}")
            asyncio.get_running_loop().call_later(AGAIN_S, self.wake, trigger)
        except Exception:
            self._log(f"trigger {trigger.name}: {traceback.format_exc()}")
            trigger.waiting.popleft()
        finally:
            trigger.busy = False

    # -- events and deliveries -----------------------------------------------------------------

    async def emit(self, event: dict[str, Any], key: str) -> list[Outcome]:
        """Tell an event to every trigger that waits for its type; durable when this returns."""
        now_us = self._clock.now_us()
        found = [t for t in self._of_kind("event") if t.definition["type"] == event["type"]]
        return [
            await self.arrive(trigger, key, now_us, {"event": event})
            for trigger in found
        ]

    async def arrive(
        self, trigger: Trigger, key: str, at_us: int, names: Mapping[str, Any], *,
        refused: Refusal = None, note: Callable[[], None] = lambda: None,
    ) -> Outcome:  # fmt: skip
        """Decide about one arrival; the same key gives the outcome that it had.

        One that is `refused` starts nothing; `note` adds to the transaction of the decision.
        """
        pending = self._pending.get((trigger.name, key))
        if pending is None:
            pending = asyncio.ensure_future(
                self._arrive(trigger, key, at_us, names, refused, note)
            )
            self._pending[trigger.name, key] = pending
            pending.add_done_callback(lambda _: self._pending.pop((trigger.name, key), None))
            return await asyncio.shield(pending)
        return {**await asyncio.shield(pending), "duplicate": True}

    async def _arrive(
        self, trigger: Trigger, key: str, at_us: int, names: Mapping[str, Any], refused: Refusal,
        note: Callable[[], None],
    ) -> Outcome:  # fmt: skip
        fate = await self._lookups.find(trigger.name, key, trigger.request_key(key))
        if fate is not None and fate[2] is not None:  # where nothing was started, it may be now
            outcome, reason, execution = fate
            note()
            return {"trigger": trigger.name, "outcome": outcome, "reason": reason,
                    "execution": execution, "duplicate": True}  # fmt: skip
        if refused is not None:
            row = self._firing.record(trigger, key, at_us, *refused)
        else:
            row = await self._decide(trigger, key, at_us, names)
        note()
        told = shown_occasion(row)
        await self._service.journal.durable()
        return {"trigger": trigger.name, "outcome": told["outcome"], "reason": told["reason"],
                "execution": told["execution"], "duplicate": False}  # fmt: skip

    def hold(self, trigger: Trigger, why: str) -> None:
        """Nothing may start now, or it may again."""
        self._firing.hold(trigger, why)

    def keep(self, trigger: Trigger) -> None:
        """Keep what a trigger knows, without an occasion."""
        self._service.journal.add_trigger(trigger.row())

    async def _decide(
        self, trigger: Trigger, key: str, at_us: int, names: Mapping[str, Any]
    ) -> Row:
        """Start the flow, or record why not. Raises Unavailable: then nothing is decided."""
        prepared = await self._firing.prepare(trigger, names)
        if trigger.paused:
            return self._firing.record(trigger, key, at_us, "skipped", trigger.paused_words)
        return self._firing.start(trigger, prepared, key, at_us, "ran", "")

    async def close(self) -> None:
        """Decide nothing any more."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


CIRCLE = "it would start in a circle: "


def note_circles(triggers: Iterable[Trigger]) -> None:
    """Triggers whose flows would start each other for ever say so, and start nothing."""
    after = list(triggers)
    starts: dict[str, list[str]] = {}
    for trigger in after:
        starts.setdefault(trigger.definition["after"], []).append(trigger.flow)
    for trigger in after:
        path = _path(starts, trigger.flow, trigger.definition["after"])
        if path:
            trigger.problem = CIRCLE + " → ".join([*path, trigger.flow])
        elif trigger.problem.startswith(CIRCLE):
            trigger.problem = ""


def _path(starts: Mapping[str, list[str]], begin: str, end: str) -> list[str]:
    """The flows on the way from one to the other; nothing where there is none."""
    level, ways = [begin], {begin: [begin]}
    while level:
        flow = level.pop(0)
        if flow == end:
            return ways[flow]
        for following in starts.get(flow, ()):
            if following not in ways:
                ways[following] = [*ways[flow], following]
                level.append(following)
    return []
