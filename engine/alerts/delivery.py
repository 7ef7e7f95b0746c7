"""Carries deliveries out: reads what is due, sends it, records the outcome. One timer, no polling.

A delivery is tried until it was taken, with growing pauses, for a day. What is told together
becomes one message, and stays that one. A death between sending and recording sends it again,
under the same key.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.alerts.addresses import Outcome, given_up
from engine.alerts.bundles import alerts_of, over
from engine.alerts.channels import Channels
from engine.alerts.messages import bundled
from engine.alerts.quiet import quiet_until_us
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
QUIET = "quiet/"  # begins the bundles of quiet hours
SHOWN = 20  # about some executions
AT_ONCE = 4  # channels
REST_S = 60.0
TIMES = ("at", "due", "ended", "acked_at")
COLUMNS = ("id", "channel", "flow", "execution", "occasion", "title", "text", "at", "state",
           "tries", "due", "ended", "error", "acked_at", "acked_by", "leader",
           "addresses")  # fmt: skip


class Due(NamedTuple):
    """A delivery that is due, as `due_deliveries` gives it."""

    id: int
    key: str
    channel: str
    flow: str
    occasion: str
    title: str
    text: str
    begun_us: int
    tries: int
    bundle: str
    leader: int | None
    quiet: str
    due_us: int
    taken: str  # sealed: the addresses that have it


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
        self._sending: dict[str, asyncio.Task[None]] = {}  # by channel: none waits for another
        self._resting: set[str] = set()  # channels with which something went wrong here
        self.waits = False  # whether anything is still to be sent
        self.observers: list[Callable[[], None]] = []  # hear that a delivery has changed

    def wake(self) -> None:
        """Something may be due."""
        self.waits = self._again = True
        self._tell()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def _tell(self) -> None:
        for observer in list(self.observers):
            observer()

    @property
    def is_busy(self) -> bool:
        """Whether something is looked at or sent at this moment."""
        return self._task is not None or bool(self._sending)

    async def _work(self) -> None:
        """Give each channel its oldest message that is due, as far as there is room."""
        try:
            while self._again:
                self._again = False
                rows = await self.ask("due_deliveries", self._clock.now_us(), self._taken())
                for due in [Due(*row) for row in rows][: AT_ONCE - len(self._sending)]:
                    task = asyncio.get_running_loop().create_task(self._send(due))
                    self._sending[due.channel] = task
            await self._sleep()
        except Exception:
            self._log(f"alerts: {traceback.format_exc()}")
        finally:
            self._task = None

    def _taken(self) -> str:
        """The channels that get nothing more just now."""
        return encode([*self._sending, *self._resting]).decode()

    async def _send(self, due: Due) -> None:
        """Send one message of a channel; the next one after it."""
        try:
            await self._try(due)
            await self._journal.durable()
        except Exception:  # a fault of ours: not at once again
            self._log(f"alerts: {traceback.format_exc()}")
            self._resting.add(due.channel)
            asyncio.get_running_loop().call_later(REST_S, self._rested, due.channel)
        finally:
            del self._sending[due.channel]
        self.wake()

    def _rested(self, channel: str) -> None:
        self._resting.discard(channel)
        self.wake()

    async def _try(self, due: Due) -> None:
        """Send one message, and put its outcome into the open transaction."""
        if self._is_held(due):
            return
        ids, flows, title, text = [due.id], [due.flow], due.title, due.text
        if due.bundle:
            rows = await self._bundle(due)
            if not rows:
                return
            is_quiet = due.bundle.startswith(QUIET)
            title, text = bundled(alerts_of(rows), is_quiet=is_quiet)
            ids, flows = [row[0] for row in rows], [row[1] for row in rows]
        order = {"key": due.key, "kind": due.occasion, "title": title, "text": text,
                 "flows": flows, "id": due.id, "at": to_text(due.begun_us)}  # fmt: skip
        taken = self._channels.opened(due.key, due.taken)
        outcome = await self._channels.send(due.channel, order, taken)
        reach("delivered")
        self._record(due, ids, outcome)

    def _is_held(self, due: Due) -> bool:
        """Put it off where it fell due late, and quiet hours have begun meanwhile."""
        hours = msgspec.json.decode(due.quiet) if due.quiet else None
        until_us = quiet_until_us(hours, self._clock.now_us())
        if until_us is None:
            return False
        row = [due.id, until_us, f"{QUIET}{due.channel}/{until_us}"]
        self._journal.add_row("hold_delivery", row)
        return True

    async def _bundle(self, due: Due) -> list[tuple[Any, ...]]:
        """What one message tells with this; decided and durable before it is sent."""
        if due.leader is not None:
            return await self.ask("led_by", due.id)
        now_us = self._clock.now_us()
        rows = await self.ask("bundle_of", due.bundle, now_us)
        if due.bundle.startswith(QUIET):
            dropped = await self._reader(lambda history: over(history, rows))
            self._journal.add_row("drop_deliveries", [sorted(dropped), now_us])
            rows = [row for row in rows if row[0] not in dropped]
        if rows:
            self._journal.add_row("lead_deliveries", [rows[0][0], [row[0] for row in rows]])
        await self._journal.durable()
        reach("bundled")
        return rows if rows and rows[0][0] == due.id else []  # else another one leads: next turn

    def _record(self, due: Due, ids: Sequence[int], outcome: Outcome) -> None:
        """What became of a try; who has it already is not sent it again."""
        now_us, tries, error = self._clock.now_us(), due.tries + 1, outcome.error
        pause_us = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tries - 1)) * SECOND_US
        state = "sent" if not error else "waiting"
        if error and now_us + pause_us > due.begun_us + GIVE_UP_US:
            state = "failed"
            self._log(f"alert {due.id} for {due.channel} is given up: {error}")
        ended_us = None if state == "waiting" else now_us
        taken = self._channels.sealed(due.key, outcome.taken) if state == "waiting" else ""
        said = given_up(outcome.said) if state == "failed" else outcome.said
        row = [list(ids), state, tries, now_us + pause_us, ended_us, error,
               encode(said).decode(), taken]  # fmt: skip
        self._journal.add_row("tried_delivery", row)

    async def _sleep(self) -> None:
        """Wait for the next that falls due."""
        due_us = (await self.ask("next_delivery", self._taken()))[0][0]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.waits = due_us is not None or self._again or bool(self._sending or self._resting)
        if self._again:  # while this was asked
            asyncio.get_running_loop().call_soon(self.wake)
        elif due_us is not None and len(self._sending) < AT_ONCE:
            delay_s = max(0.0, (due_us - self._clock.now_us()) / SECOND_US)
            self._timer = asyncio.get_running_loop().call_later(delay_s + 0.01, self.wake)

    async def ask(self, name: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a named statement."""

        def look(history: History) -> list[tuple[Any, ...]]:
            return history.connection.execute(queries()[name], values).fetchall()

        return await self._reader(look)

    def hasten(self, channels: Sequence[str]) -> None:
        """These can be reached now: try what waits for another try."""
        for channel in channels:
            self._journal.add_row("hasten_deliveries", [channel, self._clock.now_us()])
        self._journal.when_durable(self.wake)

    async def page(self, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Deliveries, newest first."""
        rows = await self.ask("deliveries_below", NEWEST if before is None else before, limit)
        return [_shown(row) for row in rows]

    async def about(self, executions: list[str]) -> list[dict[str, Any]]:
        """The newest deliveries about some executions."""
        rows = await self.ask("deliveries_about", encode(executions).decode(), SHOWN)
        return [_shown(row) for row in rows]

    async def one(self, number: int) -> dict[str, Any] | None:
        """One delivery; None where there is none."""
        rows = await self.ask("delivery", number)
        return _shown(rows[0]) if rows else None

    def forget_old(self) -> None:
        """Forget what was told long ago."""
        self._journal.add_row("forget_deliveries", [self._clock.now_us() - KEPT_US])

    async def close(self) -> None:
        """Send nothing any more; the next engine goes on."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = [task for task in (self._task, *self._sending.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    """A delivery as wire.Alert."""
    found = dict(zip(COLUMNS, row, strict=True))
    found["addresses"] = msgspec.json.decode(found["addresses"])
    return found | {name: to_text(found[name]) for name in TIMES}
