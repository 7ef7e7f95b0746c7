"""What a reference to an execution means: its id or a part of it, flow#12, flow@last, @last-failed.

Called by `History.find`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import UnknownReference, UsageError
from engine.filters import Filter
from engine.journal.database import queries

if TYPE_CHECKING:
    from engine.journal.history import History

PART_LENGTH = 6  # of an id, at the least
NUMBER_DIGITS = 18  # a whole number of SQLite holds as many


def find_execution(history: History, reference: str, hidden: frozenset[str]) -> int:
    """The ord of the execution, as if there were none of hidden flows.

    Raises UnknownReference, UsageError when ambiguous.
    """
    found = _find(history, reference, hidden)
    if found is None or (hidden and history.rows([found])[0]["flow"] in hidden):
        hint = "an id, its last 6 characters or more, flow#12, flow@last(-failed) or @last"
        if reference not in hidden and history.get("last_of_flow", reference):
            hint = f"that is a flow; its newest execution is {reference}@last"
        raise UnknownReference(f"there is no execution {reference!r}", hint)
    return found


def _find(history: History, reference: str, hidden: frozenset[str]) -> int | None:
    exact = history.by_id(reference)
    if exact is not None:
        return exact
    flow, mark, number = reference.rpartition("#")
    if mark:
        if not number.isascii() or not number.isdigit() or len(number) > NUMBER_DIGITS:
            return None
        return history.get("by_number", flow, int(number))  # type: ignore[no-any-return]
    flow, mark, which = reference.rpartition("@")
    if mark:
        return _find_newest(history, flow, which, hidden)
    return _find_part(history, reference, hidden)


def _find_newest(history: History, flow: str, which: str, hidden: frozenset[str]) -> int | None:
    if hidden and not flow and which in ("last", "last-failed"):
        states = ("failed",) if which == "last-failed" else ()
        rows = history.page(Filter(states=states, hidden=hidden), None, 1).rows
        return history.by_id(rows[0]["id"]) if rows else None
    if which == "last":
        name, values = ("last_of_flow", (flow,)) if flow else ("last_ord", ())
    elif which == "last-failed":
        name, values = ("last_failed_of_flow", (flow,)) if flow else ("last_failed", ())
    else:
        return None
    found = history.get(name, *values)
    return int(found) if found else None


def _find_part(history: History, part: str, hidden: frozenset[str]) -> int | None:
    if len(part) < PART_LENGTH or not part.isascii():
        return None
    db, named = history.connection, queries()
    rows: list[tuple[Any, ...]] = db.execute(named["by_suffix"], (part,)).fetchall()
    rows = rows or db.execute(named["by_prefix"], (part, part + "~")).fetchall()
    rows = [row for row in rows if row[2] not in hidden]
    if len(rows) > 1:
        names = ", ".join(f"{flow}#{number} ({id_})" for _, id_, flow, number in rows)
        raise UsageError(f"{part!r} fits several executions: {names}", "give more characters")
    return int(rows[0][0]) if rows else None
