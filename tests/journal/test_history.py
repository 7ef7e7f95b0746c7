"""Questions to the history: the same answers as looking through everything, at every page."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UnknownReference, UsageError
from engine.filters import Filter, make_filter, parse_filter
from engine.journal import sorting
from engine.journal.database import open_reader
from engine.journal.history import History
from engine.journal.journal import Journal
from engine.journal.sorting import SORTS, Order, sorted_page, sorted_rows
from engine.journal.sorting import STATES as STATES_IN_ORDER
from tests.journal.made import execution, record, with_journal

FLOWS = ("backup", "import", "deploy-web")
STATES = ("completed", "failed", "running", "partial", "cancelled")
TYPES = ("maintenance", "etl", "")
TOTAL = 240


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[History, list[dict[str, Any]]]]:
    """A history of 240 executions, and the same as a plain list, newest first."""
    path = tmp_path_factory.mktemp("history") / "journal.db"
    made: list[dict[str, Any]] = []

    async def work(journal: Journal) -> None:
        numbers: dict[str, Iterator[int]] = {name: itertools.count(1) for name in FLOWS}
        for n in range(1, TOTAL + 1):
            name, state, type_ = FLOWS[n * 7 % 3], STATES[n * 5 % 11 % 5], TYPES[n // 5 % 3]
            ex = execution(n, name, next(numbers[name]), type_)
            error = (
                {"step": "a", "type": "exit:1", "message": f"lost sector {n}"}
                if state == "failed"
                else None
            )
            started = None if n % 9 == 0 else n * 1_000_000
            ended = started + n * 37 % 50 * 1_000_000 if started and state != "running" else None
            ex.started_at_us, ex.ended_at_us = started, ended
            record(journal, ex, state, error)
            made.append(
                {
                    "started": started,
                    "ended": ended,
                    "ord": n,
                    "id": ex.id,
                    "flow": name,
                    "number": ex.number,
                    "state": state,
                    "type": type_,
                    "at": n * 1_000_000,
                    "error": str(error),
                }
            )
        await journal.durable()

    with_journal(path, work)
    connection = open_reader(path)
    yield History(connection), made[::-1]
    connection.close()


def expected(made: list[dict[str, Any]], wanted: Filter) -> list[str]:
    return [
        row["id"]
        for row in made
        if (not wanted.states or row["state"] in wanted.states)
        and (wanted.flows is None or row["flow"] in wanted.flows)
        and (not wanted.types or row["type"] in wanted.types)
        and (wanted.since_us is None or row["at"] >= wanted.since_us)
        and (wanted.until_us is None or row["at"] <= wanted.until_us)
    ]


@settings(max_examples=150, deadline=None)
@given(
    states=st.lists(st.sampled_from(STATES), unique=True, max_size=3),
    flows=st.none() | st.lists(st.sampled_from(FLOWS), unique=True, min_size=1, max_size=2),
    types=st.lists(st.sampled_from(TYPES), unique=True, max_size=2),
    since=st.none() | st.integers(0, TOTAL * 1_000_000),
    until=st.none() | st.integers(0, TOTAL * 1_000_000),
    limit=st.integers(1, 50),
    offset=st.integers(0, TOTAL + 5),
)
def test_pages_totals_and_offsets_equal_a_plain_search(
    filled: tuple[History, list[dict[str, Any]]], states: list[str], flows: list[str] | None,
    types: list[str], since: int | None, until: int | None, limit: int, offset: int,
) -> None:  # fmt: skip
    history, made = filled
    wanted = Filter(
        states=tuple(states), flows=tuple(flows) if flows else None, types=tuple(types),
        since_us=since, until_us=until,
    )  # fmt: skip
    right = expected(made, wanted)
    found: list[str] = []
    cursor = None
    for _ in range(TOTAL + 2):
        page = history.page(wanted, cursor, limit)
        found += [row["id"] for row in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert found == right
    assert history.total(wanted, 10_000) == (len(right), True)
    deep = history.page(wanted, history.key_at(wanted, offset), 10)
    assert [row["id"] for row in deep.rows] == right[offset : offset + 10]


def in_order(found: list[dict[str, Any]], order: Order, now_us: int) -> list[dict[str, Any]]:
    """The same order, the plain way; `found` is newest first."""
    if order.by == "started":
        return found[::-1] if order.is_reverse else found
    if order.by == "flow":
        return sorted(found, key=lambda row: row["flow"], reverse=order.is_reverse)
    if order.by == "state":
        rank = STATES_IN_ORDER.index
        return sorted(found, key=lambda row: rank(row["state"]), reverse=order.is_reverse)
    lasted = {row["id"]: (row["ended"] or now_us) - (row["started"] or 0) for row in found}
    begun = [row for row in found if row["started"]]
    begun.sort(key=lambda row: lasted[row["id"]], reverse=not order.is_reverse)
    return begun + [row for row in found if not row["started"]]


@settings(max_examples=150, deadline=None)
@given(
    by=st.sampled_from(SORTS),
    is_reverse=st.booleans(),
    states=st.lists(st.sampled_from(STATES), unique=True, max_size=3),
    flows=st.none() | st.lists(st.sampled_from(FLOWS), unique=True, min_size=1, max_size=2),
    types=st.lists(st.sampled_from(TYPES), unique=True, max_size=1),
    since=st.none() | st.integers(0, TOTAL * 1_000_000),
    offset=st.integers(0, TOTAL + 5),
)
def test_every_order_equals_a_plain_sort_at_every_page(
    filled: tuple[History, list[dict[str, Any]]], by: str, is_reverse: bool, states: list[str],
    flows: list[str] | None, types: list[str], since: int | None, offset: int,
) -> None:  # fmt: skip
    history, made = filled
    order, now_us = Order(by, is_reverse), 300 * 1_000_000
    wanted = Filter(
        states=tuple(states), flows=tuple(flows) if flows else None, types=tuple(types),
        since_us=since,
    )  # fmt: skip
    meant = set(expected(made, wanted))
    right = in_order([row for row in made if row["id"] in meant], order, now_us)
    page = sorted_page(history, wanted, order, now_us, offset, 20)
    assert [row["id"] for row in page.rows] == [row["id"] for row in right[offset : offset + 20]]
    assert (page.total, page.of_newest) == (len(right), None)
    shown = history.page(wanted, None, 500).rows
    assert [row["id"] for row in sorted_rows(shown, order, now_us)] == [row["id"] for row in right]


def test_where_more_match_than_are_sorted_it_is_told(
    filled: tuple[History, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    history, made = filled
    monkeypatch.setattr(sorting, "SORTED_LIMIT", 50)
    page = sorted_page(history, Filter(), Order("duration"), 0, 0, 100)
    assert {row["id"] for row in page.rows} == {row["id"] for row in made[:50]}
    assert (page.total, page.of_newest) == (50, 50)
    for by in ("flow", "state"):
        assert sorted_page(history, Filter(), Order(by), 0, 0, 100).of_newest is None
    monkeypatch.setattr(sorting, "SORTED_LIMIT", 5)
    found = sorted_page(history, Filter(texts=("lost sector",)), Order("flow"), 0, 0, 100)
    assert (found.total, found.of_newest) == (5, 5)


def test_text_finds_flows_by_name_and_errors_by_their_words(
    filled: tuple[History, list[dict[str, Any]]],
) -> None:
    history, made = filled
    by_name = history.page(parse_filter("deploy", 0), None, 500)
    assert {row["flow"] for row in by_name.rows} == {"deploy-web"}
    by_error = history.page(parse_filter("'lost sector'", 0), None, 500)
    assert len(by_error.rows) == sum("lost sector" in row["error"] for row in made) > 0


def test_every_way_to_name_an_execution(filled: tuple[History, list[dict[str, Any]]]) -> None:
    history, made = filled
    row = made[17]
    for reference in (row["id"], f"{row['flow']}#{row['number']}", row["id"][-12:], row["id"][-8:]):
        assert history.find(reference) == row["ord"], reference
    assert history.find("@last") == made[0]["ord"]
    newest = next(r for r in made if r["flow"] == "import")
    assert history.find("import@last") == newest["ord"]
    failed = next(r for r in made if r["flow"] == "import" and r["state"] == "failed")
    assert history.find("import@last-failed") == failed["ord"]
    for unknown in (
        "nothing",
        "import#999999",
        "import#x",
        "@first",
        "",
        "é" * 8,
        "import#" + "9" * 30,
    ):
        with pytest.raises(UnknownReference):
            history.find(unknown)
    with pytest.raises(UsageError, match="several"):
        history.find("000000")


def test_a_filter_line_says_what_is_wrong_with_it() -> None:
    now_us = 10**15
    wanted = parse_filter("state:failed,waiting flow:etl since:2h type:x some 'two words'", now_us)
    assert (wanted.states, wanted.waiting) == (("failed", "running"), True)
    assert wanted.since_us == now_us - 7200 * 10**6
    assert wanted.texts == ("some", "two words")
    for bad in ("state:broken", "since:yesterdayish", "'open"):
        with pytest.raises(UsageError):
            parse_filter(bad, now_us)
    waiting = make_filter({"state": ["waiting"]}, [], 0)
    assert (waiting.states, waiting.waiting) == (("running",), True)
    both = make_filter({"state": ["running", "waiting", "queued"]}, [], 0)
    assert (both.states, both.waiting) == (("running", "queued"), False)
