"""The list of executions in another order than newest first.

By flow, by state and oldest first the indexes and counters that there are give any page of any
history. By duration there is no index on purpose: each one costs every end of an execution, for a
question that is asked about the recent past. There the newest that match are sorted, and so it is
where a filter asks for what no counter knows; `Sorted.of_newest` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.attempt import began_at
from engine.errors import UsageError
from engine.filters import Filter
from engine.journal.history import History
from engine.times import from_text

SORTS = ("started", "duration", "flow", "state")
SORTED_LIMIT = 10_000  # of the newest that match, where no index holds the order
# what needs a person first
STATES = ("running", "queued", "paused", "failed", "partial", "cancelled", "completed")


@dataclass(frozen=True, slots=True)
class Order:
    """By what, and whether the other way round; by itself newest, longest, A and live first."""

    by: str = SORTS[0]
    is_reverse: bool = False


@dataclass(frozen=True, slots=True)
class Sorted:
    """A page, how many there are in this order, and that these are only so many of the newest."""

    rows: list[dict[str, Any]]
    total: int
    of_newest: int | None


def order_from(by: Any, is_reverse: Any) -> Order:
    """The order that a request names. Raises UsageError."""
    if by not in SORTS:
        raise UsageError(f"there is no order {by!r}", ", ".join(SORTS))
    if not isinstance(is_reverse, bool):
        raise UsageError("reverse is true or false")
    return Order(by, is_reverse)


def sorted_page(
    history: History, wanted: Filter, order: Order, now_us: int, offset: int, limit: int
) -> Sorted:
    """The page from the row number `offset` (from 0) on."""
    groups = _groups(history, wanted, order)
    if groups is not None:
        return _page_of_groups(history, groups, offset, limit)
    if order == Order("started", True) and history.in_one_range(wanted):
        return _page_from_the_end(history, wanted, offset, limit)
    keys, are_all = history.newest_keys(wanted, SORTED_LIMIT)
    facts = [
        (_rank(order.by, flow, state, started, duration, now_us), ord_)
        for ord_, flow, state, started, duration in history.facts(keys)
    ]
    ordered = [ord_ for _, ord_ in _in_order(facts, order)]
    rows = history.rows(ordered[offset : offset + limit])
    return Sorted(rows, len(ordered), None if are_all else len(ordered))


def sorted_rows(rows: list[dict[str, Any]], order: Order, now_us: int) -> list[dict[str, Any]]:
    """Executions as the API shows them, newest first, in another order."""
    ranked = []
    for row in rows:
        began = began_at(row)
        started = from_text(began) if began else None
        rank = _rank(order.by, row["flow"], row["state"], started, row["duration_ms"], now_us)
        ranked.append((rank, row))
    return [row for _, row in _in_order(ranked, order)]


def _rank(
    by: str, flow: str, state: str, started: int | None, duration_ms: int | None, now_us: int
) -> Any:
    """What is compared; None for what has no place in this order."""
    if by == "flow":
        return flow
    if by == "state":
        return STATES.index(state)
    if by == "started":
        return 0
    if duration_ms is None and started is not None:
        return (now_us - started) // 1000
    return duration_ms


def _in_order(ranked: list[tuple[Any, Any]], order: Order) -> list[tuple[Any, Any]]:
    """Newest first in, in order out: those alike stay newest first, those without a rank last."""
    if order.by == "started":
        return ranked[::-1] if order.is_reverse else ranked
    with_rank = [one for one in ranked if one[0] is not None]
    falls = (order.by == "duration") != order.is_reverse
    with_rank.sort(key=lambda one: one[0], reverse=falls)  # stable, also when it falls
    return with_rank + [one for one in ranked if one[0] is None]


def _groups(history: History, wanted: Filter, order: Order) -> list[Filter] | None:
    """Filters whose answers, one after the other, are the order; None where counters know none."""
    if order.by not in ("flow", "state") or not history.is_counted(wanted) or wanted.hidden:
        return None
    if order.by == "state":
        states = [one for one in STATES if not wanted.states or one in wanted.states]
        groups = [replace(wanted, states=(state,)) for state in states]
    else:
        flows = history.flow_names()
        meant = [one for one in flows if wanted.flows is None or one in wanted.flows]
        groups = [replace(wanted, flows=(flow,)) for flow in meant]
    return groups[::-1] if order.is_reverse else groups


def _page_of_groups(history: History, groups: list[Filter], offset: int, limit: int) -> Sorted:
    totals = [history.total(group, 0)[0] for group in groups]
    rows: list[dict[str, Any]] = []
    for group, there in zip(groups, totals, strict=True):
        if offset < there and len(rows) < limit:
            before = history.key_at(group, offset)
            rows += history.page(group, before, limit - len(rows)).rows
        offset = max(0, offset - there)
    return Sorted(rows, sum(totals), None)


def _page_from_the_end(history: History, wanted: Filter, offset: int, limit: int) -> Sorted:
    """Oldest first: the page that ends so far before the end, turned round."""
    total, _ = history.total(wanted, 0)
    first, end = max(0, total - offset - limit), max(0, total - offset)
    if first == end:
        return Sorted([], total, None)
    page = history.page(wanted, history.key_at(wanted, first), end - first)
    return Sorted(page.rows[::-1], total, None)
