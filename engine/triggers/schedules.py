"""Acts on the moments of schedules: one timer for all of them, each moment decided once, in order.

A heap of the next moments and one timer of the loop; nothing polls. What is decided, the mark up to
which everything is, and the execution are one transaction: a kill between them cannot be.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from engine.clock import Clock
from engine.core import decide
from engine.errors import Unavailable, WingmanError
from engine.failpoints import reach
from engine.service import Service
from engine.timers import Timers
from engine.times import to_text
from engine.triggers import judge, moments
from engine.triggers.firing import Firing
from engine.triggers.trigger import Trigger

WORKERS = 4
AGAIN_US = 10 * moments.SECOND_US  # after a refusal that passes, such as a full disk
WAITING_LIMIT = 1_000
LOOKED_AT = 1_000  # moments that jitter may still have to start
NO_ENGINE = "no engine ran then"
ASLEEP = "the machine slept, or its clock was set forward"


class Schedules:
    """The armed schedules of one engine, and what moves them."""

    def __init__(
        self, service: Service, clock: Clock, firing: Firing, log: Callable[[str], None]
    ) -> None:
        self._service = service
        self._clock = clock
        self._firing = firing
        self._log = log
        self._triggers: dict[str, Trigger] = {}
        self._timers = Timers(clock.wall_us, self.wake)
        self._line: deque[str] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._looked: set[str] = set()  # those whose absence was accounted for
        self._last_wall_us = clock.wall_us()

    # -- arming --------------------------------------------------------------------------------

    def arm(self, trigger: Trigger) -> None:
        """Look at a schedule now, and at each of its moments from now on."""
        self._triggers[trigger.name] = trigger
        self._believe_clock(trigger, self._clock.wall_us())
        self.wake(trigger.name)

    def disarm(self, trigger: Trigger) -> None:
        """Nothing is expected of it any more."""
        self._triggers.pop(trigger.name, None)
        self._timers.set(trigger.name, None)

    def next_us(self, trigger: Trigger) -> int | None:
        """The nominal moment that starts next: with jitter it may have passed already."""
        wall_us = self._clock.wall_us()
        span_us = round(trigger.definition["jitter_s"] * moments.SECOND_US)
        at_us = moments.next_after(trigger.definition, max(trigger.decided_us, wall_us - span_us))
        for _ in range(LOOKED_AT):
            if at_us is None or self._start_us(trigger, at_us) > wall_us:
                return at_us
            at_us = moments.next_after(trigger.definition, at_us)
        return moments.next_after(trigger.definition, wall_us)

    def next_start_us(self, trigger: Trigger) -> int | None:
        """When it starts next."""
        at_us = self.next_us(trigger)
        return None if at_us is None else self._start_us(trigger, at_us)

    def _start_us(self, trigger: Trigger, at_us: int) -> int:
        return at_us + judge.jitter_us(trigger.name, trigger.definition, at_us)

    def preview(self, trigger: Trigger, count: int) -> list[dict[str, str]]:
        """The next moments, in UTC and as the clocks of its zone show them; when each starts."""
        found: list[dict[str, str]] = []
        zone, at_us = trigger.definition["timezone"], self.next_us(trigger)
        while at_us is not None and len(found) < count:
            found.append({
                "at": moments.key_text(at_us), "local": moments.local_text(at_us, zone),
                "starts": to_text(self._start_us(trigger, at_us)) or "",
            })  # fmt: skip
            at_us = moments.next_after(trigger.definition, at_us)
        return found

    def look_at_clock(self) -> None:
        """Called when the clock was set: one that is set back by hours was wrong before."""
        self._timers.look()
        wall_us, last_us = self._clock.wall_us(), self._last_wall_us
        self._last_wall_us = wall_us
        if wall_us >= last_us:
            return
        corrected = [t for t in self._triggers.values() if self._believe_clock(t, wall_us)]
        if corrected:
            self._log(f"the clock was hours ahead: {len(corrected)} schedules count from now on")
        for trigger in corrected:
            self._timers.set(trigger.name, None)
            self.wake(trigger.name)

    def _believe_clock(self, trigger: Trigger, wall_us: int) -> bool:
        """A mark far ahead of the clock was set by a clock that was wrong: count from now on."""
        if trigger.decided_us <= wall_us + judge.CORRECTED_US:
            return False
        trigger.highest_us = max(trigger.highest_us, trigger.decided_us)
        trigger.decided_us = wall_us
        trigger.turn += 1
        self._service.journal.add_trigger(trigger.row())
        return True

    # -- deciding ------------------------------------------------------------------------------

    def wake(self, name: str) -> None:
        """A moment has come, or something that one waits for has ended."""
        self._line.append(name)
        if len(self._workers) < WORKERS:
            task = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        """Decide about those in the line, one at a time; the loop breathes between them."""
        while self._line:
            trigger = self._triggers.get(self._line.popleft())
            if trigger is not None and trigger.busy:
                trigger.again = True
            elif trigger is not None and trigger.is_armed:
                trigger.busy, trigger.again = True, False
                turn = trigger.turn
                try:
                    await self._decide(trigger)
                except Exception:  # a fault with one must not hold up the others
                    self._log(f"trigger {trigger.name}: {traceback.format_exc()}")
                finally:
                    trigger.busy = False
                if trigger.again or trigger.turn != turn:
                    self.wake(trigger.name)
            await asyncio.sleep(0)

    async def _decide(self, trigger: Trigger) -> None:
        """Bring every moment that has come to its outcome, then wait for the next one."""
        if trigger.paused:
            self._timers.set(trigger.name, None)
            return
        try:
            await self._serve_waiting(trigger)
            await self._serve_moments(trigger)
        except Unavailable as error:
            self._firing.hold(trigger, error.message)
            self._log(f"trigger {trigger.name}: not now: {error}")
            self._timers.set(trigger.name, self._clock.wall_us() + AGAIN_US)
            return
        self._looked.add(trigger.name)
        self._firing.hold(trigger, "")
        due_us = judge.next_due(trigger.name, trigger.definition, trigger.decided_us)
        self._timers.set(trigger.name, due_us)

    async def _serve_moments(self, trigger: Trigger) -> None:
        turn = trigger.turn
        absence = trigger.held or (ASLEEP if trigger.name in self._looked else NO_ENGINE)
        while verdicts := judge.judge(
            trigger.name, trigger.definition, trigger.decided_us, self._clock.wall_us(), "", absence
        ):
            for verdict in verdicts:
                if verdict.starts:
                    await self._serve_start(trigger, verdict)
                else:
                    self.pass_by(trigger, verdict)
                if trigger.turn != turn or not trigger.is_armed:
                    return

    def pass_by(self, trigger: Trigger, verdict: judge.Verdict) -> None:
        """Moments that nothing comes of, in one row of the ledger."""
        trigger.decided_us = verdict.until_us
        key = moments.key_text(verdict.at_us)
        self._firing.record(
            trigger, key, verdict.at_us, verdict.outcome, verdict.reason,
            until_us=verdict.until_us, times=verdict.times, more=verdict.more,
        )  # fmt: skip

    async def _serve_start(self, trigger: Trigger, verdict: judge.Verdict) -> None:
        """A moment that starts the flow, as far as `overlap` lets it."""
        key, turn = moments.key_text(verdict.at_us), trigger.turn
        if verdict.at_us <= trigger.highest_us and await self._firing.has_started(trigger, key):
            trigger.decided_us = max(trigger.decided_us, verdict.at_us)
            return  # it came before the clock was set back
        prepared = await self._firing.prepare(trigger, self._names(trigger, verdict))
        if trigger.turn != turn:
            return  # paused, changed or gone meanwhile
        self._keep_live(trigger)
        how = judge.room(
            trigger.definition["overlap"], len(trigger.running), len(trigger.waiting)
        )
        before_us, trigger.decided_us = trigger.decided_us, verdict.at_us
        reach("trigger_decided")
        if how == "start" or prepared.refused:
            try:
                self._firing.start(
                    trigger, prepared, key, verdict.at_us, verdict.outcome, verdict.reason
                )
            except Unavailable:
                trigger.decided_us = before_us
                raise
        elif how == "skip" or len(trigger.waiting) >= WAITING_LIMIT:
            words = f"overlap: {trigger.definition['overlap']}; {self._busy_words(trigger)}"
            self._firing.record(trigger, key, verdict.at_us, "skipped", words)
        else:
            if how == "replace":
                self._replace(trigger, key)
            words = f"waits: {self._busy_words(trigger)}"
            row = self._firing.record(
                trigger, key, verdict.at_us, "waiting", words, late=verdict.reason
            )
            trigger.waiting.append(row)

    def _replace(self, trigger: Trigger, key: str) -> None:
        """What runs is cancelled, and what waits gives way."""
        while trigger.waiting:
            row = trigger.waiting.popleft()
            words = f"overlap: cancel_running; {key} came"
            self._firing.record(trigger, row[1], row[2], "skipped", words)
        for id_ in trigger.running:
            execution = self._service.scheduler.live.get(id_)
            if execution is None or execution.cancelling:
                continue
            reason = f"overlap: cancel_running; {key} came"
            try:
                self._service.scheduler.take(
                    execution, decide.cancel, "cancel", reason, trigger.name
                )
            except WingmanError as error:
                self._log(f"trigger {trigger.name}: {error}")

    async def _serve_waiting(self, trigger: Trigger) -> None:
        """Start what has waited for its turn."""
        turn = trigger.turn
        self._keep_live(trigger)
        while trigger.waiting and not trigger.running:
            row = trigger.waiting[0]
            key, at_us, late = row[1], row[2], row[9].get("late", "")
            prepared = await self._firing.prepare(
                trigger, self._names(trigger, judge.Verdict("late", at_us, at_us, 1, late))
            )
            if trigger.turn != turn:
                return
            waited_s = (self._clock.wall_us() - at_us) / 1e6
            outcome = "late" if waited_s * 1e6 > judge.ON_TIME_US else "ran"
            words = late or f"waited {waited_s:.0f} s for the one before"
            self._firing.start(trigger, prepared, key, at_us, outcome, words)
            if trigger.waiting and trigger.waiting[0] is row:
                trigger.waiting.popleft()

    def _keep_live(self, trigger: Trigger) -> None:
        trigger.running &= self._service.scheduler.live.keys()

    def _busy_words(self, trigger: Trigger) -> str:
        """Who is in the way."""
        live = self._service.scheduler.live
        names = sorted(f"{live[id_].flow}#{live[id_].number}" for id_ in trigger.running)
        if not names:
            return f"{len(trigger.waiting)} wait already"
        return f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''} still runs"

    def _names(self, trigger: Trigger, verdict: judge.Verdict) -> Mapping[str, Any]:
        """What the expressions of a schedule see."""
        local = moments.local_text(verdict.at_us, trigger.definition["timezone"])
        late = verdict.outcome == "late"
        return {"event": {"at": local, "date": local[:10], "late": late}}

    def names_of_next(self, trigger: Trigger) -> Mapping[str, Any]:
        """What the expressions of a schedule would see at its next moment."""
        at_us = self.next_us(trigger) or self._clock.wall_us()
        return self._names(trigger, judge.Verdict("ran", at_us, at_us, 1))

    def end_pause(self, trigger: Trigger) -> None:
        """What has come while it was paused is skipped, and told so."""
        for verdict in judge.judge(
            trigger.name, trigger.definition, trigger.decided_us, self._clock.wall_us(),
            trigger.paused_words, "",
        ):  # fmt: skip
            self.pass_by(trigger, verdict)

    async def close(self) -> None:
        """Decide nothing any more."""
        for task in list(self._workers):
            task.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
