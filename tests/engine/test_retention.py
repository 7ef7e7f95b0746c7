"""Retention on a real engine: what goes, what stays, and that no death leaves anything behind."""

from __future__ import annotations

import os
import sqlite3
import time

import pytest

from engine.client.launch import is_alive
from engine.errors import UnknownReference, WingmanError
from engine.failpoints import REMOVAL_NAMES
from engine.journal.database import open_reader
from engine.journal.history import History
from engine.paths import Home
from tests.engine.api import Engine, until

FLOW = """
name: tidy
retention: {keep: 2}
steps: [{id: a, run: 'echo hello; touch made; exit 3'}]
"""
TABLES = {"executions": "ord", "steps": "execution", "attempts": "execution",
          "attempt_ends": "execution", "events": "execution", "leaving": "ord"}  # fmt: skip


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINGMAN_RETENTION_PAUSE_S", "0.3")


def records(home: Home) -> dict[str, int]:
    """How many executions each table knows."""
    connection = sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)
    try:
        return {
            table: connection.execute(f"SELECT count(DISTINCT {column}) FROM {table}").fetchone()[0]
            for table, column in TABLES.items()
        }
    finally:
        connection.close()


def counters(home: Home) -> dict[str, int]:
    """How many executions the counters have in each state."""
    connection = open_reader(home.database)
    try:
        return History(connection).counts()
    finally:
        connection.close()


def left(home: Home) -> set[int]:
    """How many executions have logs, and working directories."""
    return {len(list(home.logs.glob("0*"))), len(list(home.work.glob("0*")))}


KEPT = dict.fromkeys(TABLES, 2) | {"leaving": 0}


def test_what_no_rule_keeps_goes_with_its_files_and_records(home: Home) -> None:
    engine = Engine(home)
    first = engine.run(FLOW)["id"]
    engine.post(f"/v1/executions/{first}/notes", {"text": "look here"})
    ids = [engine.run(FLOW)["id"] for _ in range(4)]
    until(lambda: records(home) == KEPT)
    until(lambda: left(home) == {2})
    page = engine.get("/v1/executions")
    assert [row["id"] for row in page["executions"]] == ids[:1:-1]
    assert counters(home) == {"failed": 2}
    with pytest.raises(UnknownReference):
        engine.show(first)
    with pytest.raises(UnknownReference):
        engine.act(first, "retry")
    assert engine.log(ids[-1]) == "hello\n"
    events = engine.get("/v1/events?after=0&limit=500")
    assert {event["execution"] for event in events["events"]} == set(ids[2:])
    assert engine.run(FLOW)["number"] == 6
    assert first in str(engine.get("/v1/audit"))


def test_without_a_rule_all_stay_and_config_gives_one(home: Home) -> None:
    home.config_file.write_text("[retention]\nkeep = 1\n")
    plain = "name: plain\nsteps: [{id: a, run: 'true'}]\n"
    engine = Engine(home)
    for _ in range(2):
        engine.run(plain)
        engine.run(FLOW)
    until(lambda: records(home)["executions"] == 3)
    until(lambda: records(home)["leaving"] == 0)
    assert {row["flow"]: row["number"] for row in engine.get("/v1/executions")["executions"]}
    engine.stop()
    home.config_file.write_text("[retention]\nkep = 1\n")
    with pytest.raises(WingmanError, match="retention has no key 'kep'"):
        Engine(home)
    home.config_file.write_text("[retention.all.logs]\nall = 1\n")
    with pytest.raises(WingmanError, match=r"all\.logs has no key 'all'"):
        Engine(home)


def named(home: Home) -> tuple[set[str], set[str]]:
    """The executions that have logs, and those that have working directories."""
    return {each.name for each in home.logs.glob("0*")}, {each.name for each in home.work.glob("0*")}


def test_logs_and_working_directories_may_go_before_their_execution(home: Home) -> None:
    engine = Engine(home)
    text = FLOW.replace("{keep: 2}", "{logs: {keep: 2}, work: {keep: 1}}")
    ids = [engine.run(text)["id"] for _ in range(4)]
    until(lambda: named(home) == (set(ids[2:]), set(ids[3:])))
    assert records(home)["executions"] == 4
    assert engine.log(ids[0]) == "[6 bytes of log were removed]\n"
    assert engine.log(ids[2]) == "hello\n"
    assert engine.show(ids[0])["steps"][0]["state"] == "failed"
    engine.act(ids[0], "retry")  # in a directory that is made anew
    until(lambda: engine.show(ids[0])["attempt"] == 2 and engine.show(ids[0])["state"] == "failed")
    assert engine.show(ids[0])["error"]["type"] == "exit:3"
    until(lambda: named(home) == (set(ids[2:]), set(ids[3:])))
    engine.stop()
    engine.begin()
    ids.append(engine.run(text)["id"])
    until(lambda: named(home) == (set(ids[3:]), set(ids[4:])))


def test_what_was_retried_just_before_a_look_is_looked_at_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended a moment ago stays for those who look at it, and not for ever."""
    monkeypatch.setenv("WINGMAN_RETENTION_PAUSE_S", "1.5")
    engine = Engine(home)
    text = FLOW.replace("{keep: 2}", "{logs: {keep: 1}}")
    ids = [engine.run(text)["id"] for _ in range(3)]
    until(lambda: named(home)[0] == {ids[2]})
    ids.append(engine.run(text)["id"])  # 1.5 s after its end somebody looks
    time.sleep(1.0)
    engine.act(ids[0], "retry")
    until(lambda: engine.show(ids[0])["attempt"] == 2 and engine.show(ids[0])["state"] == "failed")
    until(lambda: named(home)[0] == {ids[3]})


def test_one_rule_may_hold_for_all_flows_together(home: Home) -> None:
    home.config_file.write_text("[retention.all]\nkeep = 3\n[retention.all.logs]\nkeep = 2\n")
    engine = Engine(home)
    ids = [
        engine.run(f"name: flow{n % 2}\nsteps: [{{id: a, run: 'echo hello'}}]\n")["id"]
        for n in range(5)
    ]
    until(lambda: records(home)["executions"] == 3 and records(home)["leaving"] == 0)
    assert [row["id"] for row in engine.get("/v1/executions")["executions"]] == ids[:1:-1]
    until(lambda: named(home)[0] == set(ids[3:]))


@pytest.mark.parametrize("name", REMOVAL_NAMES)
def test_the_next_engine_goes_on_with_what_was_being_removed(
    home: Home, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINGMAN_FAILPOINT", name)
    engine = Engine(home)
    pid = engine.status["pid"]
    ids = []
    for _ in range(4):
        try:
            ids.append(engine.start(FLOW)["id"])
        except Exception:  # it has died already
            break
    until(lambda: not _lives(pid))
    engine.client.close()
    monkeypatch.delenv("WINGMAN_FAILPOINT")
    engine.begin()
    until(lambda: records(home) == KEPT)
    until(lambda: left(home) == {2})
    assert counters(home) == {"failed": 2}


def _lives(pid: int) -> bool:
    return is_alive(pid) or os.path.exists(f"/proc/{pid}")  # its threads may hold the socket
