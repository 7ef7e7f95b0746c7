"""What retention asks the journal, and the rows by which it removes executions, some at a time.

First an execution leaves the lists, its counters with it, and is noted as leaving, in one
transaction; then its records go in small ones; when its files are gone, too, it has left. A death
between any two of these leaves a note for the next engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from engine.journal.database import queries
from engine.journal.history import NEWEST, History
from engine.journal.journal import Journal
from engine.jsontext import encode

AT_ONCE = 20
DAY_US = 86_400_000_000
Pair = tuple[int, str]  # ord and id

_LEAVE = ("keep_highest", "take_leave", "leave_counters", "leave_notes", "leave_executions")
_RECORDS = ("leave_events", "leave_steps", "leave_attempts", "leave_ends")


@dataclass(frozen=True, slots=True)
class Rule:
    """Which ended executions of a flow stay: the newest `keep`, and those younger than `days`."""

    keep: int | None
    days: int | None


def rule_from(given: dict[str, int] | None) -> Rule | None:
    """The rule that a flow's file or the configuration gives."""
    return Rule(given.get("keep"), given.get("days")) if given else None


def rules(history: History, flows: list[str]) -> dict[str, Rule | None]:
    """What the file of each flow's newest execution says."""
    rows = _ask(history, "retention_rules", encode(flows).decode())
    return {flow: rule_from(msgspec.json.decode(text) if text else None) for flow, text in rows}


def all_flows(history: History) -> list[str]:
    """The flows that ever had an execution."""
    return [name for name, *_ in _ask(history, "flows")]


def removable(
    history: History, flow: str, rule: Rule, before_us: int, needed: list[str]
) -> list[Pair]:
    """Some executions that no rule keeps; `needed` are ids that stay in any case."""
    below = NEWEST
    if rule.keep is not None:
        kept = _ask(history, "last_kept", flow, rule.keep)
        if not kept:
            return []
        below = kept[0][0]
    if rule.days is not None:
        before_us -= rule.days * DAY_US
        since = _ask(history, "first_ord_since", before_us)
        below = min(below, since[0][0]) if since else below
    values = (flow, below, before_us, encode(needed).decode(), AT_ONCE)
    return _ask(history, "removable", *values)


def leaving(history: History) -> list[Pair]:
    """Some of those that were taken out of the lists and are not gone yet."""
    return _ask(history, "leaving", AT_ONCE)


def has_records(history: History, pairs: list[Pair]) -> bool:
    """Whether records of these are left."""
    ords = encode([ord_ for ord_, _ in pairs]).decode()
    return bool(_ask(history, "leaving_records", ords)[0][0])


def take_leave(journal: Journal, pairs: list[Pair]) -> None:
    """Have these leave the lists."""
    _add(journal, _LEAVE, pairs)


def remove_records(journal: Journal, pairs: list[Pair]) -> None:
    """Have some of their records removed."""
    _add(journal, _RECORDS, pairs)


def has_left(journal: Journal, pairs: list[Pair]) -> None:
    """Nothing of these is left."""
    _add(journal, ("has_left",), pairs)


def _add(journal: Journal, statements: tuple[str, ...], pairs: list[Pair]) -> None:
    row = [ord_ for ord_, _ in pairs]
    for statement in statements:
        journal.add_row(statement, row)


def _ask(history: History, name: str, *values: Any) -> list[Any]:
    return history.connection.execute(queries()[name], values).fetchall()
