"""What people ask about triggers: the list, the ledger, the next moments, what one would do.

Changes nothing. Called by the routes, the triggers' window and `why`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.clock import Clock
from engine.errors import UsageError
from engine.flowfile.trigger_schema import EVENT_FIELDS
from engine.journal import occasions
from engine.service import Service
from engine.times import to_text
from engine.triggers.trigger import Trigger, shown_occasion, words_of

if TYPE_CHECKING:
    from engine.triggers.keeper import Keeper


class Showing:
    """Answers about the triggers that a keeper has."""

    def __init__(self, keeper: Keeper, service: Service, clock: Clock) -> None:
        self._keeper = keeper
        self._service = service
        self._clock = clock

    def rows(self, flow: str | None = None) -> list[dict[str, Any]]:
        """Every armed trigger as the API shows it, by name."""
        found = [t for t in self._keeper.triggers.values() if t.is_armed and flow in (None, t.flow)]
        return [self.shown(trigger) for trigger in sorted(found, key=lambda t: t.name)]

    def shown(self, trigger: Trigger) -> dict[str, Any]:
        """A trigger as the API shows it."""
        live = self._service.scheduler.live
        next_us = None
        if trigger.kind == "schedule" and not trigger.paused:
            next_us = self._keeper.schedules.next_start_us(trigger)
        return {
            "name": trigger.name,
            "flow": trigger.flow,
            "kind": trigger.kind,
            "what": words_of(trigger.definition),
            "paused": trigger.paused,
            "problem": trigger.problem or trigger.held or self._unknown_secret(trigger),
            "source": trigger.source,
            "version": trigger.version,
            "next": to_text(next_us),
            "running": sorted(trigger.running & live.keys()),
            "waiting": len(trigger.waiting),
            "refusals": list(trigger.refusals),
            "last": trigger.last,
            "definition": trigger.definition,
        }

    def _unknown_secret(self, trigger: Trigger) -> str:
        """What is wrong with a hook whose senders cannot be checked."""
        name = trigger.definition.get("secret")
        if name is None or not self._service.secrets.missing({"secrets": [name]}):
            return ""
        return f"every delivery is refused: there is no secret {name} (wingman secret set {name})"

    async def ledger(
        self, trigger: Trigger, before: int | None, limit: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """What became of its occasions, newest first, and the key to go on from."""
        rows = await self._service.reader(
            lambda history: occasions.ledger(history, trigger.name, before, limit)
        )
        more = int(rows[-1][0]) if len(rows) == limit else None
        return [shown_occasion(row[1:]) for row in rows], more

    def preview(self, trigger: Trigger, count: int) -> list[dict[str, str]]:
        """The next moments of a schedule; of another trigger, none."""
        return self._keeper.schedules.preview(trigger, count) if trigger.kind == "schedule" else []

    async def rehearse(self, trigger: Trigger, brought: dict[str, Any]) -> dict[str, Any]:
        """What the trigger would do with this from outside; starts nothing."""
        if trigger.kind == "schedule" and "payload" in brought:
            raise UsageError("a schedule takes no payload", f"wingman trigger test {trigger.name}")
        return await self._keeper.firing.rehearse(trigger, self._names_of_test(trigger, brought))

    def _names_of_test(self, trigger: Trigger, brought: dict[str, Any]) -> Mapping[str, Any]:
        payload = brought.get("payload")
        if trigger.kind == "schedule":
            return self._keeper.schedules.names_of_next(trigger)
        if trigger.kind == "webhook":
            headers = brought.get("headers") or {}
            return self._keeper.deliveries.names(trigger, "test", headers, payload)
        if payload is not None and not isinstance(payload, dict):
            raise UsageError("the payload of an event is a JSON object", '{"key": "value"}')
        fields = dict.fromkeys(EVENT_FIELDS[trigger.kind])
        if trigger.kind == "event":
            now = to_text(self._clock.now_us())
            fields |= {"type": trigger.definition["type"], "time": now, "id": "test"}
            return {"event": {**fields, "data": payload or {}}}
        return {"event": {**fields, **(payload or {})}}
