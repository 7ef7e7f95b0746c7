"""`kill -9` of engine and runner at seeded random moments: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import apsw
import pytest

from engine.failpoints import NAMES
from engine.paths import Home
from tests.conftest import processes_of
from tests.engine.deaths import BRISK_AT_ONCE, BRISK_FLOW, BRISK_STEPS, Deaths, expected

KILLS = 25
SEEDS = range(8)  # 200 moments in all


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_an_engine_killed_at_random_moments_loses_and_doubles_nothing(
    home: Home, seed: int
) -> None:
    deaths = Deaths(home, seed)
    for _ in range(KILLS):
        deaths.cycle()
    found = deaths.settle()
    assert deaths.kills == KILLS
    assert len(found) >= 3, "progress was made"
    for execution in found:
        deaths.check_complete(execution)
    check_journal(home)
    deaths.kill_engine()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_an_engine_that_dies_at_a_named_moment_recovers(home: Home, name: str) -> None:
    deaths = Deaths(home, 1)
    for count in range(1, 5):
        if name == "recovered":  # it needs something to take back
            deaths.start_engine()
            deaths.submit_when_up()
            deaths.kill_engine()
        # what it recovers may bring it there before anybody asks
        deaths.start_engine(f"{name}:{1 if name == 'recovered' else count}")
        deaths.submit_when_up()
        assert deaths.engine is not None
        assert deaths.engine.wait(60) == -signal.SIGKILL, f"never reached {name}"
    for execution in deaths.settle():
        deaths.check_complete(execution)
    check_journal(home)
    deaths.kill_engine()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "recovered"])
def test_steps_in_the_runners_line_survive_their_engine(home: Home, name: str) -> None:
    deaths = Deaths(home, 2, BRISK_FLOW)
    for count in (2, 3, 5):  # while most of its steps are in line, or about to be
        deaths.start_engine(f"{name}:{count}")
        deaths.submit_when_up()
        assert deaths.engine is not None
        assert deaths.engine.wait(60) == -signal.SIGKILL, f"never reached {name}"
    for execution in deaths.settle():
        deaths.check_brisk(execution)
    assert lined_up(home) > 0, "there was a line"
    check_journal(home)
    deaths.kill_engine()


@pytest.mark.timeout(600)
def test_a_killed_runner_has_begun_nothing_of_its_line(home: Home) -> None:
    deaths = Deaths(home, 7, BRISK_FLOW)
    deaths.start_engine()
    kills = 5
    for _ in range(kills):
        pid = deaths.runner_pid()
        assert pid
        deaths.submit()
        time.sleep(deaths.random.random() * 0.04)
        os.kill(pid, signal.SIGKILL)
        wait_for_another_runner(deaths, pid)
    for execution in deaths.settle_with_engine():
        began = deaths.starts(execution["id"])
        assert len(began) == len(set(began)), "none was started twice"
        interrupted = [s["path"] for s in execution["steps"] if s["state"] == "interrupted"]
        completed = [s["path"] for s in execution["steps"] if s["state"] == "completed"]
        assert len(interrupted) + len(completed) == BRISK_STEPS
        # a place's last step, whose end is being put together, and the one that goes after it
        assert len(interrupted) <= kills * BRISK_AT_ONCE * 2, "only what had begun"
    assert lined_up(home) > 0
    check_journal(home)
    deaths.kill_engine()


def lined_up(home: Home) -> int:
    """How many attempts have waited in a runner's line."""
    db = apsw.Connection(str(home.database), flags=apsw.SQLITE_OPEN_READONLY)
    found = db.execute(
        "SELECT count(*) FROM events WHERE type = 'attempt.starting' AND data->>'lined_up'"
    ).get
    db.close()
    return int(found)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_a_killed_runner_leaves_interrupted_steps_and_no_process(home: Home, seed: int) -> None:
    deaths = Deaths(home, 100 + seed)
    deaths.start_engine()
    interrupted = 0
    for _ in range(6):
        pid = deaths.runner_pid()
        assert pid
        deaths.submit()
        time.sleep(deaths.random.random() * 0.25)
        os.kill(pid, signal.SIGKILL)
        deaths.kills += 1
        wait_for_another_runner(deaths, pid)
    for execution in deaths.settle_with_engine():
        interrupted += check_truth(deaths, execution)
    assert interrupted > 0, "progress was made: some steps were hit"
    check_journal(home)
    assert deaths.engine is not None
    engine_and_runner = {deaths.engine.pid, deaths.runner_pid()}
    assert steps_alive(home, engine_and_runner) == []
    deaths.kill_engine()


def wait_for_another_runner(deaths: Deaths, pid: int) -> None:
    deadline = time.monotonic() + 30
    while deaths.runner_pid() == pid:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_truth(deaths: Deaths, execution: dict) -> int:  # type: ignore[type-arg]
    """Completed steps have all lines; interrupted ones are said to be; nobody ran twice."""
    began = deaths.starts(execution["id"])
    assert len(began) == len(set(began))
    hit = 0
    for step in execution["steps"]:
        if step["state"] == "completed":
            assert deaths.lines_of(execution["id"], step["path"]) == expected(step["path"])
        else:
            assert step["state"] in ("interrupted", "skipped"), step
        if step["state"] == "interrupted":
            hit += 1
            assert step["error"]["type"] == "interrupted"
            assert execution["state"] == "failed"
    return hit


def steps_alive(home: Home, known: set[int | None]) -> list[str]:
    found = []
    for pid in processes_of(home):
        if pid not in known:
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text()
            except OSError:
                continue
            if "for i in" in command:
                found.append(command)
    return found


def check_journal(home: Home) -> None:
    """Events without a hole; every attempt ended at most once; the projection is sound."""
    db = apsw.Connection(str(home.database), flags=apsw.SQLITE_OPEN_READONLY)
    ((n, highest),) = db.execute("SELECT count(*), max(seq) FROM events")
    assert n == highest
    ends = db.execute(
        "SELECT execution, json_extract(data, '$.number'), count(*) FROM events"
        " WHERE type = 'attempt.ended' GROUP BY 1, 2 HAVING count(*) > 1"
    ).fetchall()
    assert ends == []
    assert db.execute("PRAGMA integrity_check").get == "ok"
    db.close()
