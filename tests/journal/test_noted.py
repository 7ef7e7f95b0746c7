"""The filter `note:`: executions by what people wrote beside them, with every other word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.filters import parse_filter
from engine.journal.database import open_reader
from engine.journal.history import History
from engine.journal.journal import Journal
from tests.journal.made import execution, record, with_journal


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Ten executions of two flows; every third has a note, execution 6 has two."""
    path = tmp_path / "journal.db"

    async def work(journal: Journal) -> None:
        for n in range(1, 11):
            ex = execution(n, ("backup", "import")[n % 2])
            record(journal, ex, ("failed", "completed")[n % 4 == 0])
        await journal.durable()
        for number, (ord_, text) in enumerate(
            ((3, "Disk full"), (6, "MÜLL on disk"), (6, "called Ann"), (9, "gone")), 1
        ):
            row: list[Any] = [number, ord_, None, "f", 1, "ops", text, None, None]
            journal.add_row("insert_notes", row)
        await journal.durable()

    with_journal(path, work)
    return History(open_reader(path))


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("note:disk", [6, 3]),
        ("note:müll", [6]),
        ("note:", [9, 6, 3]),
        ("note:gone,full", [9, 3]),
        ('note:"called ann"', [6]),
        ("note:ops", [9, 6, 3]),
        ("note:disk flow:import", [3]),
        ("note:disk flow:backup state:completed", []),
        ("note:nothing", []),
    ],
)
def test_notes_are_one_more_word_of_the_filter(
    history: History, line: str, numbers: list[int]
) -> None:
    wanted = parse_filter(line, 0)
    page = history.page(wanted, None, 10)
    assert [row["number"] for row in page.rows] == numbers
    assert history.total(wanted, 100) == (len(numbers), True)
    for offset, number in enumerate(numbers):
        one = history.page(wanted, history.key_at(wanted, offset), 1)
        assert [row["number"] for row in one.rows] == [number]
