"""What the last good executions of a flow took: found by indexes, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.journal import usual_rows
from engine.journal.database import open_reader, queries
from engine.journal.history import History
from engine.journal.journal import Journal
from engine.journal.usual_rows import UsualRows
from tests.journal.made import execution, record, with_journal


def write(
    path: Path, tooks_s: list[int], flow: str = "f", retried: frozenset[int] = frozenset()
) -> History:
    """Executions 1, 2, … of a flow, completed after so many seconds; a 0 is a failed one."""

    async def work(journal: Journal) -> None:
        for ord_, took_s in enumerate(tooks_s, 1):
            ex = execution(ord_, flow)
            ex.started_at_us, ex.ended_at_us = 0, took_s * 1_000_000
            if ord_ in retried:
                ex.attempt, ex.attempt_started_at_us = 2, 0
            step = ex.steps["a"]
            step.state, step.duration_ms = "completed", took_s * 500
            record(journal, ex, "completed" if took_s else "failed")
        await journal.durable()

    with_journal(path, work)
    return History(open_reader(path))


def test_the_median_of_the_last_good_ones(tmp_path: Path) -> None:
    history = write(tmp_path / "journal.db", [100] * 10 + [0, 3] * 10 + [1, 1])
    usual = UsualRows().of(history, "f")
    assert (usual.whole_ms, usual.steps, usual.executions) == (3_000, {"a": 1_500}, 20)
    first = UsualRows().of(history, "f", 3)  # as it was for the third one
    assert (first.whole_ms, first.executions) == (100_000, 2)
    assert UsualRows().of(history, "f", 1).whole_ms is None
    assert UsualRows().of(history, "other").executions == 0


def test_what_was_retried_tells_nothing_of_what_is_usual(tmp_path: Path) -> None:
    history = write(tmp_path / "journal.db", [9, 9, 1, 1, 1, 9], retried=frozenset({3, 4, 5}))
    usual = UsualRows().of(history, "f")
    assert (usual.whole_ms, usual.executions) == (9_000, 3)
    assert history.good_durations_ms("f", 4) == [9_000]


def test_it_is_read_again_only_when_another_one_has_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = write(tmp_path / "journal.db", [1, 2, 3])
    rows = UsualRows()
    kept = rows.of(history, "f")
    assert rows.of(history, "f") is kept
    assert rows.of(history, "f", 3) is not kept
    monkeypatch.setattr(usual_rows, "KEPT", 1)
    assert rows.of(history, "f", 2).executions == 1
    assert rows.of(history, "f") == kept


def test_of_flows_with_very_many_steps_fewer_are_measured() -> None:
    assert usual_rows._how_many([1] * 20) == 20
    assert usual_rows._how_many([1_000] * 20) == 5
    assert usual_rows._how_many([100_000] * 20) == 3
    assert usual_rows._how_many([9_000]) == 1


def test_no_question_reads_more_than_its_answer(tmp_path: Path) -> None:
    history = write(tmp_path / "journal.db", [1])

    def plan(name: str, *values: object) -> str:
        rows = history.connection.execute(f"EXPLAIN QUERY PLAN {queries()[name]}", values)
        return "\n".join(row[3] for row in rows)

    good = plan("last_good", "f", 9, 20)
    assert "executions_by_flow (flow=? AND state=? AND ord<?)" in good
    assert "TEMP B-TREE" not in good
    assert "SEARCH s USING PRIMARY KEY (execution=? AND position<?)" in plan("usual_steps", "[]")
    for name, values in (("pool_waits", (1,)), ("ends_of_step", (1, "a", 5))):
        assert "events_of_execution (execution=?)" in plan(name, *values)
