"""The engine's side of concurrency groups: who is let in when a place is free, and what is told.

Owned by the scheduler; the ledger itself is `core/groups.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from engine.core.groups import Groups, Obstacle
from engine.core.state import Execution
from engine.times import to_text

Row = dict[str, Any]


class GroupLine:
    """The groups of one engine."""

    def __init__(self, begin: Callable[[Execution], object]) -> None:
        self.ledger = Groups()
        self._begin = begin
        self._soon = False

    def changed(self) -> None:
        """Something has moved: let in who may start, at the end of this turn."""
        if self.ledger.queues and not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._let_in)

    def _let_in(self) -> None:
        self._soon = False
        for execution in self.ledger.next_ones():
            self._begin(execution)

    # -- telling ---------------------------------------------------------------------------

    def obstacle(self, ex: Execution) -> Obstacle | None:
        """What a queued execution waits for now."""
        if ex.group is None or ex.group_since_us is None:
            return None
        return self.ledger.obstacle(ex, ex.group, ex.definition["concurrency"]["limit"])

    def explain(self, ex: Execution, waiting: Row | None) -> Row | None:
        """What an execution waits for, with who holds it now."""
        obstacle = self.obstacle(ex) if waiting and waiting.get("kind") == "group" else None
        if waiting is None or obstacle is None:
            return waiting
        return {**waiting, "reason": obstacle.words(), "holders": member_rows(obstacle.holders)}

    def rows(self) -> list[Row]:
        """Every group that somebody holds or waits for: wire.Group."""
        ledger = self.ledger
        return [
            {
                "name": group,
                "limit": _limit(ledger, group),
                "holders": member_rows(ledger.holders.get(group, {}).values()),
                "waiters": member_rows(ledger.queues.get(group, {}).values()),
            }
            for group in sorted({*ledger.holders, *ledger.queues})
        ]


def _limit(ledger: Groups, group: str) -> int:
    """The limit by which the next one is measured; flows of one group may differ."""
    members = [*ledger.queues.get(group, {}).values(), *ledger.holders.get(group, {}).values()]
    return int(members[0].definition["concurrency"]["limit"])


def member_rows(executions: Iterable[Execution]) -> list[Row]:
    """Executions of a group as wire.Member: since when they hold it, or wait."""
    return [
        {
            "execution": ex.id,
            "flow": ex.flow,
            "number": ex.number,
            "state": ex.state,
            "since": to_text(ex.group_since_us or ex.attempt_started_at_us or ex.created_at_us),
        }
        for ex in executions
    ]
