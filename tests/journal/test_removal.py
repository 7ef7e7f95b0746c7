"""Which ended executions a rule keeps, and that removing them leaves numbers and counters right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.core.state import Execution
from engine.journal import removal
from engine.journal.history import History
from engine.journal.journal import Journal
from engine.journal.removal import Rule
from tests.journal.made import execution, record, with_journal

DAY_US = removal.DAY_US
NOW_US = 1000 * DAY_US


def ended(
    journal: Journal, ord_: int, state: str = "completed", age_days: float = 0, **more: Any
) -> Execution:
    """An execution of the flow f that ended some days ago."""
    made = execution(ord_, at_us=round(NOW_US - age_days * DAY_US))
    made.ended_at_us = made.created_at_us
    for name, value in more.items():
        setattr(made, name, value)
    record(journal, made, state)
    return made


def asked(journal: Journal, rule: Rule, needed: list[str] | None = None) -> list[int]:
    """The ords that a rule does not keep."""
    history = History(journal.reader())
    bounds = removal.bounds(history, "f", rule, NOW_US + 1)
    of_all = removal.bounds(history, removal.ALL_FLOWS, rule, NOW_US + 1)
    if bounds is None or of_all is None:
        assert bounds == of_all
        return []
    found = removal.removable(history, bounds, needed or [])
    assert sorted(found) == removal.removable(history, of_all, needed or [])  # there is one flow
    if not needed:
        assert [id_ for _, id_ in removal.strippable(history, bounds, 0)] == [
            id_ for _, id_ in removal.strippable(history, of_all, 0)]  # fmt: skip
    return sorted(ord_ for ord_, _ in found)


def test_the_newest_and_the_young_stay(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        for ord_, (state, age) in enumerate(
            [("failed", 9), ("completed", 8), ("cancelled", 7), ("partial", 2), ("completed", 1)], 1
        ):
            ended(journal, ord_, state, age)
        ended(journal, 6, "running")
        await journal.durable()
        assert asked(journal, Rule(keep=2, days=None)) == [1, 2, 3]
        assert asked(journal, Rule(keep=9, days=None)) == []
        assert asked(journal, Rule(keep=None, days=5)) == [1, 2, 3]
        assert asked(journal, Rule(keep=1, days=5)) == [1, 2, 3]
        assert asked(journal, Rule(keep=4, days=5)) == [1]
        assert asked(journal, Rule(keep=1, days=30)) == []

    with_journal(tmp_path / "j.db", work)


def test_what_others_need_stays(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        caller = ended(journal, 1, age_days=9)
        ended(journal, 2, age_days=8, parent={"execution": caller.id})
        resumed = ended(journal, 3, age_days=7)
        ended(journal, 4)
        await journal.durable()
        rule = Rule(keep=1, days=None)
        assert asked(journal, rule, [resumed.id]) == [1]
        removal.take_leave(journal, [(1, caller.id)])
        await journal.durable()
        assert asked(journal, rule, [resumed.id]) == [2]

    with_journal(tmp_path / "j.db", work)


def test_a_rule_for_all_flows_counts_them_together(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        for ord_ in range(1, 7):
            ended(journal, ord_, flow="fgh"[ord_ % 3], number=(ord_ + 2) // 3)
        await journal.durable()
        history = History(journal.reader())
        bounds = removal.bounds(history, removal.ALL_FLOWS, Rule(keep=2, days=None), NOW_US + 1)
        assert bounds is not None
        assert [ord_ for ord_, _ in removal.removable(history, bounds, [])] == [1, 2, 3, 4]
        assert [ord_ for ord_, _ in removal.strippable(history, bounds, 2)] == [3, 4]
        assert removal.mark(history, "f", "logs") == 0
        removal.set_mark(journal, "f", "logs", 7)
        await journal.durable()
        assert removal.mark(history, "f", "logs") == 7

    with_journal(tmp_path / "j.db", work)


def test_what_is_said_of_logs_holds_beside_what_is_said_of_executions() -> None:
    default = removal.rules_from({"keep": 9, "logs": {"days": 3}})
    assert removal.rules_from({"work": {"keep": 1}}, default) == {
        "executions": Rule(9, None), "logs": Rule(None, 3), "work": Rule(1, None)}  # fmt: skip
    assert removal.rules_from({"keep": 1, "days": 2}, default)["executions"] == Rule(1, 2)
    assert removal.rules_from(None) == {}


def test_numbers_go_on_when_all_records_are_gone(tmp_path: Path) -> None:
    async def fill(journal: Journal) -> tuple[int, int, int]:
        pairs = [(made.ord, made.id) for made in (ended(journal, n) for n in (1, 2, 3))]
        await journal.durable()
        removal.take_leave(journal, pairs)
        await journal.durable()
        history = History(journal.reader())
        assert history.counts() == {}
        assert removal.has_records(history, pairs)
        assert removal.leaving(history) == pairs
        removal.remove_records(journal, pairs)
        removal.has_left(journal, pairs)
        await journal.durable()
        assert not removal.has_records(history, pairs)
        assert not removal.leaving(history)
        assert history.events_after(0, 100) == ([], 0)
        return journal.seq, journal.last_ord, journal.last_at_us

    async def look(journal: Journal) -> tuple[int, int, int]:
        return journal.seq, journal.last_ord, journal.last_at_us

    seq, _, _ = with_journal(tmp_path / "j.db", fill)
    assert with_journal(tmp_path / "j.db", look) == (seq, 3, NOW_US)


def test_a_retried_one_stays(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        made = ended(journal, 1)
        await journal.durable()
        made.state = "queued"
        journal.add(made, [])
        removal.take_leave(journal, [(1, made.id)])
        await journal.durable()
        history = History(journal.reader())
        assert history.counts() == {"queued": 1}
        assert not removal.leaving(history)

    with_journal(tmp_path / "j.db", work)
