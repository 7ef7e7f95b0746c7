"""Alerts on the terminal itself, as its bytes: plain, and through tmux and screen to the one outside."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pty.conftest import OpenTerminal
from tests.tui.fake_engine import FakeEngine

TITLE = b"\x1b]2;wingman: nightly#5 failed\x07"
DESKTOP = b"\x1b]9;Wingman: nightly#5 failed\x07"
CONSOLE = f"{shlex.quote(sys.executable)} -m wingman_tui"


@pytest.fixture(autouse=True)
def wishes(engine: FakeEngine) -> None:
    config = engine.home / "config.toml"
    config.write_text('[console]\nnotify = ["bell", "title", "desktop"]\n')


def tell(engine: FakeEngine) -> None:
    engine.told = [{"key": "a", "title": "nightly#5 failed", "text": "", "kind": "failed"}]
    engine.changed()


@pytest.mark.parametrize("end", ["q", signal.SIGTERM])
def test_a_terminal_rings_is_named_and_notifies_and_has_its_own_name_back(
    engine: FakeEngine, open_terminal: OpenTerminal, end: str | signal.Signals
) -> None:
    terminal = open_terminal()
    before = len(terminal.output)
    tell(engine)
    terminal.until(lambda: DESKTOP in terminal.output, "the notification")
    assert b"\a\x1b[22;2t" + TITLE + DESKTOP in terminal.output[before:]
    if isinstance(end, str):
        terminal.write(end)
    else:
        os.kill(terminal.pid, end)
    terminal.wait()
    assert terminal.output.rindex(b"\x1b[23;2t") > terminal.output.index(TITLE)
    assert terminal.is_restored()


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[str]:
    """A tmux server of the test's own."""
    path = str(tmp_path / "tmux")
    yield path
    subprocess.run(["tmux", "-S", path, "kill-server"], check=False, capture_output=True)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux here")
def test_tmux_passes_it_on_where_it_may(
    engine: FakeEngine, open_terminal: OpenTerminal, tmp_path: Path, socket: str
) -> None:
    options = tmp_path / "tmux.conf"
    options.write_text("set -g allow-passthrough on\nset -g set-titles on\nset -g set-titles-string '#T'\n")
    inside = [*shlex.split(f"tmux -S {socket} -f {options} new-session"), CONSOLE]
    terminal = open_terminal(program=inside, settled=False)
    terminal.sees("live")
    before = len(terminal.output)
    tell(engine)
    terminal.until(lambda: DESKTOP in terminal.output, "the notification")
    terminal.until(lambda: b"wingman: nightly#5 failed\x07" in terminal.output[before:].replace(DESKTOP, b""), "the title")
    assert b"Ptmux" not in terminal.output
    assert b"\a" in terminal.output[before:].replace(DESKTOP, b"").replace(TITLE, b"")


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment in which screen keeps its sessions in a folder of the test's own."""
    folder = tmp_path / "screens"
    folder.mkdir(0o700)
    yield {"SCREENDIR": str(folder)}
    for session in folder.iterdir():
        env = {**os.environ, "SCREENDIR": str(folder)}
        subprocess.run(
            ["screen", "-S", session.name, "-X", "quit"], check=False, capture_output=True, env=env
        )


@pytest.mark.skipif(shutil.which("screen") is None, reason="there is no screen here")
def test_screen_passes_it_on(
    engine: FakeEngine, open_terminal: OpenTerminal, tmp_path: Path, sessions: dict[str, str]
) -> None:
    options = tmp_path / "screenrc"
    options.write_text("startup_message off\nvbell off\n")
    inside = ["screen", "-U", "-c", str(options), "sh", "-c", CONSOLE]
    terminal = open_terminal(program=inside, settled=False, env=sessions)
    terminal.sees("live")
    tell(engine)
    terminal.until(lambda: DESKTOP in terminal.output, "the notification")
