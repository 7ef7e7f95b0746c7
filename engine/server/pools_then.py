"""Who held the pools of a flow at a moment of the journal, and who waited: over all executions.

The ledger of then is made as a restarted engine makes its own: from the executions that were open.
What a pool could hold then is not recorded; a step that waited says it in its reason.
"""

from __future__ import annotations

from typing import Any

from engine.core.ledger import Ledger
from engine.core.state import Execution
from engine.errors import WingmanError
from engine.journal.database import queries
from engine.journal.history import History, decode
from engine.model import SECTIONS
from engine.recovery import replay
from engine.slots import claim_rows

LOOKED_AT = 2000  # executions from before the moment: who is older and still ran is missed
REPLAYED = 50  # of those that use the same pools

Row = dict[str, Any]


def pools_then(history: History, execution: Execution, seq: int, at_us: int) -> list[Row]:
    """Each pool that the execution's steps name: slots taken, holders and waiters."""
    wanted = pools_of(execution.definition)
    if not wanted:
        return []
    ledger = Ledger()
    ledger.adopt([execution, *_others(history, execution, wanted, seq, at_us)])
    return [
        {
            "name": pool,
            "used": ledger.used.get(pool, 0),
            "holders": claim_rows(ledger.holders.get(pool, {}).values(), pool),
            "waiters": claim_rows(ledger.queues.get(pool, {}).values(), pool),
        }
        for pool in sorted(wanted)
    ]


def pools_of(definition: Row) -> set[str]:
    """The pools that a flow's steps name."""
    return {pool for section in SECTIONS for step in definition[section] for pool in step["pools"]}


def _others(
    history: History, execution: Execution, wanted: set[str], seq: int, at_us: int
) -> list[Execution]:
    """The other executions that were open then and whose steps name one of these pools."""
    db = history.connection
    found: list[Execution] = []
    known: dict[tuple[str, str], Row] = {}
    for (ord_,) in db.execute(queries()["open_at"], (at_us, LOOKED_AT)):
        if ord_ == execution.ord or len(found) == REPLAYED:
            continue
        first = history.first_event(ord_)
        key = (first["version"], first["source"])
        definition = known[key] = known.get(key) or history.compiled_of(*key)
        if wanted.isdisjoint(pools_of(definition)):
            continue
        rows = db.execute(queries()["events_of_until"], (ord_, seq))
        events = [(n, at, type_, decode(text)) for n, at, type_, text in rows]
        try:
            other = replay(ord_, history.rows([ord_])[0]["id"], definition, {}, events)
        except WingmanError:
            continue  # one whose records are damaged says nothing of the others
        if not other.has_ended:
            found.append(other)
    return found
