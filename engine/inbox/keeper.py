"""The inbox of one engine: what has failed and not recovered, and what people do with it.

An end puts its failure in, or takes its flow's failures out, in the very transaction that ends the
execution; nothing is ever looked for in the history. Flows that complete cost a look into a dict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from engine.clock import Clock
from engine.core.state import Execution
from engine.errors import Conflict, UnknownReference, UsageError
from engine.inbox.entries import Found, entries, find_entries
from engine.inbox.filling import Seen, is_filled, open_failures
from engine.inbox.fingerprint import Failure, failure_of
from engine.journal.database import queries
from engine.journal.history import History
from engine.model import Event
from engine.service import Service
from engine.times import to_text

KEPT_US = 90 * 86_400 * 1_000_000  # what has recovered, after its last failure
PLACES_LIMIT = 100  # of a flow; what differs beyond is told apart by its step and type alone
FAILED = ("failed", "partial")


class Inbox:
    """Failures by fingerprint."""

    def __init__(self, service: Service, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._open: dict[str, set[tuple[str, str]]] = {}  # (fingerprint, step) by flow
        self._places: Counter[str] = Counter()  # how many of these a fingerprint has
        self.observers: list[Callable[[], None]] = []  # hear that something has changed
        self.on_acknowledged: Callable[[list[str], str], None] = lambda flows, actor: None
        service.scheduler.on_ended.append(self._ended)

    def load(self, history: History) -> None:
        """What the last engine left; of a home without an inbox, what its history tells."""
        for flow, fingerprint, step in history.connection.execute(queries()["open_places"]):
            self._open.setdefault(flow, set()).add((fingerprint, step))
            self._places[fingerprint] += 1
        if not is_filled(history):
            for flow, failure, seen in open_failures(history):
                self._failed(flow, failure, seen)
            self._service.journal.add_row("inbox_is_filled", [self._clock.now_us()])

    def forget_old(self) -> None:
        """Forget what has recovered long ago, some at a time."""
        for statement in ("forget_places", "forget_inbox"):
            self._service.journal.add_row(statement, [self._clock.now_us() - KEPT_US])

    # -- ends ----------------------------------------------------------------------------------

    def _ended(self, execution: Execution, events: list[Event]) -> None:
        """An execution ends in the transaction that is being made."""
        if events[-1].type != "execution.ended":
            return
        flow, at_us = execution.flow, execution.ended_at_us or events[-1].at_us
        if execution.state in FAILED:
            failure = failure_of(execution.error, flow)
            if self._is_too_many(flow, failure):
                failure = failure_of(execution.error, flow, coarse=True)
            self._failed(flow, failure, Seen(at_us, at_us, execution.id, execution.number))
        elif execution.state == "completed" and flow in self._open:
            self._recovered(flow, at_us)
        else:
            return
        self._service.journal.when_durable(self._tell)

    def _is_too_many(self, flow: str, failure: Failure) -> bool:
        known = self._open.get(flow, set())
        return len(known) >= PLACES_LIMIT and (failure.fingerprint, failure.step) not in known

    def _failed(self, flow: str, failure: Failure, seen: Seen) -> None:
        journal = self._service.journal
        fingerprint, type_, step, message = failure
        known = self._open.setdefault(flow, set())
        journal.add_row("upsert_inbox", [fingerprint, type_, seen.last_us])
        if (fingerprint, step) not in known:  # news, also to who has acknowledged it elsewhere
            journal.add_row("acknowledge_inbox", [fingerprint, None, None])
            known.add((fingerprint, step))
            self._places[fingerprint] += 1
        row = [fingerprint, flow, step, message, seen.times, seen.first_us, seen.last_us,
               seen.execution, seen.number]  # fmt: skip
        journal.add_row("upsert_places", row)

    def _recovered(self, flow: str, at_us: int) -> None:
        """A flow has completed: what has failed nowhere else leaves the inbox."""
        self._service.journal.add_row("recover_places", [flow])
        left = [fingerprint for fingerprint, _ in self._open.pop(flow)]
        self._places.subtract(left)
        self._leave({one for one in left if not self._places[one]}, at_us, None)

    def _leave(self, fingerprints: set[str], at_us: int, by: str | None) -> None:
        for fingerprint in sorted(fingerprints):
            del self._places[fingerprint]
            self._service.journal.add_row("leave_inbox", [fingerprint, at_us, by])

    def _tell(self) -> None:
        for observer in list(self.observers):
            observer()

    # -- what people ask -----------------------------------------------------------------------

    async def page(
        self, show: str, hidden: frozenset[str], *, text: str = "", limit: int = 200
    ) -> Found:
        """What is in the inbox for whoever does not see some flows, newest first."""
        now_us = self._clock.now_us()
        return await self._service.reader(
            lambda history: entries(history, show, hidden, now_us, text, limit)
        )

    async def find(self, reference: str, hidden: frozenset[str]) -> dict[str, Any]:
        """The entry of a fingerprint, or of its first 4 characters or more.

        Raises UnknownReference, UsageError.
        """
        now_us = self._clock.now_us()
        found = await self._service.reader(
            lambda history: find_entries(history, reference, hidden, now_us)
        )
        if not found:
            raise UnknownReference(f"the inbox has no {reference!r}", "`wingman inbox` lists it")
        if len(found) > 1:
            names = ", ".join(entry["id"] for entry in found)
            raise UsageError(f"{reference!r} fits several: {names}", "give more characters")
        return found[0]

    async def acknowledge(
        self, reference: str, actor: str, hidden: frozenset[str], undo: bool = False
    ) -> dict[str, Any]:
        """Somebody has taken note; alerts about it remind nobody any more."""
        entry = await self._open_entry(reference, hidden)
        if undo:
            return await self._change(
                entry, "acknowledge_inbox", None, None, hidden, actor, "unack"
            )
        if entry["acked_by"]:
            raise Conflict(f"{entry['id']} was acknowledged by {entry['acked_by']}")
        self.on_acknowledged([flow for flow in self._flows_of(entry) if flow not in hidden], actor)
        now_us = self._clock.now_us()
        return await self._change(entry, "acknowledge_inbox", now_us, actor, hidden, actor, "ack")

    async def snooze(
        self, reference: str, until_us: int | None, actor: str, hidden: frozenset[str]
    ) -> dict[str, Any]:
        """It stays away until a moment, also when it fails again; None ends that."""
        entry = await self.find(reference, hidden)
        by = actor if until_us is not None else None
        said = to_text(until_us) or "no longer"
        return await self._change(
            entry, "snooze_inbox", until_us, by, hidden, actor, "snooze", said
        )

    async def assign(
        self, reference: str, user: str | None, actor: str, hidden: frozenset[str]
    ) -> dict[str, Any]:
        """Somebody takes care of it; None: nobody does."""
        entry = await self.find(reference, hidden)
        by = actor if user is not None else None
        said = user or "nobody"
        return await self._change(entry, "assign_inbox", user, by, hidden, actor, "assign", said)

    async def close(self, reference: str, actor: str, hidden: frozenset[str]) -> dict[str, Any]:
        """It leaves by somebody's word, because nothing will run that could recover."""
        entry = await self._open_entry(reference, hidden)
        fingerprint, flows = str(entry["id"]), self._flows_of(entry)
        if hidden.intersection(flows):
            raise Conflict(
                f"{fingerprint} concerns flows that you may not see, too",
                "acknowledge or snooze it",
            )
        for flow in flows:
            self._open[flow] = {one for one in self._open[flow] if one[0] != fingerprint}
            if not self._open[flow]:
                del self._open[flow]
        self._service.journal.add_row("close_places", [fingerprint])
        self._leave({fingerprint}, self._clock.now_us(), actor)
        return await self._done(entry, hidden, actor, "close", "")

    def _flows_of(self, entry: dict[str, Any]) -> list[str]:
        """The flows of which an entry's failure has not recovered."""
        wanted = entry["id"]
        return [flow for flow, known in self._open.items() if any(f == wanted for f, _ in known)]

    async def _open_entry(self, reference: str, hidden: frozenset[str]) -> dict[str, Any]:
        entry = await self.find(reference, hidden)
        if not entry["open"]:
            how = f"closed by {entry['left_by']}" if entry["left_by"] else "recovered"
            raise Conflict(f"{entry['id']} is not in the inbox any more: {how}")
        return entry

    async def _change(
        self, entry: dict[str, Any], statement: str, value: Any, by: str | None,
        hidden: frozenset[str], actor: str, action: str, said: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        self._service.journal.add_row(statement, [entry["id"], value, by])
        return await self._done(entry, hidden, actor, action, said)

    async def _done(
        self, entry: dict[str, Any], hidden: frozenset[str], actor: str, action: str, said: str
    ) -> dict[str, Any]:
        """It is in the journal: tell, and give the entry as it is now."""
        journal = self._service.journal
        journal.add_audit(self._clock.now_us(), actor, f"inbox {action}", str(entry["id"]), said)
        await journal.durable()
        self._tell()
        return await self.find(str(entry["id"]), hidden)
