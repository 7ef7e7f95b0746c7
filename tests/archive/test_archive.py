"""An execution as one file: whole, masked, opened elsewhere read-only, and harmless from anybody."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.archive.unpack import unpack
from engine.client.http import Client
from engine.client.launch import is_alive
from engine.errors import NotAllowed, UsageError, WingmanError
from engine.paths import Home, home_at
from tests.conftest import Wingman, kill_leftovers
from tests.engine.api import Engine, states, until
from tests.pty.terminal import Terminal

FLOW = """
name: ship
inputs: {key: {type: string, sensitive: true}, keep: {type: integer, default: 7}}
steps:
  - {id: dump, run: 'echo "the key is $key"; echo "size=5" >>"$WINGMAN_OUTPUT"'}
  - {id: fail, run: 'echo "ERROR no space" >&2; exit 4'}
"""


@pytest.fixture
def archive(home: Home, wingman: Wingman, tmp_path: Path) -> Path:
    """The file of an execution that failed."""
    Engine(home).run(FLOW, inputs={"key": "sesame-key"})
    target = tmp_path / "ship.wingman"
    wingman("export", "ship@last", "-o", target, check=True)
    return target


def opened(archive: Path, folder: Path) -> tuple[Home, dict[str, Any]]:
    home = home_at(folder)
    return home, unpack(str(archive), home)


def test_it_is_whole_and_masked(archive: Path) -> None:
    assert archive.stat().st_mode & 0o077 == 0
    with tarfile.open(archive) as tar:
        files = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    assert set(files) >= {
        "wingman.json", "definition.yaml", "compiled.json", "execution.json", "events.jsonl",
        "logs/index", "logs/000001.dump.log", "logs/000002.fail.log",
    }  # fmt: skip
    assert b"sesame" not in b"".join(files.values())
    assert files["logs/000001.dump.log"] == b"the key is ***\n"
    assert files["definition.yaml"].decode() == FLOW
    assert json.loads(files["execution.json"])["state"] == "failed"
    first = json.loads(files["events.jsonl"].split(b"\n")[0])
    assert first["data"]["inputs"] == {"key": "***", "keep": 7}
    assert not {"request_key", "request_digest"} & first["data"].keys()


def test_it_shows_elsewhere_what_it_showed_here_and_changes_nothing(
    archive: Path, home: Home, tmp_path: Path
) -> None:
    here = Engine(home)
    there_home, manifest = opened(archive, tmp_path / "there")
    try:
        there = Engine(there_home)
        one, other = here.show(manifest["id"]), there.show("ship@last")
        assert {**one, "source": ""} == {**other, "source": ""}
        assert there.log(manifest["id"]) == here.log(manifest["id"])
        assert there.get(f"/v1/executions/{manifest['id']}/why")["answer"].startswith("step fail")
        replayed = there.get(f"/v1/executions/{manifest['id']}/replay?at=+1h".replace("+", "%2B"))
        assert states(replayed["execution"]) == {"dump": "completed", "fail": "failed"}
        for verb in ("retry", "rerun", "resume"):
            with pytest.raises(NotAllowed):
                there.act(manifest["id"], verb)
        with pytest.raises(NotAllowed):
            there.start(FLOW)
        there.kill()
        there.begin()
        assert there.show("ship@last") == other
        assert [row["number"] for row in there.get("/v1/executions")["executions"]] == [1]
    finally:
        kill_leftovers(there_home)


def test_a_live_one_stays_as_it_was(home: Home, wingman: Wingman, tmp_path: Path) -> None:
    engine = Engine(home)
    started = engine.start("name: l\nsteps: [{id: a, run: echo begun; sleep 60}]")
    engine.until(started["id"], lambda _: "begun" in engine.log(started["id"]))
    target = tmp_path / "l.wingman"
    wingman("export", started["id"], "-o", target, check=True)
    engine.act(started["id"], "kill")
    there_home, _ = opened(target, tmp_path / "there")
    try:
        there = Engine(there_home)
        found = there.show("l@last")
        assert (found["state"], states(found)) == ("running", {"a": "running"})
        assert there.log(found["id"]) == "begun\n"
    finally:
        kill_leftovers(there_home)


def test_the_commands(archive: Path, wingman: Wingman, tmp_path: Path) -> None:
    before = set(os.listdir("/tmp"))
    said = wingman("open", archive, check=True).stdout
    assert "✗ failed  ship#1" in said
    assert json.loads(wingman("open", archive, "--json", check=True).stdout)["number"] == 1
    left = {name for name in set(os.listdir("/tmp")) - before if name.startswith("wingman-open-")}
    assert left == set()
    again = wingman("export", "ship@last", "-o", archive)
    assert (again.returncode, "File exists" in again.stderr) == (2, True)
    done = wingman("export", "ship@last", cwd=tmp_path, check=True)
    assert done.stdout == "ship-1.wingman\n"
    done = wingman("export", "ship@last", "--json", "-o", "other.wingman", cwd=tmp_path, check=True)
    size_bytes = (tmp_path / "other.wingman").stat().st_size
    assert json.loads(done.stdout) == {"file": "other.wingman", "size_bytes": size_bytes}
    assert sorted(path.name for path in tmp_path.glob("ship*")) == [
        "ship-1.wingman", "ship.wingman"]  # fmt: skip
    assert wingman("export", "nobody#1").returncode == 2


def test_what_a_killed_one_left_is_removed_by_the_next(
    archive: Path, wingman: Wingman, home: Home, tmp_path: Path
) -> None:
    """kill -9 of `wingman open` while its console is up: its folder and its engine stay behind."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    env = {"TMPDIR": str(scratch)}
    words = [*wingman.words("open", archive)]
    terminal = Terminal(home.root, program=words, env=env)
    try:
        terminal.sees("ARCHIVE READ-ONLY")
        terminal.sees("ship#1")
        (left,) = scratch.glob("wingman-open-*")
        engine_pid = Client(home_at(left)).request("GET", "/v1/engine")["pid"]
        terminal.sees("live")
        terminal.press("R")
        terminal.sees("read-only")
        again = wingman("open", archive, "--json", check=True, env=env)
        assert json.loads(again.stdout)["number"] == 1
        assert left.is_dir(), "somebody looks at it"
    finally:
        terminal.close()  # SIGKILL
    wingman("open", archive, "--json", check=True, env=env)
    assert list(scratch.glob("wingman-open-*")) == []
    until(lambda: not is_alive(engine_pid))


def made(*entries: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] | None = None) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if change is not None:
                change(entry)
            tar.addfile(entry, io.BytesIO(data))
    return target.getvalue()


ID = "01a21df1-5fc7-7abe-babe-d63c6a5eeb38"
GOOD = json.dumps({"format": 1, "id": ID}).encode()


def as_link(entry: tarfile.TarInfo) -> None:
    entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0


NO_ARCHIVES = [
    b"", b"nothing", b"\x1f\x8b\x08" + b"\0" * 40, made(("wingman.json", GOOD))[:-20],
    made(("../out", b"x")), made(("/etc/x", b"x")), made(("logs/../../x", b"x")),
    made(("logs/000001.a/b.log", b"x")), made(("engine.lock", b"")), made(("logs/index", b"")),
    made(("wingman.json", GOOD), change=as_link), made(("logs/index", b""), change=as_link),
    made(("wingman.json", b'{"format": 9}')), made(("wingman.json", b"[]")),
    made(("wingman.json", GOOD.replace(ID.encode(), b"../../x"))),
    made(("wingman.json", GOOD), ("wingman.json", GOOD)),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(NO_ARCHIVES)))
def test_what_is_no_archive_is_refused(number: int, tmp_path: Path) -> None:
    file = tmp_path / "x.wingman"
    file.write_bytes(NO_ARCHIVES[number])
    with pytest.raises(UsageError):
        opened(file, tmp_path / "there" / "home")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "x.wingman"]
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["home"]


@pytest.mark.parametrize("events", [b"", b"{}", b'{"at_us": 1, "type": "x", "data": {}}', b"[1]"])
def test_records_that_do_not_fit_are_refused_in_words(events: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.wingman"
    file.write_bytes(made(
        ("wingman.json", GOOD), ("events.jsonl", events), ("definition.yaml", b""),
        ("compiled.json", b'{"format": 3}'), ("execution.json", b"{}"),
    ))  # fmt: skip
    there_home, _ = opened(file, tmp_path / "there")
    with pytest.raises(WingmanError, match="do not fit"):
        Engine(there_home)
