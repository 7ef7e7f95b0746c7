"""The audit: who did what, from where and why; and that no line can be changed or lost unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.audit import CHECKPOINT_FILE, KEY_FILE, Seal, check
from engine.journal.chain import BEGIN, Chain, Head, Line, link
from engine.journal.journal import Journal
from engine.journal.migrations import scripts
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine
from tests.engine.test_access import As, token_of

TRUE = "name: plain\nsteps: [{id: s, run: 'true'}]"


def lines(engine: Engine, query: str = "") -> list[dict[str, Any]]:
    return list(engine.get(f"/v1/audit?{query}")["lines"])


def test_changes_and_refusals_are_written_down_with_who_where_and_why(
    engine: Engine, home: Home
) -> None:
    id_ = engine.run(TRUE)["id"]
    engine.act(id_, "rerun", reason="again")
    engine.client.request("PUT", "/v1/secrets/A_SECRET", {"value": "hunter2hunter2"})
    viewer = As(home, token_of(engine, "victor", "viewer"))
    for _ in range(5):
        viewer.refusal("POST", f"/v1/executions/{id_}/cancel", {})
    As(home, "wm_wrong").refusal("GET", "/v1/me")
    found = lines(engine)
    assert [line["seq"] for line in found] == list(range(len(found), 0, -1))
    actions = [line["action"] for line in reversed(found)]
    assert actions == ["run", "run", "secret set", "user set", "token create", "refused", "refused"]
    unknown, refused, token, *_ = found
    assert (unknown["actor"], unknown["subject"]) == ("unknown", "GET /v1/me")
    assert refused["actor"] == "victor"
    assert refused["subject"] == f"POST /v1/executions/{id_}/cancel"
    assert "for the role operator" in refused["reason"]
    assert {line["origin"] for line in found} == {"socket"}
    assert [line["execution"] for line in found if line["action"] == "run"] == [
        "plain#2",
        "plain#1",
    ]
    assert refused["execution"] is None
    assert token["subject"].startswith("victor ")
    assert "hunter2" not in json.dumps(found)
    assert [line["action"] for line in lines(engine, "action=refused&actor=victor")] == ["refused"]
    assert lines(engine, "text=A_SECRET&since=1h")[0]["action"] == "secret set"
    page = engine.get("/v1/audit?limit=2")
    assert [line["seq"] for line in page["lines"]] == [7, 6]
    assert lines(engine, f"limit=2&before={page['next']}")[0]["seq"] == 5


def edited(statement: str) -> Callable[[Home], None]:
    def change(home: Home) -> None:
        connection = apsw.Connection(str(home.database))
        connection.execute(statement)
        connection.close()

    return change


def written_anew(home: Home) -> None:
    """A forger who computes all hashes again, after leaving something out."""
    connection = apsw.Connection(str(home.database))
    rows = list(connection.execute("SELECT * FROM audit ORDER BY seq"))
    connection.execute("DELETE FROM audit")
    before = BEGIN
    for seq, (_, at_us, actor, action, subject, _, origin, _) in enumerate(rows, 1):
        line = link(before, Line(seq, at_us, actor, action, subject, "nothing", origin))
        connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", line)
        before = line.hash
    connection.close()


def forged(home: Home) -> None:
    file = home.config_file.parent / CHECKPOINT_FILE
    file.write_text(file.read_text().replace('"seq": 3', '"seq": 1'))


@pytest.mark.parametrize(
    ("crime", "found"),
    [
        (edited("UPDATE audit SET actor = 'somebody' WHERE seq = 2"), "line 2 was changed"),
        (edited("UPDATE audit SET at = at + 1 WHERE seq = 3"), "line 3 was changed"),
        (edited("DELETE FROM audit WHERE seq = 2"), "line 2 is missing"),
        (edited("DELETE FROM audit WHERE seq > 1"), "the end is missing: there were 3 lines"),
        (edited("DELETE FROM audit"), "the end is missing"),
        (written_anew, "all was written anew"),
        (forged, "forged or damaged"),
    ],
    ids=["edit", "time", "deletion", "truncation", "all", "rewrite", "checkpoint"],
)
def test_every_crime_is_found(
    engine: Engine, home: Home, wingman: Wingman, crime: Callable[[Home], None], found: str
) -> None:
    for _ in range(3):
        engine.run(TRUE)
    engine.stop()
    crime(home)
    engine.begin()
    done = wingman("audit", "verify")
    assert done.returncode == 1
    assert found in done.stdout


def test_an_end_that_was_cut_off_is_found_under_new_lines(
    engine: Engine, home: Home, wingman: Wingman
) -> None:
    """The engine goes on with the numbers that were cut off: a checkpoint knows better."""
    for _ in range(3):
        engine.run(TRUE)
    engine.stop()
    edited("DELETE FROM audit WHERE seq > 1")(home)
    engine.begin()
    for _ in range(4):
        engine.run(TRUE)
    engine.stop()
    engine.begin()
    done = wingman("audit", "verify")
    assert done.returncode == 1
    assert "line 3 is not what a checkpoint says" in done.stdout


def test_an_honest_record_is_whole(engine: Engine, home: Home, wingman: Wingman) -> None:
    engine.run(TRUE)
    engine.kill()
    engine.begin()
    engine.run(TRUE)
    engine.stop()
    engine.begin()
    engine.run(TRUE)
    assert wingman("audit", "verify", check=True).stdout.startswith("whole: 3 lines, 1 signed")
    assert json.loads(wingman("audit", "verify", "--json", check=True).stdout)["problems"] == []
    for name in (KEY_FILE, CHECKPOINT_FILE):
        assert (home.config_file.parent / name).stat().st_mode & 0o777 == 0o600
    shown = wingman("audit", check=True).stdout
    assert shown.count("socket") == 3
    row = json.loads(wingman("audit", "--limit", "1", "--json", check=True).stdout)
    assert row["seq"] == 3


# -- what is pure --


def test_an_older_record_is_taken_into_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = apsw.Connection(str(path))
    chained = next(n for n, text in scripts().items() if "audit ADD COLUMN hash" in text)
    for version in range(1, chained):
        connection.execute(scripts()[version])
    connection.execute(f"PRAGMA user_version = {chained - 1}")
    for n in range(3):
        connection.execute("INSERT INTO audit VALUES (?, ?, 'me', 'run', 'x', '')", (n + 1, n))
    connection.close()
    journal = Journal(path)
    assert journal.chain.head.seq == 3
    rows = [Line(*row) for row in journal.reader().execute("SELECT * FROM audit ORDER BY seq")]
    journal.close()
    assert check(rows, Seal(tmp_path))["problems"] == []
    assert Journal(path).chain.head == Head(3, rows[-1].hash)


def test_a_chain_depends_on_every_field_and_on_the_order() -> None:
    hashes = set()
    for change in ({}, {"actor": "b"}, {"subject": "y"}, {"reason": "z"}, {"origin": "o"}):
        fields = {"actor": "a", "action": "run", "subject": "x", "reason": "", "origin": ""}
        chain = Chain(Head(0, BEGIN))
        chain.add(1, *{**fields, **change}.values())
        hashes.add(chain.add(2, *fields.values()).hash)
    assert len(hashes) == 5
