"""A journal of an older program: backed up, brought to this version, never between two."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from engine.errors import StorageError
from engine.journal import migrations
from engine.journal.journal import Journal
from engine.journal.migrations import newest_version, numbered, scripts


def old_file(path: Path) -> None:
    """A journal as the first version of the program left it."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(scripts()[1])
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO flows VALUES ('backup', 7, 'on')")
    connection.close()


@pytest.fixture(autouse=True)
def a_later_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """This program, one version later."""
    known = scripts()
    later = {**known, max(known) + 1: "ALTER TABLE flows ADD COLUMN later TEXT;"}
    monkeypatch.setattr(migrations, "scripts", lambda: later)


def version_of(path: Path) -> int:
    connection = apsw.Connection(str(path))
    found: int = connection.execute("PRAGMA user_version").get
    connection.close()
    return found


def test_a_new_journal_has_the_newest_version_and_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    assert version_of(path) == newest_version()
    assert not list(tmp_path.glob("*.bak"))


def test_an_old_one_is_backed_up_and_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    old_file(path)
    Journal(path).close()
    assert version_of(path) == newest_version()
    backup = tmp_path / "journal.db.v1.bak"
    assert version_of(backup) == 1
    assert backup.stat().st_mode & 0o777 == 0o600
    for file in (path, backup):
        rows = list(apsw.Connection(str(file)).execute("SELECT name, last_number FROM flows"))
        assert rows == [("backup", 7)]


def test_every_version_leads_to_the_same_schema_as_a_new_file(tmp_path: Path) -> None:
    def shape(path: Path) -> list[tuple[str, str]]:
        question = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
        return list(apsw.Connection(str(path)).execute(question))

    old, new = tmp_path / "old.db", tmp_path / "new.db"
    old_file(old)
    Journal(old).close()
    Journal(new).close()
    assert shape(old) == shape(new)


def test_a_step_that_fails_leaves_the_version_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    old_file(path)
    broken = "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1);"
    monkeypatch.setattr(migrations, "scripts", lambda: {1: "", 2: broken})
    with pytest.raises(StorageError, match="nowhere"):
        Journal(path)
    connection = apsw.Connection(str(path))
    assert version_of(path) == 1
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").get == 0


def test_without_room_for_a_backup_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    old_file(path)
    (tmp_path / "journal.db.v1.bak").mkdir()  # what stands for a place that cannot be written
    (tmp_path / "journal.db.v1.bak" / "taken").touch()
    with pytest.raises(StorageError, match="backed up"):
        Journal(path)
    assert version_of(path) == 1
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("names", [["0003_a.sql"], ["0002_a.sql", "0002_b.sql"], ["second.sql"]])
def test_the_numbers_have_no_hole_and_no_twin(names: list[str]) -> None:
    with pytest.raises(ValueError, match="the next one is to be"):
        numbered(dict.fromkeys(names, ""))
