"""Where a group is committed: at once where it is small, on a thread where it would have to wait."""

from __future__ import annotations

import threading
from pathlib import Path

import apsw
import pytest

from engine.journal import writer as module
from engine.journal.journal import Journal
from engine.journal.writer import Statements, Writer
from tests.journal.made import execution, record, with_journal

AUDIT = "INSERT INTO audit (at, actor, action, subject, reason) VALUES (?, 'me', 'run', '', '')"


def make_writer(path: Path) -> Writer:
    writer = Writer(path, None, lambda text: None)
    writer.start()
    return writer


def moments(path: Path) -> list[int]:
    found = apsw.Connection(str(path)).execute("SELECT at FROM audit ORDER BY seq")
    return [at for (at,) in found]


def hand_over(writer: Writer, statements: Statements) -> threading.Event:
    done = threading.Event()
    writer.hand_over(statements, done.set)
    return done


def test_a_small_group_is_there_when_the_call_returns(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "j.db")
    assert writer.commit_now([(AUDIT, (1,))])
    assert moments(writer.path) == [1]
    writer.close()


def test_a_large_group_and_a_locked_database_are_for_the_thread(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "j.db")
    large: Statements = [(AUDIT, (n,)) for n in range(module.SMALL_VALUES + 1)]
    assert not writer.commit_now(large)
    assert moments(writer.path) == []
    other = apsw.Connection(str(writer.path))
    other.execute("BEGIN IMMEDIATE")
    assert not writer.commit_now([(AUDIT, (1,))]), "it does not wait for the other"
    done = hand_over(writer, [(AUDIT, (1,))])
    assert not done.wait(0.05)
    other.execute("ROLLBACK")
    assert done.wait(20)
    assert moments(writer.path) == [1]
    assert writer.commit_now([(AUDIT, (2,))])
    writer.close()


def test_a_slow_disk_holds_up_the_caller_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = make_writer(tmp_path / "j.db")
    monkeypatch.setattr(module, "SLOW_S", 0.0)
    assert writer.commit_now([(AUDIT, (1,))])
    assert not writer.commit_now([(AUDIT, (2,))])
    assert hand_over(writer, [(AUDIT, (2,))]).wait(20)
    assert moments(writer.path) == [1, 2]
    writer.close()


def test_the_write_ahead_log_is_moved_also_where_all_groups_are_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_PAGES", 8)
    monkeypatch.setattr(module, "SLOW_S", 60.0)
    path = tmp_path / "j.db"

    async def work(journal: Journal) -> None:
        for n in range(1, 200):
            record(journal, execution(n))
            await journal.durable()

    with_journal(path, work)
    assert path.stat().st_size > 4096
    largest = path.with_name(path.name + "-wal")
    assert not largest.exists() or largest.stat().st_size < 100 * 8 * 4096
