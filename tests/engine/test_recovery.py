"""What an engine finds again after any end of itself or of a runner, and what it does about it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from engine.client.launch import is_alive
from engine.errors import UnknownReference, WingmanError
from engine.paths import Home
from tests.conftest import ROOT, processes_of
from tests.engine.api import Engine, states, step_of, until


def test_what_waits_in_a_runner_is_not_started_twice(engine: Engine, tmp_path: Path) -> None:
    runner = engine.status["runner_pid"]
    steps = "\n".join(
        f"  - {{id: s{n}, needs: [], run: 'echo s{n} >> {tmp_path}/ran; sleep 0.3'}}"
        for n in range(24)
    )
    os.kill(runner, signal.SIGSTOP)
    started = engine.start(f"max_parallel: 24\nsteps:\n{steps}\n")
    until(lambda: set(states(engine.show(started["id"])).values()) == {"running"})
    engine.kill()
    engine.begin()
    assert engine.status["runner_pid"] != runner
    os.kill(runner, signal.SIGCONT)  # takes the starts, and the new engine's greeting, in one go
    found = engine.ended(started["id"])
    assert found["state"] == "completed"
    ran = (tmp_path / "ran").read_text().split()
    assert sorted(ran) == sorted(states(found)), "each step ran once"
    assert {step["attempts"] for step in found["steps"]} == {1}


def test_a_cancel_right_behind_a_start_still_cancels(engine: Engine) -> None:
    """The end that starts `long` and the failure that cancels it are decided in one go."""
    pairs = "\n".join(
        f"  - {{id: a{n}, needs: [], run: 'read -t 0.4 < <(:) || true; sleep 0.3'}}\n"
        f"  - {{id: long{n}, needs: [a{n}], run: 'sleep 50'}}"
        for n in range(6)
    )
    text = f"fail_fast: true\nsteps:\n{pairs}\n  - {{id: bad, needs: [], run: 'sleep 0.3; exit 3'}}"
    for _ in range(5):
        found = engine.run(text)
        assert found["state"] == "failed"
        assert step_of(found, "bad")["error"]["type"] == "exit:3"
        assert set(states(found).values()) <= {"completed", "cancelled", "failed"}


def start_engine(
    home: Home, *, log: str = "engine.out", **environment: str
) -> subprocess.Popen[bytes]:
    """An engine as a child of the test, with a failpoint in its environment perhaps."""
    variables = {
        **os.environ,
        "WINGMAN_HOME": str(home.root),
        "PYTHONPATH": str(ROOT),
        **environment,
    }
    with open(home.root / log, "ab") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.life", "--stay"],
            env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip


def gone(home: Home) -> bool:
    """Whether no process of this home is left but the engine and its runner."""
    alive = [pid for pid in processes_of(home) if b"sleep" in cmdline(pid)]
    return not alive


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


TWO = """
steps:
  - {id: a, run: 'echo begin; sleep 1; echo end'}
  - {id: b, run: 'true'}
"""


def test_an_engine_killed_while_it_recovers_is_followed_by_one_that_does(
    engine: Engine, home: Home
) -> None:
    started = engine.start(TWO)
    until(lambda: "begin" in engine.log(started["id"]))
    engine.kill()
    for _ in range(3):
        assert start_engine(home, WINGMAN_FAILPOINT="recovered").wait(60) == -signal.SIGKILL
    engine.begin()
    found = engine.ended(started["id"])
    assert found["state"] == "completed"
    assert [step["attempts"] for step in found["steps"]] == [1, 1]
    assert engine.log(started["id"]) == "begin\nend\n"


def test_a_runner_that_dies_while_no_engine_lives_leaves_the_truth(
    engine: Engine, home: Home
) -> None:
    runner = engine.status["runner_pid"]
    text = "steps: [{id: s, run: 'echo begin; trap \"\" TERM; setsid -f sleep 77; sleep 78'}]"
    started = engine.start(text)
    until(lambda: "begin" in engine.log(started["id"]))
    until(lambda: not gone(home))
    engine.kill()
    os.kill(runner, signal.SIGKILL)
    engine.begin()
    found = engine.ended(started["id"])
    assert (found["state"], states(found)["s"]) == ("failed", "interrupted")
    assert step_of(found, "s")["error"]["type"] == "interrupted"
    assert step_of(found, "s")["log_bytes"] == len("begin\n")
    assert engine.log(started["id"]) == "begin\n"
    assert gone(home), "nothing of it lives when it is said to be interrupted"


def test_a_stopped_runner_is_not_a_dead_one(engine: Engine, home: Home) -> None:
    runner = engine.status["runner_pid"]
    started = engine.start(TWO)
    until(lambda: "begin" in engine.log(started["id"]))
    os.kill(runner, signal.SIGSTOP)
    engine.kill()
    engine.begin()
    time.sleep(1)
    assert states(engine.show(started["id"])) == {"a": "running", "b": "pending"}
    assert engine.run("steps: [{id: s, run: 'true'}]")["state"] == "completed", "others go on"
    os.kill(runner, signal.SIGCONT)
    assert engine.ended(started["id"])["state"] == "completed"


def test_a_runner_with_an_attempt_nobody_knows_is_told_to_end_it(
    engine: Engine, home: Home
) -> None:
    """As after a backup of the journal was put back."""
    engine.run("steps: [{id: s, run: 'true'}]")
    engine.kill()
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(home.data / name, home.root / name)
    engine.begin()
    started = engine.start("steps: [{id: s, run: 'sleep 79'}]")
    until(lambda: not gone(home))
    engine.kill()
    (home.data / "journal.db-shm").unlink()
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(home.root / name, home.data / name)
    engine.begin()
    until(lambda: gone(home))
    with pytest.raises(UnknownReference):
        engine.show(started["id"])
    assert "nobody asked for" in home.system_log.read_text()


def test_stop_leaves_steps_running_and_the_next_engine_gets_their_results(
    engine: Engine, home: Home
) -> None:
    started = engine.start(
        "steps: [{id: a, run: 'echo n=7 >> \"$WINGMAN_OUTPUT\"; sleep 1; echo late'}, "
        "{id: b, run: 'echo ${{ steps.a.outputs.n }}'}]"
    )
    until(lambda: not gone(home))
    engine.stop()
    until(lambda: gone(home))  # it ended while no engine was there
    engine.begin()
    assert engine.ended(started["id"])["state"] == "completed"
    assert engine.log(started["id"]) == "late\n7\n"


def test_stop_all_cancels_what_runs_is_paused_and_waits(engine: Engine, home: Home) -> None:
    running = engine.start(
        "steps: [{id: s, run: 'sleep 80'}]\nfinally: [{id: f, run: 'echo tidy'}]"
    )
    paused = engine.start("steps: [{id: s, run: 'sleep 0.1'}, {id: t, run: 'true'}]")
    engine.act(paused["id"], "pause")
    text = "steps: [{id: s, retry: {max_attempts: 2, delay: 1h}, run: 'exit 1'}]"
    waiting = engine.start(text)
    until(lambda: states(engine.show(waiting["id"]))["s"] == "waiting")
    until(lambda: not gone(home))
    engine.stop(all=True)
    assert gone(home)
    engine.begin()
    for started in (running, paused, waiting):
        assert engine.show(started["id"])["state"] == "cancelled"
    assert states(engine.show(running["id"])) == {"s": "cancelled", "f": "completed"}


def test_a_retry_that_waits_comes_due_under_the_next_engine(engine: Engine) -> None:
    started = engine.start(
        "steps: [{id: s, retry: {max_attempts: 2, delay: 2s}, run: 'test $WINGMAN_ATTEMPT = 2'}]"
    )
    until(lambda: states(engine.show(started["id"]))["s"] == "waiting")
    assert engine.show(started["id"])["waiting_for"]["kind"] == "timer"
    engine.kill()
    engine.begin()
    assert engine.ended(started["id"])["state"] == "completed"


def test_an_interrupted_step_follows_its_policy(engine: Engine) -> None:
    started = engine.start("""
steps:
  - {id: again, needs: [], on_interrupt: retry, retry: {max_attempts: 2}, run: 'echo begun; test $WINGMAN_ATTEMPT = 2 || sleep 81'}
  - {id: ends, needs: [], on_interrupt: fail, retry: {max_attempts: 2}, run: 'echo begun; sleep 82'}
  - {id: held, needs: [], on_interrupt: hold, run: 'echo begun; test $WINGMAN_ATTEMPT = 2 || sleep 83'}
""")
    # one that is `running` and has not begun yet would simply be started again
    until(lambda: engine.log(started["id"]).count("begun") == 3)
    os.kill(engine.status["runner_pid"], signal.SIGKILL)
    found = engine.until(started["id"], lambda found: found["waiting_for"])
    assert found["waiting_for"]["kind"] == "operator"
    assert states(found) == {"again": "completed", "ends": "interrupted", "held": "interrupted"}
    engine.kill()
    engine.begin()
    assert engine.show(started["id"])["waiting_for"]["step"] == "held"
    engine.act(started["id"], "retry")
    found = engine.ended(started["id"])
    assert states(found) == {"again": "completed", "ends": "interrupted", "held": "completed"}
    assert found["state"] == "failed"


def test_ends_that_arrive_twice_count_once(engine: Engine, home: Home) -> None:
    """Results that the engine journaled and did not live to acknowledge come again."""
    engine.stop()
    first = start_engine(home, WINGMAN_FAILPOINT="end_journaled")
    until(home.socket.exists)
    engine.begin()
    started = engine.start("steps: [{id: s, run: 'echo one'}, {id: t, run: 'echo two'}]")
    assert first.wait(60) == -signal.SIGKILL
    engine.begin()
    assert engine.ended(started["id"])["state"] == "completed"
    assert engine.log(started["id"]) == "one\ntwo\n"
    events = engine.get(f"/v1/events?execution={started['id']}&limit=100")["events"]
    ends = [event["data"]["number"] for event in events if event["type"] == "attempt.ended"]
    assert len(ends) == len(set(ends)), "the second step may have needed a second start"


def test_bytes_that_no_index_tells_of_are_shown_all_the_same(engine: Engine, home: Home) -> None:
    started = engine.start("steps: [{id: s, run: 'echo one; echo two; sleep 84'}]")
    until(lambda: "two" in engine.log(started["id"]))
    runner = engine.status["runner_pid"]
    engine.kill()
    os.kill(runner, signal.SIGKILL)
    folder = home.logs / started["id"]
    with (folder / "000001.s.log").open("ab") as file:
        file.write(b"three\nhalf a li")  # as if it had died before the index was written
    engine.begin()
    found = engine.ended(started["id"])
    assert engine.log(started["id"]) == "one\ntwo\nthree\nhalf a li"
    assert step_of(found, "s")["log_bytes"] == len("one\ntwo\nthree\nhalf a li")
    lines = engine.get(f"/v1/executions/{started['id']}/logs/lines")["lines"]
    assert [line["text"] for line in lines] == ["one", "two", "three", "half a li"]


def test_a_log_that_lost_its_end_says_how_much(engine: Engine, home: Home) -> None:
    """As after a power cut: the end is recorded, the last bytes are not on the disk."""
    text = "steps: [{id: s, run: 'echo first; sleep 0.3; seq 1000'}]"
    found = engine.run(text)
    whole = engine.log(found["id"])
    folder = home.logs / found["id"]
    os.truncate(folder / "000001.s.log", 1000)
    shown = engine.log(found["id"])
    assert shown.startswith("first\n")
    assert "bytes of stdout are missing" in shown
    os.truncate(folder / "index", 40)
    os.truncate(folder / "000001.s.log", 6)
    engine.stop()
    engine.begin()
    assert engine.log(found["id"]) == f"first\n[s: the last {len(whole) - 6:,} bytes were lost]\n"
    found = engine.run(text)
    (home.logs / found["id"] / "index").unlink()
    assert engine.log(found["id"]) == whole, "the files have it all"


def test_an_execution_that_cannot_be_restored_ends_and_strands_no_other(
    engine: Engine, home: Home
) -> None:
    bad = engine.start("name: bad\nsteps: [{id: s, run: 'sleep 85'}, {id: t, run: 'true'}]")
    good = engine.start("name: good\nsteps: [{id: s, run: 'sleep 1'}]")
    until(lambda: states(engine.show(good["id"]))["s"] == "running")
    engine.kill()
    db = apsw.Connection(str(home.database))
    db.execute("UPDATE events SET data = '{\"step\": \"nothing\"}' WHERE type = 'attempt.starting' AND "
               "execution = (SELECT ord FROM executions WHERE flow = 'bad')")  # fmt: skip
    db.close()
    engine.begin()
    found = engine.until(bad["id"], lambda found: found["state"] != "running")
    assert (found["state"], found["error"]["type"]) == ("failed", "lost")
    assert states(found) == {"s": "interrupted", "t": "cancelled"}
    assert engine.ended(good["id"])["state"] == "completed"
    until(lambda: gone(home))
    with pytest.raises(WingmanError, match="records do not fit"):
        engine.act(bad["id"], "retry")
    engine.stop()
    engine.begin()
    counts = {row["flow"]: row["state"] for row in engine.get("/v1/executions")["executions"]}
    assert counts == {"bad": "failed", "good": "completed"}
    db = apsw.Connection(str(home.database), flags=apsw.SQLITE_OPEN_READONLY)
    rows = db.execute("SELECT flow, state, n FROM counters WHERE n != 0 ORDER BY 1").fetchall()
    assert rows == [("bad", "failed", 1), ("good", "completed", 1)]


def test_an_engine_that_nobody_needs_ends_and_one_with_work_stays(home: Home) -> None:
    first = start_engine(home)  # --stay
    until(home.socket.exists)
    assert Engine(home).status["pid"] == first.pid
    first.terminate()
    assert first.wait(60) == 0
    os.environ["WINGMAN_IDLE_END_S"] = "0.5"
    try:
        engine = Engine(home)
    finally:
        del os.environ["WINGMAN_IDLE_END_S"]
    pid = engine.status["pid"]
    started = engine.start("steps: [{id: s, run: 'sleep 2'}]")
    engine.client.close()
    time.sleep(1.2)
    assert is_alive(pid), "it has an execution"
    until(lambda: not is_alive(pid))
    assert "nobody needs this engine" in home.system_log.read_text()
    assert not home.socket.exists()
    engine.begin()
    assert engine.show(started["id"])["state"] == "completed"
