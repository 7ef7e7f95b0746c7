"""Starting, stopping and losing the engine, seen from the command line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from engine.cli import follow
from engine.client import launch
from engine.client.http import Client
from engine.errors import Unavailable
from engine.paths import Home, find_home, home_at
from tests.cli.flowtext import GATE, TRUE, write
from tests.conftest import Wingman


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def engine_pid(home: Home) -> int:
    return int(Client(home).request("GET", "/v1/engine")["pid"])


def test_status_without_an_engine_is_exit_6(wingman: Wingman) -> None:
    done = wingman("engine", "status", "--json")
    assert (done.returncode, done.stdout) == (6, "")
    assert "wingman engine start" in done.stderr


def test_start_status_stop(wingman: Wingman) -> None:
    wingman("engine", "start", check=True)
    status = json.loads(wingman("engine", "status", "--json", check=True).stdout)
    assert tuple(status) == ("pid", "runner_pid", "version", "home", "socket", "started_at")
    assert status["home"] == str(wingman.home.root)
    again = wingman("engine", "start", "--json", check=True)
    assert json.loads(again.stdout)["pid"] == status["pid"]
    assert "already" in again.stderr
    assert wingman.home.socket.stat().st_mode & 0o777 == 0o600
    restarted = json.loads(wingman("engine", "restart", "--json", check=True).stdout)
    assert restarted["pid"] != status["pid"]
    assert wingman("engine", "stop").returncode == 0
    assert not launch.is_alive(restarted["pid"])
    stopped = wingman("engine", "stop")
    assert (stopped.returncode, "no engine" in stopped.stderr) == (0, True)


def test_many_commands_at_once_start_one_engine(wingman: Wingman) -> None:
    started = [wingman.start("engine", "start", "--json") for _ in range(6)]
    outputs = [process.communicate(timeout=90) for process in started]
    assert [process.returncode for process in started] == [0] * 6, outputs
    assert len({json.loads(out)["pid"] for out, _ in outputs}) == 1


def test_an_engine_that_dies_as_it_is_asked_is_started_again(home: Home) -> None:
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(home.socket))
        dying.listen()
        client = launch.ensure_engine(home)  # it has connected, and asked for nothing yet
    assert client.request("GET", "/v1/engine")["home"] == str(home.root)


def test_an_engine_that_cannot_start_says_why(wingman: Wingman) -> None:
    wingman("engine", "start", check=True)
    wingman("engine", "stop", check=True)  # what its log says of earlier starts is not the cause
    wingman.home.config_file.write_text("flow_pahts = []\n")
    done = wingman("list")
    assert done.returncode == 6
    assert done.stderr.startswith("wingman: the engine cannot start: ")
    assert "unknown key 'flow_pahts' (did you mean flow_paths?)" in done.stderr.splitlines()[0]
    assert str(wingman.home.system_log) in done.stderr
    assert len(done.stderr.splitlines()) == 2
    examined = wingman("doctor")
    assert (examined.returncode, "unknown key 'flow_pahts'" in examined.stdout) == (1, True)


def test_a_restart_does_not_give_up_an_engine_for_one_that_cannot_start(wingman: Wingman) -> None:
    wingman("engine", "start", check=True)
    wingman.home.config_file.write_text("flow_paths = 5\n")
    done = wingman("engine", "restart")
    assert (done.returncode, "flow_paths is a list" in done.stderr) == (2, True)
    assert wingman("engine", "status").returncode == 0


def test_doctor_tells_of_a_journal_that_cannot_be_opened(wingman: Wingman) -> None:
    wingman("engine", "start", check=True)
    wingman("engine", "stop", check=True)
    database = apsw.Connection(str(wingman.home.database))
    database.execute("pragma user_version = 9999; pragma wal_checkpoint(truncate)")
    database.close()
    refused = wingman("list")
    assert (refused.returncode, "written by a newer version" in refused.stderr) == (6, True)
    done = wingman("doctor", "--json")
    findings = {f["name"]: f for f in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, findings["journal"]["verdict"]) == (1, "fail")
    assert "schema 9999" in findings["journal"]["message"]


def test_a_home_whose_name_others_may_read_is_no_failure(wingman: Wingman) -> None:
    wingman.home.root.chmod(0o755)
    done = wingman("doctor", "--json")
    findings = {f["name"]: f for f in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, findings["home"]["verdict"]) == (0, "warn")
    wingman.home.root.chmod(0o777)
    done = wingman("doctor")
    assert (done.returncode, "others may change it" in done.stdout) == (1, True)
    wingman.home.root.chmod(0o700)
    wingman.home.config_file.touch(0o666)
    wingman.home.config_file.chmod(0o666)
    assert f"chmod go-w {wingman.home.config_file}" in wingman("doctor").stdout
    wingman.home.config_file.unlink()
    assert wingman("doctor").returncode == 0
    wingman.home.data.chmod(0o755)
    assert wingman("doctor").returncode == 1


def test_config_shows_checks_and_names_the_file(wingman: Wingman) -> None:
    path = wingman.home.config_file
    assert wingman("config", "path").stdout == f"{path}\n"
    assert "not there" in wingman("config", "check", check=True).stdout
    path.write_text(
        'max_running_steps = 7\ntheme = "dark"\n[pools]\ndb = 4\n'
        '[channels]\nops = "https://hooks.example/geheim"\n[environment]\nname = "prod"\n'
    )
    shown = wingman("config", check=True)
    assert "db = 4" in shown.stdout
    assert "geheim" not in shown.stdout
    settings = json.loads(wingman("config", "--json", check=True).stdout)["settings"]
    assert (settings["max_running_steps"], settings["pools"]) == (7, {"db": 4})
    assert settings["channels"] == {"ops": 1}
    assert settings["environment"] == {"name": "prod", "production": True, "values": {}}
    path.write_text("pool = 3\n")
    wrong = wingman("config", "check")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean pools?" in wrong.stderr
    assert not wingman.home.socket.exists()


def test_the_engine_holds_nothing_of_its_caller(wingman: Wingman, tmp_path: Path) -> None:
    held = tmp_path / "held"
    command = " ".join(wingman.words("engine", "start"))
    subprocess.run(
        ["bash", "-c", f"exec 9>{held}; {command} >/dev/null 2>&1"],
        env=wingman.environment, timeout=90, check=True,
    )  # fmt: skip
    pid = engine_pid(wingman.home)
    targets = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            targets.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    assert any(str(wingman.home.root) in target for target in targets)
    assert str(held) not in targets
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/cwd") == "/"


def test_a_follower_outlives_the_death_of_the_engine(wingman: Wingman, tmp_path: Path) -> None:
    gate = tmp_path / "gate.open"
    follower = wingman.start("run", write(tmp_path, GATE), "-i", f"gate={gate}")
    until(lambda: "at the gate" in log_of(wingman), "the step never came to the gate")
    os.kill(engine_pid(wingman.home), signal.SIGKILL)
    gate.touch()
    out, err = follower.communicate(timeout=90)
    assert out == b"waiting\nat the gate\nthrough\n", err
    assert follower.returncode == 0, err
    assert b"the engine went away" in err


def log_of(wingman: Wingman) -> str:
    logs = wingman.home.logs.glob("*/*.log")
    return "".join(path.read_text() for path in logs)


def test_a_follower_leaves_an_engine_that_was_stopped_alone(
    wingman: Wingman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "gate.open"
    wingman("run", write(tmp_path, GATE), "-i", f"gate={gate}", "--detach", check=True)
    client = Client(wingman.home)
    follower = follow.Follower(wingman.home, client, client.request("GET", "/v1/executions/@last"))
    monkeypatch.setattr(follow, "RESTART_WAIT_S", 0.5)
    wingman("engine", "stop", check=True)
    with pytest.raises(Unavailable, match="gate#1 goes on without it"):
        follower.result(quiet=True)
    assert not wingman.home.socket.exists()
    gate.touch()
    done = wingman("logs", "-f", "gate#1")
    assert done.stdout == "waiting\nat the gate\nthrough\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_detaches_and_the_execution_goes_on(
    wingman: Wingman, tmp_path: Path, number: signal.Signals
) -> None:
    gate = tmp_path / "gate.open"
    follower = wingman.start("run", write(tmp_path, GATE), "-i", f"gate={gate}")
    until(lambda: "at the gate" in log_of(wingman), "the step never came to the gate")
    follower.send_signal(number)
    _, err = follower.communicate(timeout=60)
    assert follower.returncode == 128 + number, err
    assert b"detached; gate#1 goes on: wingman logs -f gate#1" in err
    gate.touch()
    wingman("logs", "-f", "gate#1", check=True)
    assert json.loads(wingman("show", "gate#1", "--json").stdout)["state"] == "completed"


def test_stop_leaves_steps_running_and_stop_all_cancels_them(
    wingman: Wingman, tmp_path: Path
) -> None:
    path = write(tmp_path, GATE)
    wingman("run", path, "-i", f"gate={tmp_path}/a", "--detach", check=True)
    until(lambda: "at the gate" in log_of(wingman), "the step never came to the gate")
    wingman("engine", "stop", check=True)
    (tmp_path / "a").touch()
    wingman("logs", "-f", "gate#1", check=True)
    assert json.loads(wingman("show", "gate#1", "--json").stdout)["state"] == "completed"
    wingman("run", path, "-i", f"gate={tmp_path}/never", "--detach", check=True)
    wingman("engine", "stop", "--all", check=True)
    assert json.loads(wingman("show", "gate#2", "--json").stdout)["state"] == "cancelled"


def test_a_home_with_a_long_path_works(wingman: Wingman, tmp_path: Path) -> None:
    long = tmp_path / ("a-long-name-" * 10) / "home"
    long.parent.mkdir()
    home = home_at(long)
    elsewhere = Wingman(home)
    try:
        done = elsewhere("run", write(tmp_path, TRUE), "--json", check=True)
        assert json.loads(done.stdout)["state"] == "completed"
        status = json.loads(elsewhere("engine", "status", "--json", check=True).stdout)
        assert len(status["socket"]) < 100
    finally:
        elsewhere("engine", "stop", "--all")


@pytest.mark.parametrize("what", ["a file", "a link to nothing", "no UTF-8", "no log"])
def test_what_cannot_be_a_home_is_told_in_a_line(
    wingman: Wingman, tmp_path: Path, what: str
) -> None:
    place = tmp_path / ("b\udce4d" if what == "no UTF-8" else "place")
    if what == "a file":
        place.touch()
    elif what == "a link to nothing":
        place.symlink_to(tmp_path / "nowhere")
    elif what == "no log":  # as where all of it has become read-only
        (place / "logs" / "engine.log").mkdir(parents=True)
    for words in (["list"], ["engine", "start"]):
        done = wingman(*words, env={"WINGMAN_HOME": str(place)})
        assert (done.returncode, done.stdout) == (6, ""), words
        assert done.stderr.startswith("wingman: the home /"), done.stderr
        assert "cannot be used" in done.stderr
        assert done.stderr.count("\n") == 2
    if what not in ("no UTF-8", "no log"):
        found = wingman("doctor", "--json", env={"WINGMAN_HOME": str(place)}).stdout.splitlines()
        assert ("home", "fail") in [(x["name"], x["verdict"]) for x in map(json.loads, found)]


def test_a_locale_without_utf_8_changes_nothing(tmp_path: Path) -> None:
    there = Wingman(home_at(tmp_path / "hömé"))
    there.environment.update(LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    try:
        done = there("run", write(tmp_path, TRUE), "--json", check=True)
        assert json.loads(done.stdout)["state"] == "completed"
    finally:
        there("engine", "stop", "--all")


def test_what_cannot_be_printed_is_told_in_a_line(wingman: Wingman, tmp_path: Path) -> None:
    flow = str(write(tmp_path, TRUE))
    wingman("run", flow, check=True)
    for words in (["list"], ["run", flow, "--json"], ["schema"], ["list", "--help"]):
        with open("/dev/full", "wb") as full:
            command = wingman.start(*words, stdout=full)
            _, said = command.communicate(timeout=60)
        assert command.returncode == 74, words
        assert said == b"wingman: cannot write: No space left on device\n"
    closed = " ".join(wingman.words("show", "@last", "--json"))
    for redirection, code in ((">&-", 0), ("<&- >&- 2>&-", 0), ("nobody 2>&-", 2)):
        done = subprocess.run(
            ["bash", "-c", f"{closed} {redirection}"], env=wingman.environment,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (code, b"", b""), redirection


def test_the_users_own_directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What `paths` says for Linux is what platformdirs says."""
    import platformdirs

    monkeypatch.delenv("WINGMAN_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/is/ignored")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    dirs = platformdirs.PlatformDirs("wingman", appauthor=False)
    home = find_home()
    assert home.config_file == Path(dirs.user_config_dir) / "config.toml"
    assert home.data == Path(dirs.user_data_dir)
    assert home.logs == Path(dirs.user_state_dir) / "logs"


def test_a_socket_of_somebody_else_is_told(home: Home) -> None:
    if os.getuid() == 0:
        pytest.skip("root may use every socket")
    home.socket.touch()
    os.chmod(home.socket, 0)
    with pytest.raises(Unavailable, match="not yours"):
        launch.ensure_engine(home)
