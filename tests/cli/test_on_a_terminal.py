"""Following on a real terminal (a pty): Ctrl-C asks, the table fits, nothing hostile passes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.follow import Detached, _Signals
from tests.cli.flowtext import ASK, FAIL, GATE, TALK, write
from tests.conftest import Wingman

CTRL_C = b"\x03"


class OnTerminal:
    """A command on a terminal of its own."""

    def __init__(self, wingman: Wingman, *words: str | Path, columns: int, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.output = b""
        self.process = subprocess.Popen(
            wingman.words(*words),
            stdin=slave, stdout=slave, stderr=slave,
            env={**wingman.environment, "TERM": "xterm-256color", **env},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def wait_for(self, text: bytes) -> None:
        deadline = time.monotonic() + 60
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            assert self._read(), self.output

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self.process.wait(timeout=60)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], 60)
        assert ready, self.output
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the terminal's other side is closed
            return False
        self.output += data
        return bool(data)

    def close(self) -> None:
        os.close(self.master)
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def terminals() -> Iterator[list[OnTerminal]]:
    opened: list[OnTerminal] = []
    yield opened
    for each in opened:
        each.close()


@pytest.fixture
def gate(wingman: Wingman, tmp_path: Path, terminals: list[OnTerminal]) -> OnTerminal:
    """`wingman run` on a terminal, with its step waiting at a gate that is shut."""
    flow = write(tmp_path, GATE)
    run = OnTerminal(wingman, "run", flow, "-i", f"gate={tmp_path}/gate.open", columns=80)
    terminals.append(run)
    run.wait_for(b"at the gate")
    return run


def test_ctrl_c_asks_and_c_cancels(gate: OnTerminal) -> None:
    gate.type(CTRL_C)
    gate.wait_for(b"d detach, c cancel, f follow on [d]: ")
    gate.type(b"c\n")
    assert gate.end() == 3
    assert b"cancelling gate#1" in gate.output
    assert b"cancelled" in gate.output


def test_ctrl_c_twice_detaches(gate: OnTerminal, wingman: Wingman) -> None:
    gate.type(CTRL_C)
    gate.wait_for(b"[d]: ")
    gate.type(CTRL_C)
    assert gate.end() == 130
    assert b"detached; gate#1 goes on: wingman logs -f gate#1" in gate.output
    assert json.loads(wingman("show", "gate#1", "--json").stdout)["state"] == "running"


def test_ctrl_c_and_on_repeats_no_line(gate: OnTerminal, tmp_path: Path) -> None:
    gate.type(CTRL_C)
    gate.wait_for(b"[d]: ")
    (tmp_path / "gate.open").touch()
    gate.type(b"f\n")
    assert gate.end() == 0
    assert gate.output.count(b"at the gate") == 1
    assert gate.output.count(b"through") == 1


def test_ctrl_c_ends_looking_without_a_question(
    gate: OnTerminal, wingman: Wingman, terminals: list[OnTerminal]
) -> None:
    looking = OnTerminal(wingman, "logs", "-f", "gate#1", columns=80)
    terminals.append(looking)
    looking.wait_for(b"at the gate")
    looking.type(CTRL_C)
    assert looking.end() == 130
    assert b"detach" not in looking.output


def test_a_lost_terminal_stops_nothing(gate: OnTerminal, wingman: Wingman, tmp_path: Path) -> None:
    os.kill(gate.process.pid, signal.SIGHUP)
    assert gate.end() == 129
    (tmp_path / "gate.open").touch()
    wingman("logs", "-f", "gate#1", check=True)
    assert json.loads(wingman("show", "gate#1", "--json").stdout)["state"] == "completed"


def test_a_signal_that_was_not_heard_comes_again() -> None:
    read, _write = os.pipe()

    def follow() -> None:
        with _Signals():
            with contextlib.suppress(Detached):  # as in a destructor
                os.read(read, 1)
            os.read(read, 1)

    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGHUP)).start()
    with pytest.raises(Detached):
        follow()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


@pytest.mark.parametrize("asks", [True, False])
def test_a_ctrl_c_that_came_just_before_a_wait_is_heard_all_the_same(asks: bool) -> None:
    read, _write = os.pipe()
    lost: list[int] = []  # as by a wait that has begun when Python could have told of it

    def follow() -> None:
        with _Signals(asks=asks):
            hears = signal.getsignal(signal.SIGINT)
            signal.signal(signal.SIGINT, lambda number, frame: lost.append(number))
            os.kill(os.getpid(), signal.SIGINT)
            signal.signal(signal.SIGINT, hears)
            os.read(read, 1)

    with pytest.raises(KeyboardInterrupt):
        follow()
    assert lost
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_who_sits_there_is_told_what_it_waits_for_and_how_to_answer(
    wingman: Wingman, tmp_path: Path, terminals: list[OnTerminal]
) -> None:
    flow = write(tmp_path, ASK)
    run = OnTerminal(wingman, "run", flow, columns=80)
    terminals.append(run)
    run.wait_for(b"wingman reject ask#1")
    assert b"waiting for an operator's approval: step confirm: Delete it?" in run.output
    os.kill(json.loads(wingman("engine", "status", "--json").stdout)["pid"], signal.SIGKILL)
    run.wait_for(b"the engine went away")
    wingman("pause", "ask#1", check=True)
    run.wait_for(b"paused: no new step starts")
    wingman("continue", "ask#1", check=True)
    wingman("approve", "ask#1", check=True)
    assert run.end() == 0
    assert run.output.count(b"step confirm") == 1
    piped = subprocess.Popen(
        wingman.words("run", flow), env=wingman.environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert wingman("logs", "-f", "ask#1").returncode == 0
    until_asked(wingman, "ask#2")
    wingman("approve", "ask#2", check=True)
    _, told = piped.communicate(timeout=60)
    assert "approval" not in told


def until_asked(wingman: Wingman, name: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        shown = wingman("show", name, "--json")
        if shown.returncode == 0 and json.loads(shown.stdout)["waiting_for"]:
            return
        assert time.monotonic() < deadline, shown.stderr
        time.sleep(0.05)


def test_lines_of_several_steps_name_their_step_and_only_colours_pass(
    wingman: Wingman, tmp_path: Path, terminals: list[OnTerminal]
) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\x1b[31mred"
    terminals.append(
        OnTerminal(wingman, "run", write(tmp_path, TALK), "-i", f"who={hostile}", columns=80)
    )
    assert terminals[0].end() == 0
    output = terminals[0].output
    assert b"hello \\x1b]0;owned\\x07\\x1b[2J\x1b[31mred\x1b[0m" in output
    assert b"greet" in output.split(b"hello")[0].splitlines()[-1]


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_tables_fit_the_terminal(
    wingman: Wingman, tmp_path: Path, terminals: list[OnTerminal], columns: int
) -> None:
    write(wingman.home.flows, FAIL)
    wingman("run", "fail")
    for at, words in enumerate((["list"], ["flows"], ["show", "@last"])):
        terminals.append(OnTerminal(wingman, *words, columns=columns, NO_COLOR="1"))
        assert terminals[at].end() == 0
        text = terminals[at].output.decode()
        assert "\x1b" not in text
        lines = text.splitlines()
        if words != ["show", "@last"]:
            assert max(map(len, lines)) <= columns, text
        assert any("failed" in line for line in lines)


def test_a_dumb_terminal_gets_plain_ascii_states(
    wingman: Wingman, tmp_path: Path, terminals: list[OnTerminal]
) -> None:
    wingman("run", write(tmp_path, FAIL))
    terminals.append(OnTerminal(wingman, "list", columns=80, TERM="dumb"))
    assert terminals[0].end() == 0
    assert b"x failed" in terminals[0].output
    assert terminals[0].output.isascii() or b"\xe2\x80\xa6" in terminals[0].output
