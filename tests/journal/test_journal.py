"""The journal: what it acknowledges is on the disk, in order, once, by one writer."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.core.reduce import apply
from engine.errors import StorageError
from engine.journal.database import row_queries
from engine.journal.journal import Journal
from engine.model import Event
from tests.journal.made import execution, record, with_journal

ROOT = Path(__file__).resolve().parents[2]


def rows(path: Path, sql: str) -> list[Any]:
    return apsw.Connection(str(path)).execute(sql).fetchall()


def test_many_waiting_writes_share_few_commits_and_events_have_no_hole(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def work(journal: Journal) -> int:
        waiting = []
        for n in range(1, 201):
            record(journal, execution(n))
            waiting.append(journal.durable())
            if n % 10 == 0:
                await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        return journal.seq

    assert with_journal(path, work) == 200
    assert [seq for (seq,) in rows(path, "SELECT seq FROM events ORDER BY seq")] == list(
        range(1, 201)
    )
    assert rows(path, "SELECT sum(n) FROM counters") == [(200,)]


def test_a_fault_of_one_who_waits_reaches_nobody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("a fault of one")

    async def work(journal: Journal) -> int:
        record(journal, execution(1))
        journal.when_durable(fail)
        await journal.durable()
        record(journal, execution(2, flow_name="half \ud800 a character"))
        await journal.durable()
        return journal.seq

    assert with_journal(tmp_path / "journal.db", work) == 2
    assert "a fault of one" in capsys.readouterr().err
    assert rows(tmp_path / "journal.db", "SELECT flow FROM executions WHERE ord = 2") == [
        ("half \\ud800 a character",)
    ]


def test_a_superseded_engine_cannot_commit(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from engine.journal.journal import Journal
from tests.journal.made import execution, record
async def main():
    old = Journal(Path({str(path)!r})); old.start(asyncio.get_running_loop())
    new = Journal(Path({str(path)!r}))
    record(old, execution(1))
    await old.durable()
    print("acknowledged")
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 74
    assert "acknowledged" not in done.stdout
    assert "newer engine" in done.stderr
    assert rows(path, "SELECT count(*) FROM executions") == [(0,)]


def test_a_database_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="newer version"):
        Journal(path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError):
        Journal(path)
    assert path.read_bytes() == b"not a database" * 100


@pytest.mark.parametrize("seed", range(5))
def test_what_was_acknowledged_survives_a_kill_at_any_moment(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "journal.db"
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from engine.journal.journal import Journal
from tests.journal.made import execution, record
async def main():
    journal = Journal(Path({str(path)!r})); journal.start(asyncio.get_running_loop())
    for n in range(1, 100000):
        record(journal, execution(n)); await journal.durable(); print(n, flush=True)
asyncio.run(main())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    last = 0
    for _ in range(20 + 37 * seed):
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    last = int(rest[-1]) if rest else last
    Journal(path).close()
    ((n, highest),) = rows(path, "SELECT count(*), max(seq) FROM events")
    assert n == highest >= last
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT sum(n) FROM counters") == [(n,)]


def test_a_full_disk_loses_nothing_and_goes_on_when_there_is_space_again(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        _fill_and_recover(disk)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        shutil.rmtree(disk, ignore_errors=True)


def fill(path: Path) -> None:
    """Write until there is no space left."""
    with path.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)


def _fill_and_recover(disk: Path) -> None:
    path, filler = disk / "journal.db", disk / "filler"

    async def work(journal: Journal) -> None:
        record(journal, execution(1))
        await journal.durable()
        with pytest.raises(OSError, match="space"):
            fill(filler)
        big = execution(2)
        big.outputs = {"much": "x" * 200_000}
        record(journal, big)
        waiting = journal.durable()
        for _ in range(200):
            await asyncio.sleep(0.05)
            if journal.degraded:
                break
        assert journal.degraded == "the disk is full"
        assert not waiting.done()
        filler.unlink()
        await asyncio.wait_for(waiting, 20)
        assert journal.degraded == ""

    told: list[str] = []
    with_journal(path, work, told)
    assert told == [
        "the disk is full: nothing new starts until there is space",
        "the journal is written again: there is space",
    ]
    assert rows(path, "SELECT ord FROM executions ORDER BY ord") == [(1,), (2,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_events_of_one_execution_change_its_row_and_the_counters(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def work(journal: Journal) -> None:
        ex = execution(1)
        record(journal, ex)
        await journal.durable()
        ex.state = "running"
        journal.add(ex, [Event(0, ex.id, 5, "execution.started", {})])
        await journal.durable()

    with_journal(path, work)
    assert rows(path, "SELECT state FROM executions") == [("running",)]
    assert sorted(rows(path, "SELECT state, n FROM counters")) == [("queued", 0), ("running", 1)]


def events_of_one_attempt(n: int) -> list[tuple[str, dict[str, Any]]]:
    """A step that starts, and prints, returns and ends in ways that differ by `n`."""
    end = {
        "exit_code": n % 3,
        "log_bytes": n,
        "log_records": 1,
        "outputs": {"x": [n, None, "\u00e9"]},
    }
    return [
        ("execution.started", {}),
        ("attempt.starting", {"step": "a", "number": 1, "try_number": 1, "generation": "g"}),
        ("attempt.ended", {"step": "a", "number": 1, "state": "completed", "end": end}),
        ("execution.ended", {"state": "completed", "error": None, "outputs": {}}),
    ][: 1 + n % 4]


@pytest.mark.parametrize("at_once", [1, 40])
def test_rows_are_the_same_one_by_one_in_groups_or_read_from_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    assert {"insert_events", "update_progress", "upsert_steps"} <= row_queries().keys()
    tables = ("events", "executions", "steps", "attempts", "attempt_ends", "counters", "flows")
    found = []
    for way in ("groups", "one by one", "json"):
        if way == "one by one":
            monkeypatch.setattr("engine.journal.journal.GROUPS", (1,))
        elif way == "json":
            monkeypatch.setattr("engine.journal.journal.row_queries", dict)
        path = tmp_path / f"{way}.db"

        async def work(journal: Journal) -> None:
            for n in range(1, 41):
                made = execution(n, flow_name="na\u00efve \ud800" if n % 7 == 0 else "flow")
                made.id = f"id-{n}"
                record(journal, made)
                for type_, data in events_of_one_attempt(n):
                    event = Event(0, made.id, made.created_at_us, type_, data)
                    apply(made, event)
                    journal.add(made, [event])
                    if at_once == 1:
                        await journal.durable()
                journal.add_flow(made.flow, n, "off")
                journal.add_audit(n, "me", "run", made.id, "")

        with_journal(path, work)
        found.append({name: rows(path, f"SELECT * FROM {name} ORDER BY 1, 2") for name in tables})
    assert found[0] == found[1] == found[2]
    assert len(found[0]["executions"]) == 40
