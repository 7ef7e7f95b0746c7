"""What retention asks the journal, and the rows by which it removes executions, some at a time.

First an execution leaves the lists, its counters with it, and is noted as leaving, in one
transaction; then its records go in small ones; when its files are gone, too, it has left. A death
between any two of these leaves a note for the next engine. Where only logs or working directories
go, a mark a flow says up to where they are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.journal.database import queries
from engine.journal.history import NEWEST, History
from engine.journal.journal import Journal
from engine.jsontext import encode

AT_ONCE = 50
DAY_US = 86_400_000_000
ALL_FLOWS = ""  # of rules that hold for all flows together
FILES = ("logs", "work")  # what may go before the execution itself
Pair = tuple[int, str]  # ord and id

_LEAVE = ("keep_highest", "take_leave", "leave_counters", "leave_notes", "leave_executions")
_RECORDS = ("leave_events", "leave_steps", "leave_attempts", "leave_ends")


@dataclass(frozen=True, slots=True)
class Rule:
    """Which ended executions stay: the newest `keep`, and those younger than `days`."""

    keep: int | None
    days: int | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What of a flow no rule keeps: below an ord, and ended before a moment."""

    flow: str  # or ALL_FLOWS
    below: int
    before_us: int


Rules = dict[str, Rule]  # by what they are about: executions, logs, work


def rules_from(given: Mapping[str, Any] | None, default: Rules | None = None) -> Rules:
    """The rules that a flow's file or the configuration gives; else those of the default."""
    given = given or {}
    found = dict(default or {})
    for name, own in (("executions", given), *((name, given.get(name, {})) for name in FILES)):
        if "keep" in own or "days" in own:
            found[name] = Rule(own.get("keep"), own.get("days"))
    return found


def rules(history: History, flows: list[str], default: Rules) -> dict[str, Rules]:
    """What the file of each flow's newest execution says, or else the configuration."""
    rows = _ask(history, "retention_rules", encode(flows).decode())
    return {
        flow: rules_from(msgspec.json.decode(text) if text else None, default)
        for flow, text in rows
    }


def all_flows(history: History) -> list[str]:
    """The flows that ever had an execution."""
    return [name for name, *_ in _ask(history, "flows")]


def bounds(history: History, flow: str, rule: Rule, before_us: int) -> Bounds | None:
    """What a rule does not keep; None where it keeps all."""
    below = NEWEST
    if rule.keep is not None:
        kept = _ask(history, "last_kept", flow, rule.keep) if flow else _ask(
            history, "last_kept_of_all", rule.keep)  # fmt: skip
        if not kept:
            return None
        below = kept[0][0]
    if rule.days is not None:
        before_us -= rule.days * DAY_US
        since = _ask(history, "first_ord_since", before_us)
        below = min(below, since[0][0]) if since else below
    return Bounds(flow, below, before_us)


def removable(history: History, bounds: Bounds, needed: list[str]) -> list[Pair]:
    """Some executions that no rule keeps; `needed` are ids that stay in any case."""
    values = (bounds.below, bounds.before_us, encode(needed).decode(), AT_ONCE)
    if bounds.flow == ALL_FLOWS:
        return _ask(history, "removable_of_all", *values)
    return _ask(history, "removable", bounds.flow, *values)


def mark(history: History, flow: str, what: str) -> int:
    """Up to which execution files are gone: a number of a flow, an ord of all flows."""
    found = _ask(history, "stripped_to", flow, what)
    return int(found[0][0]) if found else 0


def strippable(history: History, bounds: Bounds, after: int) -> list[Pair]:
    """Some ended executions whose files no rule keeps, after a mark, in order: their mark, id."""
    values = (after, bounds.below, bounds.before_us, AT_ONCE)
    if bounds.flow == ALL_FLOWS:
        return _ask(history, "strippable_of_all", *values)
    return _ask(history, "strippable", bounds.flow, *values)


def set_mark(journal: Journal, flow: str, what: str, mark: int) -> None:
    """Note up to which execution files are gone."""
    journal.add_row("set_stripped", [flow, what, mark])


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
        journal.add_row(statement, row, is_heavy=True)


def _ask(history: History, name: str, *values: Any) -> list[Any]:
    return history.connection.execute(queries()[name], values).fetchall()
