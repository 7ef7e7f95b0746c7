"""Second engines, damaged and newer journals, lost keys, full disks, missing programs, crowds."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from engine.errors import StorageError, Unavailable
from engine.paths import Home, home_at
from tests.conftest import ROOT, kill_leftovers
from tests.engine.api import Engine, states, step_of, until

TRUE = "steps: [{id: s, run: 'true'}]"
SECRET = """
inputs: {token: {type: string, sensitive: true}}
steps: [{id: s, run: 'echo "$token"; sleep 2; echo done'}]
"""


def run_engine(home: Home, timeout_s: float = 60) -> tuple[int, str]:
    """An engine that is expected to end at once: its exit code and its words."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "engine.life"],
        env={**os.environ, "WINGMAN_HOME": str(home.root), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_second_engine_names_the_first_and_leaves(engine: Engine, home: Home) -> None:
    code, words = run_engine(home)
    assert code == 75
    assert str(engine.status["pid"]) in words
    assert str(home.root) in words
    assert engine.get("/healthz") == {"status": "ok"}, "the first one's socket is untouched"


def test_engines_started_at_the_same_moment_are_one(home: Home) -> None:
    pids: list[int] = []
    threads = [
        threading.Thread(target=lambda: pids.append(Engine(home).status["pid"])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 8
    assert len(set(pids)) == 1


def test_a_newer_journal_is_refused_and_not_touched(engine: Engine, home: Home) -> None:
    engine.run(TRUE)
    engine.stop()
    db = apsw.Connection(str(home.database))
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = home.database.read_bytes()
    code, words = run_engine(home)
    assert code == 74
    assert "newer version" in words
    assert "99" in words
    assert "install that version" in words
    assert "Traceback" not in words
    assert home.database.read_bytes() == before
    with pytest.raises(Unavailable, match="newer version"):
        Engine(home)


def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, words = run_engine(home_at(tmp_path / "file"))
    assert (code, "Traceback" in words) == (74, False)
    assert str(tmp_path / "file") in words
    home = home_at(tmp_path / "home")
    home.create()
    home.database.mkdir()
    code, words = run_engine(home)
    assert (code, "Traceback" in words) == (74, False)
    assert "journal" in words


@pytest.mark.parametrize(
    "text", ["not toml [", "max_running_steps = 0", "max_runing_steps = 5", "\0", "flow_paths = 5"]
)
def test_a_configuration_that_is_wrong_is_told_by_file_and_key(home: Home, text: str) -> None:
    home.config_file.write_text(text)
    code, words = run_engine(home)
    assert (code, "Traceback" in words) == (2, False)
    assert str(home.config_file) in words


def test_an_unreadable_configuration_is_told(home: Home) -> None:
    home.config_file.mkdir()
    code, words = run_engine(home)
    assert code != 0
    assert "Traceback" not in words
    assert str(home.config_file) in words


def answers(engine: Engine) -> list[object]:
    rows = engine.get("/v1/executions?limit=1000")["executions"]
    return [rows, [engine.show(row["id"]) for row in rows], engine.get("/v1/events?limit=1000")]


def with_journal(home: Home, data: bytes) -> Engine | str:
    """An engine on this journal; its words where it refuses."""
    home.database.write_bytes(data)
    for name in ("journal.db-wal", "journal.db-shm"):
        (home.data / name).unlink(missing_ok=True)
    try:
        return Engine(home)
    except Unavailable as error:
        return str(error)


def what_it_serves(engine: Engine) -> list[object] | str:
    """Its answers, or the words with which it refuses them."""
    try:
        return answers(engine)
    except (StorageError, Unavailable) as error:
        return str(error)
    finally:
        with contextlib.suppress(Unavailable):
            engine.stop(all=True)


def test_a_journal_with_damaged_pages_is_refused_in_words(engine: Engine, home: Home) -> None:
    for n in range(30):
        engine.run(f"name: n{n}\n{TRUE}")
    told = answers(engine)
    engine.stop()
    whole = home.database.read_bytes()
    chance = random.Random(11)
    refused = 0
    for _ in range(8):
        data = bytearray(whole)
        at = chance.randrange(len(data) // 4096) * 4096
        size = chance.choice([12, 100, 4096])
        data[at : at + size] = chance.randbytes(size)
        found = with_journal(home, bytes(data))
        if isinstance(found, Engine):
            assert what_it_serves(found) == told, "the page was not in use"
            continue
        refused += 1
        assert "journal" in found
        assert "Traceback" not in found
    assert refused >= 4
    again = with_journal(home, whole)
    assert isinstance(again, Engine)
    assert what_it_serves(again) == told


def test_flipped_bytes_anywhere_bring_no_engine_down_without_a_word(
    engine: Engine, home: Home
) -> None:
    """SQLite keeps no checksums: a changed letter in a text cannot be told from another text."""
    for n in range(10):
        engine.run(f"name: n{n}\n{TRUE}")
    engine.stop()
    whole = home.database.read_bytes()
    chance = random.Random(5)
    for _ in range(8):
        data = bytearray(whole)
        for _ in range(20):
            at = chance.randrange(len(data))
            data[at] ^= 1 << chance.randrange(8)
        found = with_journal(home, bytes(data))
        words = what_it_serves(found) if isinstance(found, Engine) else found
        assert not isinstance(words, str) or "journal" in words, words


def test_a_truncated_or_foreign_journal_is_refused_in_words(engine: Engine, home: Home) -> None:
    for _ in range(5):
        engine.run(TRUE)
    engine.stop()
    whole = home.database.read_bytes()
    for data in (whole[: len(whole) // 2], b"not a database at all" * 1000, whole[:50]):
        home.database.write_bytes(data)
        code, words = run_engine(home)
        assert (code, "Traceback" in words) == (74, False), words
        assert "journal" in words


@pytest.mark.parametrize("trouble", ["missing", "readable", "damaged", "another"])
def test_without_the_key_nothing_is_decided_and_nothing_lost(
    engine: Engine, home: Home, trouble: str
) -> None:
    started = engine.start(SECRET, inputs={"token": "hunter22!"})
    until(lambda: "***" in engine.log(started["id"]))
    engine.kill()
    key = home.key_file.read_bytes()
    if trouble == "missing":
        home.key_file.unlink()
    elif trouble == "readable":
        home.key_file.chmod(0o644)
    elif trouble == "damaged":
        home.key_file.write_bytes(key[:20])
    else:
        home.key_file.unlink()
        other = home_at(home.root / "other")
        other.create()
        from engine.vault import Vault

        Vault(other.key_file).seal("x", "y")
        shutil.copy(other.key_file, home.key_file)
    code, words = run_engine(home)
    assert (code, "Traceback" in words) == (74, False), words
    assert str(home.key_file) in words
    home.key_file.write_bytes(key)
    home.key_file.chmod(0o600)
    engine.begin()
    found = engine.ended(started["id"])
    assert (found["state"], step_of(found, "s")["attempts"]) == ("completed", 1)
    assert engine.log(started["id"]) == "***\ndone\n"


def test_without_the_key_everything_else_goes_on(engine: Engine, home: Home) -> None:
    found = engine.run(SECRET.replace("sleep 2;", ""), inputs={"token": "hunter22!"})
    engine.stop()
    home.key_file.unlink()
    engine.begin()
    assert engine.run(TRUE)["state"] == "completed"
    with pytest.raises(StorageError, match="key"):
        engine.act(found["id"], "rerun")
    assert engine.show(found["id"])["inputs"] == {"token": "***"}
    home.key_file.touch(0o644)
    with pytest.raises(StorageError, match="read by others"):
        engine.start(SECRET, inputs={"token": "hunter22!"})


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Home]:
    """A home on a disk of 24 MiB of its own."""
    root = tmp_path / "small"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(root)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    home = home_at(root / "home")
    home.create()
    yield home
    kill_leftovers(home)
    subprocess.run(["umount", "-l", str(root)], check=True)


def fill(home: Home, leave_bytes: int = 0) -> Path:
    """Fill the home's disk."""
    path = home.root / "filler"
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            status = os.statvfs(home.root)
            rest = status.f_bavail * status.f_frsize - leave_bytes
            if rest <= 0:
                break
            file.write(b"\0" * min(rest, 1 << 20))
    return path


def test_a_full_disk_stops_new_work_and_no_running_step(small_home: Home, tmp_path: Path) -> None:
    engine = Engine(small_home)
    started = engine.start(f"""
steps:
  - id: s
    run: |
      while [ ! -e {tmp_path}/go ]; do sleep 0.05; done
      seq 200000
      echo n=5 >> "$WINGMAN_OUTPUT"
""")
    until(lambda: states(engine.show(started["id"]))["s"] == "running")
    time.sleep(0.3)
    filler = fill(small_home)
    with pytest.raises(Unavailable, match="space"):
        engine.start(TRUE)
    (tmp_path / "go").touch()
    found = engine.ended(started["id"])
    assert found["state"] == "completed", found["error"]
    assert step_of(found, "s")["outputs"] == {"n": 5}
    with pytest.raises(Unavailable, match="space"):
        engine.start(TRUE)
    log = engine.log(started["id"])
    assert "lost" in log or "not kept" in log or log.count("\n") == 200_000, log[-200:]
    assert engine.get("/v1/executions")["executions"][0]["state"] == "completed"
    filler.unlink()
    until(lambda: started_again(engine))
    engine.stop(all=True)


def started_again(engine: Engine) -> bool:
    try:
        return bool(engine.run(TRUE)["state"] == "completed")
    except Unavailable:
        return False


def test_an_engine_starts_and_answers_on_a_full_disk(small_home: Home) -> None:
    engine = Engine(small_home)
    found = engine.run(TRUE)
    engine.stop()
    filler = fill(small_home, leave_bytes=64 << 10)
    engine.begin()
    assert engine.show(found["id"]) == found
    with pytest.raises(Unavailable, match="space"):
        engine.start(TRUE)
    filler.unlink()
    until(lambda: started_again(engine))
    engine.stop(all=True)


def test_a_program_or_shell_that_is_missing_fails_its_step_by_name(engine: Engine) -> None:
    found = engine.run("""
steps:
  - {id: a, needs: [], shell: [no-such-shell], run: 'true'}
  - {id: b, needs: [], run: 'no-such-program'}
  - {id: c, needs: [], python: {call: "no_such_module:f"}}
  - {id: d, needs: [], shell: [/dev/null], run: 'true'}
""")
    assert set(states(found).values()) == {"failed"}
    assert "no-such-shell" in step_of(found, "a")["error"]["message"]
    assert step_of(found, "b")["error"]["type"] == "exit:127"
    assert "no_such_module" in step_of(found, "c")["error"]["message"]
    assert step_of(found, "d")["error"]["type"] == "start_failed"


def test_a_runner_that_cannot_be_started_is_tried_again(engine: Engine, home: Home) -> None:
    runner = engine.status["runner_pid"]
    hidden = home.run / "hidden"
    home.runners.rename(hidden)
    home.runners.write_text("no directory")
    os.kill(runner, signal.SIGKILL)
    until(lambda: "cannot be started" in home.system_log.read_text())
    started = engine.start(TRUE)
    assert states(engine.show(started["id"])) == {"s": "running"}
    home.runners.unlink()
    home.runners.mkdir()
    found = engine.ended(started["id"])
    assert found["state"] == "completed"
    assert "interrupted" not in engine.log(started["id"], "engine=true")


@pytest.mark.timeout(300)
def test_a_flow_of_thousands_of_steps(engine: Engine) -> None:
    """As many as a file may hold, most of them skipped: more are refused."""
    steps = "\n".join(
        f"  - {{id: s{n}, needs: [], run: ':', if: {str(n % 4 == 0).lower()}}}" for n in range(9_999)
    )
    text = f"max_parallel: 16\nsteps:\n{steps}\n  - {{id: last, needs: [s0, s9996], run: 'exit 3'}}"
    began = time.monotonic()
    started = engine.start(text)
    slowest = 0.0
    while engine.get("/v1/executions?limit=1")["executions"][0]["state"] == "running":
        asked = time.monotonic()
        engine.get("/healthz")
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(0.2)
    found = engine.ended(started["id"])
    print(f"10,000 steps in {time.monotonic() - began:.1f} s, slowest answer {slowest:.3f} s")
    assert found["state"] == "failed"
    assert found["progress"] == {"ended": 10_000, "running": 0, "total": 10_000}
    assert step_of(found, "last")["error"]["type"] == "exit:3"
    assert slowest < 10
    engine.act(started["id"], "retry")
    assert step_of(engine.ended(started["id"]), "last")["attempts"] == 2


@pytest.mark.timeout(300)
def test_a_thousand_executions_at_once(engine: Engine, home: Home) -> None:
    ids: list[str] = []

    def submit() -> None:
        mine = Engine(home)
        ids.extend(mine.start("name: crowd\n" + TRUE)["id"] for _ in range(125))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 1000
    found = [engine.ended(id_) for id_ in ids]
    assert {execution["state"] for execution in found} == {"completed"}
    assert sorted(execution["number"] for execution in found) == list(range(1, 1001))
    until(lambda: not any(home.work.iterdir()))
