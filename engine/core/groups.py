"""Who holds a concurrency group, who waits for it, and who is next. Pure.

A group is a name that executions of any flow may share (`concurrency:`). Nothing is remembered
here beside what executions are: one holds its group from its start to its end, paused or not; one
that waits is queued. A ledger is made anew from the open executions after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.core.state import Execution

NAMED_LIMIT = 3
LONGEST = 200


class Obstacle(NamedTuple):
    """Why an execution may not start now."""

    group: str
    limit: int
    holders: list[Execution]
    ahead: Execution | None  # the first who waits before it

    def words(self) -> str:
        """The obstacle in a sentence that stays true: without ages."""
        taken = f"concurrency group {self.group} (limit {self.limit})"
        if self.holders:
            taken += f" is held by {_named(self.holders)}"
        return taken + (f"; {name_of(self.ahead)} is before it" if self.ahead else "")


def name_of(ex: Execution) -> str:
    """How people call an execution."""
    return f"{ex.flow}#{ex.number}"


def _named(executions: list[Execution]) -> str:
    names = ", ".join(name_of(ex) for ex in executions[:NAMED_LIMIT])
    more = len(executions) - NAMED_LIMIT
    return f"{names} and {more} more" if more > 0 else names


@dataclass(slots=True)
class Groups:
    """Holders and waiters of every group, by execution id, in the order of coming."""

    holders: dict[str, dict[str, Execution]] = field(default_factory=dict)
    queues: dict[str, dict[str, Execution]] = field(default_factory=dict)
    _at: dict[str, str] = field(default_factory=dict)  # the group that an execution is noted under

    def note(self, ex: Execution) -> None:
        """Agree with the state of an execution: holding, waiting, or neither."""
        if ex.definition.get("concurrency") is None:
            return
        group = ex.group
        if group is None or ex.has_ended or self._at.get(ex.id, group) != group:
            self.forget(ex)
        if group is None or ex.has_ended:
            return
        waits = ex.state == "queued"
        if waits and ex.group_since_us is None:
            self.forget(ex)  # retried: not judged yet
            return
        self._drop(self.holders if waits else self.queues, group, ex.id)
        (self.queues if waits else self.holders).setdefault(group, {}).setdefault(ex.id, ex)
        self._at[ex.id] = group

    def adopt(self, executions: Iterable[Execution]) -> None:
        """Begin with what these executions hold and wait for, in the order in which they asked."""
        for ex in sorted(executions, key=lambda ex: (ex.group_since_us or 0, ex.ord)):
            self.note(ex)

    def forget(self, ex: Execution) -> None:
        """An execution neither holds nor waits."""
        group = self._at.pop(ex.id, None)
        if group is not None:
            self._drop(self.holders, group, ex.id)
            self._drop(self.queues, group, ex.id)

    @staticmethod
    def _drop(places: dict[str, dict[str, Execution]], group: str, id_: str) -> None:
        there = places.get(group)
        if there is not None and there.pop(id_, None) is not None and not there:
            del places[group]

    def obstacle(self, ex: Execution | None, group: str, limit: int) -> Obstacle | None:
        """What keeps an execution from starting now; None when nothing does."""
        above = self._above(ex, group)
        there = self.holders.get(group, {})
        holders = [other for other in there.values() if other.id not in above]
        ahead = None
        for other in self.queues.get(group, {}).values():
            if other is ex:
                break
            if not above or above & self._above(other, group):
                ahead = other
                break
        if len(holders) < limit and ahead is None:
            return None
        return Obstacle(group, limit, holders, ahead)

    def _above(self, ex: Execution | None, group: str) -> frozenset[str]:
        """Those who have called an execution and hold its group: it shares their place.

        They wait for it, so it must not wait for them, nor for anybody who does.
        """
        callers = (ex.parent or {}).get("above", ()) if ex else ()
        there = self.holders.get(group, {})
        return frozenset(caller for caller in callers if caller in there)

    def next_ones(self) -> list[Execution]:
        """The executions that may start now, in their order: as far as there is room."""
        found = []
        for group, queue in self.queues.items():
            taken, is_full = len(self.holders.get(group, {})), False
            for ex in queue.values():
                limit = ex.definition["concurrency"]["limit"]
                if self._above(ex, group):
                    if self.obstacle(ex, group, limit) is None:
                        found.append(ex)
                    continue
                is_full = is_full or taken >= limit
                if not is_full:
                    taken += 1
                    found.append(ex)
        return found
