"""The terminal is given back whatever happens, and the console never outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.pty.conftest import OpenTerminal
from tests.pty.terminal import ROOT, WAIT_S
from tests.tui.fake_engine import FakeEngine

# what stands for a fault of ours: an action that raises
FAULTY = """
import sys
from wingman_tui import global_actions
def fail(app): raise ZeroDivisionError("a fault for a test")
global_actions.do_theme = fail
from wingman_tui.__main__ import main
sys.exit(main([]))
"""


def test_quitting_gives_the_terminal_back(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    assert not terminal.is_restored()
    terminal.write("q")
    assert terminal.wait() == 0
    assert terminal.is_restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(
    open_terminal: OpenTerminal, number: signal.Signals
) -> None:
    terminal = open_terminal()
    os.kill(terminal.pid, number)
    assert terminal.wait() == 128 + number
    assert terminal.is_restored()


def test_a_fault_gives_the_terminal_back_and_says_one_plain_line(
    engine: FakeEngine, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(program=[sys.executable, "-c", FAULTY])
    terminal.write("T")
    assert terminal.wait() == 1
    assert terminal.is_restored()
    said = terminal.output.rpartition(b"\x1b[?1049l")[2]
    assert b"the console failed (ZeroDivisionError)" in said.replace(b"\r\n", b" ")
    assert b"Traceback" not in said
    log = (engine.home / "logs" / "console-fault.log").read_text()
    assert "a fault for a test" in log


def test_twice_ctrl_c_quits(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    terminal.write("\x03")
    terminal.sees("ctrl+c again quits")
    terminal.write("\x03")
    assert terminal.wait() == 0
    assert terminal.is_restored()


@pytest.mark.parametrize("told", ["", "trap '' HUP; "])
def test_a_lost_terminal_ends_the_console(open_terminal: OpenTerminal, told: str) -> None:
    command = f"{told}exec {sys.executable} -m wingman_tui"
    terminal = open_terminal(program=["/bin/sh", "-c", command])
    terminal.hang_up()
    deadline = time.monotonic() + WAIT_S
    found = 0
    while not found and time.monotonic() < deadline:
        found, _ = os.waitpid(terminal.pid, os.WNOHANG)
        time.sleep(0.05)
    assert found, "it lives on without a terminal"
    terminal.status = 0


def test_a_console_that_cannot_end_without_its_terminal_is_ended(
    open_terminal: OpenTerminal,
) -> None:
    """Its last words wait for a writer that has died: it would read the end of its input for ever."""
    stuck = (
        "from wingman_tui import __main__, app; "
        "app.WingmanApp.exit = lambda *_, **__: None; __main__.main([])"
    )
    terminal = open_terminal(program=[sys.executable, "-c", stuck])
    terminal.hang_up()
    deadline = time.monotonic() + WAIT_S
    found = 0
    while not found and time.monotonic() < deadline:
        found, status = os.waitpid(terminal.pid, os.WNOHANG)
        time.sleep(0.05)
    assert found
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    terminal.status = 0


def test_suspended_and_resumed_it_paints_again(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    shown = terminal.text()
    terminal.write("\x1a")
    deadline = time.monotonic() + WAIT_S
    stopped = 0
    while not stopped and time.monotonic() < deadline:
        terminal.pump(0.05)
        stopped, status = os.waitpid(terminal.pid, os.WNOHANG | os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert terminal.is_restored()
    terminal.output = b""
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.until(lambda: terminal.text() == shown, "the same screen")
    terminal.write("q")
    assert terminal.wait() == 0
    assert terminal.is_restored()


def run_plainly(home: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "WINGMAN_HOME": home, **env}
    return subprocess.run(
        [sys.executable, "-m", "wingman_tui"], env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_without_a_terminal_one_sentence_names_the_commands(engine: FakeEngine) -> None:
    done = run_plainly(str(engine.home), TERM="xterm")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "needs a terminal" in done.stderr
    assert "wingman list" in done.stderr


@pytest.mark.parametrize("name", ["dumb", ""])
def test_a_dumb_terminal_is_refused_in_one_sentence(open_terminal: OpenTerminal, name: str) -> None:
    terminal = open_terminal(settled=False, env={"TERM": name})
    assert terminal.wait() == 2
    assert b"\x1b" not in terminal.output
    assert b"wingman list" in terminal.output


@pytest.mark.parametrize(
    ("text", "problem"),
    [("[console]\ntheme = 'nosuch'", b"there is no theme nosuch"),
     ("[console.keys]\n'executions.cancel' = 'r'", b"executions.run and of executions.cancel"),
     ("[console]\nthem = 'x'", b"did you mean theme")],
)  # fmt: skip
def test_a_wrong_configuration_is_one_sentence(
    engine: FakeEngine, open_terminal: OpenTerminal, text: str, problem: bytes
) -> None:
    (engine.home / "config.toml").write_text(text)
    terminal = open_terminal(settled=False)
    assert terminal.wait() == 2
    assert problem in terminal.output.replace(b"\r\n", b" ")
    assert b"\x1b" not in terminal.output


def test_an_execution_is_opened_from_the_command_line(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal("nightly-backup#128")
    terminal.sees("failed compress")


def test_an_alert_reaches_the_terminal_and_its_title_is_given_back(
    engine: FakeEngine, open_terminal: OpenTerminal
) -> None:
    (engine.home / "config.toml").write_text('[console]\nnotify = ["title", "desktop"]\n')
    terminal = open_terminal()
    engine.told = [{"key": "k", "title": "evil\x1b]2;x\x07 failed", "text": "", "kind": "failed"}]
    engine.changed()
    terminal.until(lambda: b"\x1b]9;Wingman: evil failed\x07" in terminal.output)
    assert b"\x1b[22;2t\x1b]2;wingman: evil failed\x07" in terminal.output
    terminal.press("q")
    assert terminal.wait() == 0
    assert b"\x1b[23;2t" in terminal.output


def test_a_paste_is_shown_though_the_terminal_owes_an_answer(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    terminal.answers = False  # what it would answer comes behind what is pasted
    terminal.press("/")
    terminal.write("\x1b[200~flow:\x1bnightly\x1b[201~")
    terminal.sees("flow:nightly")
