"""Through a real sshd, where this machine has one: passphrases, Ctrl-C, a login that is lost."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.paths import Home, home_at
from tests.conftest import ROOT, Wingman
from tests.engine.api import Engine, until
from tests.pty.terminal import Terminal

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
PASSPHRASE = "secret words"
SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
AcceptEnv none
SetEnv WINGMAN_HOME={home} PATH={folder}/there:/usr/bin:/bin PYTHONPATH={root}
"""
CLIENT = """
Host far
  HostName 127.0.0.1
  Port {port}
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  StrictHostKeyChecking accept-new
  ControlPath {folder}/shared
"""
FLOW = "name: slow\nsteps: [{id: s, run: 'for i in $(seq 40); do echo line $i; sleep 0.25; done'}]"

pytestmark = pytest.mark.skipif(
    not os.access(SSHD, os.X_OK) or shutil.which("ssh") is None, reason="there is no sshd here"
)


class Far:
    """Somebody's machine, and a login at another one: `begin` and `end` it."""

    def __init__(self, folder: Path, home: Home) -> None:
        self.folder, self.home = folder, home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        for name, secret in (("host", ""), ("key", "")):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", secret, "-f", folder / name], check=True
            )
        shutil.copy(folder / "key.pub", folder / "authorized")
        places = {"port": self.port, "folder": folder, "home": home.root, "root": ROOT}
        (folder / "sshd_config").write_text(SERVER.format(**places))
        (folder / "ssh_config").write_text(CLIENT.format(**places))
        self._program("there/wingman", f'exec {sys.executable} -P -m engine.cli.main "$@"')
        ssh = shutil.which("ssh")
        self._program("bin/ssh", f'exec {ssh} -F {folder}/ssh_config "$@"')
        self.here = Wingman(home_at(folder / "here"))
        self.here.environment["PATH"] = f"{folder}/bin:{os.environ['PATH']}"
        self._sshd: subprocess.Popen[bytes] | None = None

    def _program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def begin(self) -> None:
        """Let people log in. Skips the test where sshd does not start."""
        words = [SSHD, "-D", "-e", "-f", self.folder / "sshd_config"]
        self._sshd = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
        until(lambda: self._listens() or self._sshd.poll() is not None)  # type: ignore[union-attr]
        if not self._listens():
            pytest.skip("sshd does not start here")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self) -> None:
        """Nobody is let in any more, and who is there is thrown out."""
        if self._sshd is not None:
            for child in _children(self._sshd.pid):
                os.kill(child, signal.SIGKILL)
            self._sshd.kill()
            self._sshd.wait()

    def terminal(self, *words: str, env: dict[str, str] | None = None) -> Terminal:
        """A command at a terminal of ours."""
        path = {"PATH": self.here.environment["PATH"]}
        return Terminal(
            self.here.home.root, env={**path, **(env or {})}, program=self.here.words(*words)
        )


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [*map(int, listed), *(child for each in listed for child in _children(int(each)))]


@pytest.fixture
def far(home: Home) -> Iterator[Far]:
    """An sshd that leads to the home of the test; our own ssh knows it as `far`."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="wm-") as folder:
        made = Far(Path(folder), home)
        made.begin()
        try:
            yield made
        finally:
            made.end()


def test_nothing_of_ssh_is_seen_and_nothing_of_what_is_piped_is_taken(far: Far) -> None:
    done = far.here("list", "--server", "ssh://far")
    assert done.returncode == 0
    assert "Warning: Permanently added" not in done.stderr
    assert "the engine" not in done.stderr
    flow = far.folder / "told.yaml"
    flow.write_text("name: told\ninputs: {word: {type: string}}\n"
                    "steps: [{id: s, run: 'echo ${#word} letters'}]\n")  # fmt: skip
    done = far.here("run", flow, "-i", "word", "--server", "ssh://far", input="hello\n")
    assert (done.returncode, done.stdout) == (0, "5 letters\n"), done.stderr


def test_a_login_that_is_shared_already_is_used_and_stays(far: Far) -> None:
    ssh, shared = str(far.folder / "bin" / "ssh"), far.folder / "shared"
    with subprocess.Popen([ssh, "-M", "-N", "far"], stdin=subprocess.DEVNULL) as master:
        until(shared.exists)
        (far.folder / "authorized").unlink()  # nobody gets a login of his own
        done = far.here("list", "--server", "ssh://far")
        assert done.returncode == 0, done.stderr
        assert subprocess.run([ssh, "-O", "check", "far"], capture_output=True).returncode == 0
        master.terminate()


def test_ctrl_c_is_for_the_command_and_not_for_its_line(far: Far) -> None:
    flow = far.folder / "slow.yaml"
    flow.write_text(FLOW)
    terminal = far.terminal("run", str(flow), "--server", "ssh://far")
    terminal.sees("line 1")
    terminal.press("ctrl+c")
    terminal.sees("detach")
    terminal.write("f\r")
    at = len(terminal.output)
    terminal.until(lambda: terminal.output.count(b"line ", at) >= 3)
    terminal.press("ctrl+c")
    terminal.sees("detach")
    terminal.write("c\r")
    assert terminal.wait() == 3
    assert b"connect" not in terminal.output[at:], "the line was lost"
    engine = Engine(far.home)
    assert engine.show("slow@last")["state"] == "cancelled"


def test_a_passphrase_is_asked_for_before_the_screen_is_drawn(far: Far) -> None:
    key = str(far.folder / "key")
    change = ["ssh-keygen", "-q", "-p", "-N", PASSPHRASE, "-f", key]
    subprocess.run(change, check=True, stdout=subprocess.DEVNULL)
    terminal = far.terminal("attach", "ssh://far", env={"SSH_AUTH_SOCK": ""})
    terminal.sees("Enter passphrase")
    assert b"\x1b[?1049h" not in terminal.output
    terminal.write(PASSPHRASE + "\r")
    terminal.sees("live")
    assert "Automation › Executions" in terminal.text()
    far.end()
    far.begin()
    terminal.sees("cannot log in again without you")
    assert "Enter passphrase" not in terminal.text()
    terminal.close()


def test_a_login_that_is_refused_ends_the_console_with_the_reason(far: Far) -> None:
    (far.folder / "authorized").write_text("")
    terminal = far.terminal("attach", "ssh://far")
    terminal.sees("Permission denied")
    assert terminal.wait() == 6
    assert b"\x1b[?1049h" not in terminal.output
