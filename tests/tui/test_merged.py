"""Several servers as one list: every row in its place, in order, and only what is looked at."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingman_tui.filters import as_query, complete, on_servers
from wingman_tui.merged import Merged, key_of, rank_of, told_apart
from wingman_tui.sorting import SORTS, Order

NAMES = ("prod", "staging", "dev")
STATES = ("running", "queued", "failed", "completed")
NOW = 1_800_000_000.0
Row = dict[str, Any]


class World:
    """Servers with executions, each sorted as an engine sorts, and the windows that are open."""

    def __init__(self, seed: int, counts: list[int], order: Order) -> None:
        self.random = random.Random(seed)
        self.order = order
        self.rows: dict[str, list[Row]] = {}
        for name, number in zip(NAMES, counts, strict=False):
            rows = [self.new(name, n) for n in range(number)]
            self.rows[name] = sorted(rows, key=lambda row: rank_of(row, order, NOW))
        self.merged = Merged(list(self.rows))
        self.merged.sort = order

    def new(self, name: str, number: int) -> Row:
        second = self.random.randrange(100_000)
        at = f"2026-01-{1 + second // 86_400:02}T{second // 3600 % 24:02}:{second // 60 % 60:02}"
        took = self.random.choice([None, self.random.randrange(9)])
        return {
            "id": f"{number}", "flow": self.random.choice(["a", "ab", "b"]), "number": number,
            "state": self.random.choice(STATES), "duration_ms": took, "started_at": None,
            "created_at": f"{at}:{second % 60:02}.000000Z",
        }  # fmt: skip

    def send(self, name: str, offset: int, limit: int) -> None:
        """A snapshot of one server's window."""
        rows = self.rows[name]
        part = rows[offset : offset + limit]
        self.merged.apply(name, {
            "kind": "snapshot", "offset": offset, "rows": part, "total": len(rows),
            "order": [row["id"] for row in part], "total_exact": True,
            "counts": {"failed": sum(row["state"] == "failed" for row in rows)},
        }, NOW)  # fmt: skip

    def ask(self, index: int, limit: int) -> None:
        """What the list asks for around a place, as `listed.SideBySide` does."""
        for name, offset in self.merged.split(index).items():
            self.send(name, max(0, offset - limit), 3 * limit)

    @property
    def whole(self) -> list[str]:
        """All rows in one order, as nobody ever asks for them."""
        rows = [
            (rank_of(row, self.order, NOW), place, key_of(told_apart(row, name)))
            for place, (name, rows) in enumerate(self.rows.items())
            for row in rows
        ]
        return [key for _, _, key in sorted(rows, key=lambda each: each[:2])]


ORDERS = st.builds(Order, st.sampled_from(sorted(SORTS)), st.booleans())
COUNTS = st.lists(st.integers(0, 200), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(st.integers(), COUNTS, ORDERS, st.lists(st.integers(0, 600), max_size=6))
def test_what_is_shown_is_what_the_whole_list_has_there(
    seed: int, counts: list[int], order: Order, places: list[int]
) -> None:
    world = World(seed, counts, order)
    for name in world.rows:
        world.send(name, 0, 20)
    whole, merged = world.whole, world.merged
    assert merged.total == len(whole)
    for place in [0, *places, len(whole)]:
        index = min(place, len(whole))
        for _ in range(12):  # each answer tells more of where the place is
            world.ask(index, 20)
            for at, key in enumerate(merged.order):
                assert whole[merged.offset + at] == key
                assert merged.index_of(key) == merged.offset + at
            if merged.covers(index, min(len(whole), index + 10)):
                break
        assert merged.covers(index, min(len(whole), index + 10)), (index, merged.offset)


def test_another_order_while_one_server_has_answered_in_it() -> None:
    world = World(5, [9, 9], Order())
    for name in world.rows:
        world.send(name, 0, 20)
    for order in (Order("flow"), Order("duration"), Order("state", True), Order("flow", True)):
        world.order = order
        world.merged.reorder(order, NOW)
        for name, rows in world.rows.items():
            rows.sort(key=lambda row: rank_of(row, world.order, NOW))
            world.send(name, 0, 20)
        assert world.merged.order == world.whole


def test_a_server_that_has_not_answered_holds_nobody_up() -> None:
    world = World(1, [5, 5, 0], Order())
    assert not world.merged.loaded
    world.send("prod", 0, 20)
    assert world.merged.loaded
    assert [key.partition("/")[0] for key in world.merged.order] == ["prod"] * 5
    world.send("staging", 0, 20)
    assert world.merged.order == world.whole
    assert world.merged.counts["failed"] == sum(
        row["state"] == "failed" for rows in world.rows.values() for row in rows
    )


def test_the_same_id_on_two_servers_is_two_rows() -> None:
    merged = Merged(["a", "b"])
    row = {"id": "1", "flow": "f", "created_at": "2026-01-01T00:00:00.000000Z"}
    frame = {"kind": "snapshot", "rows": [row], "order": ["1"], "total": 1}
    for name in ("a", "b"):
        merged.apply(name, frame, NOW)
    assert merged.order == ["a/1", "b/1"]
    one, other = merged.row("a/1"), merged.row("b/1")
    assert one is not None
    assert other is not None
    assert (one["server"], other["server"]) == ("a", "b")
    change = merged.apply("b", {"kind": "update", "rows": [{**row, "state": "failed"}]}, NOW)
    assert change.rows == {"b/1"}
    assert merged.row("a/1") is one, "an unchanged row stays the same object: it is not repainted"


def test_hidden_servers_are_out_of_the_list_and_the_counts() -> None:
    world = World(3, [4, 6], Order())
    for name in world.rows:
        world.send(name, 0, 20)
    world.merged.show(["staging"])
    world.merged.merge()
    assert world.merged.total == 6
    assert {key.partition("/")[0] for key in world.merged.order} == {"staging"}
    world.send("prod", 0, 20)
    assert world.merged.total == 6, "a frame that was under way changes nothing"


def test_the_words_about_servers_stay_in_the_console() -> None:
    known = ["prod", "staging"]
    assert on_servers("state:failed", known) == ([], "state:failed")
    assert on_servers("server:prod state:failed x", known) == (["prod"], "state:failed x")
    assert on_servers("server:prod,staging server:prod", known) == (["prod", "staging"], "")
    with pytest.raises(ValueError, match=r"no server prd is shown here \(did you mean prod\?\)"):
        on_servers("server:prd", known)
    assert complete("ser", servers=known) == ["server:"]
    assert complete("ser") == []
    assert complete("server:s", servers=known) == ["server:staging"]
    assert as_query("state:failed x") == {"state": "failed", "text": "x"}
