"""All triggers of one engine: armed from flow files, paused and continued by people, told to all.

`registry` arms and disarms, `schedules` acts on moments. What is durable of a trigger is one row;
its ledger are the occasions.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from engine.clock import Clock
from engine.core.state import Execution
from engine.errors import Conflict, UnknownReference, UsageError
from engine.journal import occasions
from engine.model import Event
from engine.service import Service
from engine.times import to_text
from engine.triggers.arrivals import Arrivals, note_circles
from engine.triggers.deliveries import Deliveries
from engine.triggers.firing import Firing
from engine.triggers.showing import Showing
from engine.triggers.trigger import Trigger, from_row, trigger_of

if TYPE_CHECKING:
    from engine.triggers.files import Files
    from engine.triggers.schedules import Schedules

EDIT_US = 60_000_000  # a file that is gone for less was only written anew
DAY_US = 86_400_000_000
LEDGER_DAYS = 30
BUSY_DECISIONS = 500
# what of a definition makes its moments: with another one they are counted anew
_IDENTITY = ("kind", "cron", "every_s", "at_us", "timezone", "path")


class Keeper:
    """The triggers by name, and what can be asked of them."""

    def __init__(self, service: Service, clock: Clock, log: Callable[[str], None]) -> None:
        self.triggers: dict[str, Trigger] = {}
        # the armed ones again: there may be ten thousand, and each event concerns a few
        self.by_kind: defaultdict[str, dict[str, Trigger]] = defaultdict(dict)
        self.by_flow: defaultdict[str, dict[str, Trigger]] = defaultdict(dict)
        self._by_source: defaultdict[str, dict[str, Trigger]] = defaultdict(dict)
        self.unread: dict[str, str] = {}  # files that arm nothing, and their first error
        self.observers: list[Callable[[str], None]] = []  # hear which trigger has changed
        self.firing = Firing(service, clock)
        self.firing.on_held = self._tell
        self.refresh: Callable[[], Awaitable[None]] = _nothing  # look at the files now
        self._service = service
        self._clock = clock
        self._log = log
        self._schedules: Schedules | None = None
        self._files: Files | None = None
        self.arrivals = Arrivals(service, clock, self.firing, log, self.by_kind)
        self.deliveries = Deliveries(service, clock, self.arrivals, self._keep)
        self.showing = Showing(self, service, clock)
        service.scheduler.observers.append(self._changed)

    async def load(self) -> None:
        """The triggers as the last engine left them; `registry` says which are still there."""
        rows, waiting = await self._service.reader(
            lambda history: (occasions.triggers(history), occasions.waiting(history))
        )
        early = frozenset(self.triggers)
        self.triggers.update((row[0], from_row(row)) for row in rows if row[0] not in early)
        for trigger in self.triggers.values():
            if trigger.is_armed:
                self._enter(trigger)
        for execution in self._service.scheduler.live.values():
            self._note_running(execution)
        for row in waiting:
            if row[0] in self.triggers and row[0] not in early:
                self.triggers[row[0]].waiting.append(row)

    @property
    def needs_engine(self) -> bool:
        """Whether any trigger may start something: then the engine must not end by itself."""
        return any(
            trigger.is_armed and not trigger.paused and self._may_come(trigger)
            for trigger in self.triggers.values()
        )

    def _may_come(self, trigger: Trigger) -> bool:
        at_us = trigger.definition.get("at_us")
        return at_us is None or trigger.decided_us < at_us

    @property
    def schedules(self) -> Schedules:
        """What acts on moments; imported with the first schedule."""
        if self._schedules is None:
            from engine.triggers.schedules import Schedules

            self._schedules = Schedules(self._service, self._clock, self.firing, self._log)
        return self._schedules

    @property
    def files(self) -> Files:
        """What looks at files; imported with the first trigger of that kind."""
        if self._files is None:
            from engine.triggers.files import Files

            self._files = Files(self._service, self._clock, self.arrivals, self._log)
        return self._files

    # -- arming (called by the registry) -------------------------------------------------------

    def arm(self, compiled: dict[str, Any], text: str, source: str) -> None:
        """The triggers of one flow are those of this version of its file from now on."""
        now_us = self._clock.now_us()
        flow, version = compiled["name"], compiled["version"]
        definitions = {f"{flow}:{each['name']}": each for each in compiled["triggers"]}
        self.disarm([t for t in self.of_source(source) if t.name not in definitions])
        if definitions:
            self._service.journal.add_version([version, flow, source, text, compiled, now_us])
        for name, definition in definitions.items():
            self._arm_one(name, flow, source, version, definition, compiled.get("alerts", []))

    def _arm_one(
        self, name: str, flow: str, source: str, version: str, definition: dict[str, Any],
        alerts: list[Any],
    ) -> None:  # fmt: skip
        wall_us = self._clock.wall_us()
        trigger = self.triggers.get(name)
        if trigger is None:
            trigger = self.triggers[name] = Trigger(
                name, flow, source, version, definition, decided_us=wall_us
            )
        else:
            self._leave(trigger)
            is_back = not trigger.is_armed and wall_us - trigger.gone_us > EDIT_US
            if is_back or _identity(trigger.definition) != _identity(definition):
                trigger.decided_us, trigger.known, trigger.has_looked = wall_us, None, False
            trigger.source, trigger.version, trigger.definition = source, version, definition
            trigger.is_armed, trigger.gone_us, trigger.problem = True, 0, ""
            trigger.turn += 1
        trigger.alerts = alerts
        self._enter(trigger)
        self._service.journal.add_trigger(trigger.row())
        self.begin(trigger)

    def _enter(self, trigger: Trigger) -> None:
        for index, key in self._indexes(trigger):
            index[key][trigger.name] = trigger

    def _leave(self, trigger: Trigger) -> None:
        for index, key in self._indexes(trigger):
            index[key].pop(trigger.name, None)

    def _indexes(
        self, trigger: Trigger
    ) -> tuple[tuple[defaultdict[str, dict[str, Trigger]], str], ...]:
        return (
            (self.by_kind, trigger.kind),
            (self.by_flow, trigger.flow),
            (self._by_source, trigger.source),
        )

    def begin(self, trigger: Trigger) -> None:
        """An armed trigger is in effect from now on."""
        if trigger.kind == "schedule":
            self.schedules.arm(trigger)
        elif trigger.kind == "after":
            note_circles(self.by_kind["after"].values())
            self.arrivals.wake(trigger)
        elif trigger.kind == "webhook":
            self.deliveries.note_hooks(self.by_kind["webhook"])
        elif trigger.kind == "watch":
            self.files.arm(trigger)
        self._tell(trigger)

    def disarm(self, triggers: Iterable[Trigger]) -> None:
        """No file has these any more; their pause and ledger stay."""
        leaving = list(triggers)
        for trigger in leaving:
            self._leave(trigger)
            trigger.is_armed, trigger.gone_us = False, self._clock.wall_us()
            trigger.problem = ""
            trigger.turn += 1
            if trigger.kind == "schedule":
                self.schedules.disarm(trigger)
            if trigger.kind == "watch":
                self.files.disarm(trigger)
            while trigger.waiting:
                row = trigger.waiting.popleft()
                self.firing.record(trigger, row[1], row[2], "skipped", "its trigger is gone")
            self._service.journal.add_trigger(trigger.row())
            self._tell(trigger)
        if leaving:
            note_circles(self.by_kind["after"].values())
            self.deliveries.note_hooks(self.by_kind["webhook"])

    def set_problem(self, source: str, problem: str) -> None:
        """The file cannot be read as it is: its triggers stay as they were, and say why."""
        for trigger in self.of_source(source):
            trigger.problem = problem
            self._tell(trigger)

    def of_source(self, source: str) -> list[Trigger]:
        """The armed triggers that a file has brought."""
        return list(self._by_source[source].values()) if source in self._by_source else []

    # -- what people ask -----------------------------------------------------------------------

    def find(self, reference: str) -> Trigger:
        """The trigger of a name, of a part that only it has, or the one of a flow."""
        armed = {name: t for name, t in self.triggers.items() if t.is_armed}
        if reference in armed:
            return armed[reference]
        found = [t for t in armed.values() if reference in (t.local_name, t.flow)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(sorted(trigger.name for trigger in found)[:8])
            raise UsageError(f"{reference!r} fits several triggers: {names}", "name one")
        import difflib

        near = difflib.get_close_matches(reference, armed, 1)
        hint = f"did you mean {near[0]}?" if near else "`wingman trigger list` lists them"
        raise UnknownReference(f"there is no trigger {reference!r}", hint)

    async def pause(self, reference: str, actor: str, reason: str) -> dict[str, Any]:
        """It starts nothing until it is continued."""
        trigger = self.find(reference)
        if trigger.paused:
            raise Conflict(f"{trigger.name} is paused already, by {trigger.paused['by']}")
        at = to_text(self._clock.now_us())
        trigger.paused = {"by": actor, "at": at, "reason": reason}
        return await self._switched(trigger, "trigger pause", actor, reason)

    async def continue_(self, reference: str, actor: str, reason: str) -> dict[str, Any]:
        """It starts again what comes from now on; what came meanwhile is skipped."""
        trigger = self.find(reference)
        if not trigger.paused:
            raise Conflict(f"{trigger.name} is not paused")
        if trigger.kind == "schedule":
            self.schedules.end_pause(trigger)
        trigger.paused = None
        return await self._switched(trigger, "trigger continue", actor, reason)

    async def _switched(
        self, trigger: Trigger, action: str, actor: str, reason: str
    ) -> dict[str, Any]:
        trigger.turn += 1
        journal = self._service.journal
        journal.add_trigger(trigger.row())
        journal.add_audit(self._clock.now_us(), actor, action, trigger.name, reason)
        self.begin(trigger)
        await journal.durable()
        return self.showing.shown(trigger)

    # -- what happens --------------------------------------------------------------------------

    def clock_was_set(self) -> None:
        """Moments may have come, or lie ahead again."""
        if self._schedules is not None:
            self._schedules.look_at_clock()

    def each_minute(self) -> None:
        """Look at what no event tells."""
        self.clock_was_set()
        if self._files is not None:
            self._files.look_at_all()

    def thin_ledger(self) -> None:
        """Forget old outcomes: some at a time."""
        now_us = self._clock.now_us()
        busy = [t for t in self.triggers.values() if t.decisions > BUSY_DECISIONS]
        for trigger in busy:
            trigger.decisions = 0
            self._service.journal.add_row("thin_occasions", [trigger.name, now_us - DAY_US])
        self._service.journal.add_row("forget_occasions", [now_us - LEDGER_DAYS * DAY_US])

    def _changed(self, execution: Execution, events: list[Event]) -> None:
        """An execution of ours has begun, ended, or is retried."""
        name = trigger_of(execution.request_key)
        if name is None or name not in self.triggers:
            return
        trigger = self.triggers[name]
        if execution.has_ended:
            trigger.running.discard(execution.id)
            if trigger.waiting and trigger.kind == "schedule":
                self.schedules.wake(name)
        else:
            trigger.running.add(execution.id)
        if any(event.type in ("execution.queued", "execution.ended") for event in events):
            self._tell(trigger)

    def _note_running(self, execution: Execution) -> None:
        name = trigger_of(execution.request_key)
        if name in self.triggers:
            self.triggers[name].running.add(execution.id)

    def _keep(self, trigger: Trigger) -> None:
        """What is known of a trigger has changed, without an occasion."""
        self._service.journal.add_trigger(trigger.row())
        self._tell(trigger)

    def _tell(self, trigger: Trigger) -> None:
        for observer in list(self.observers):
            observer(trigger.name)

    async def close(self) -> None:
        """Start nothing any more."""
        if self._files is not None:
            await self._files.close()
        self.deliveries.keep_refusals()
        await self.arrivals.close()
        if self._schedules is not None:
            await self._schedules.close()


async def _nothing() -> None:
    """Nobody looks at files yet."""


def _identity(definition: dict[str, Any]) -> str:
    kept = {name: definition.get(name) for name in _IDENTITY}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
