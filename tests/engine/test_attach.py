"""Commands and console on a server far away: over TLS, and through the operator's own ssh."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.paths import Home, home_at
from tests.conftest import ROOT, Wingman, kill_leftovers
from tests.engine.api import Engine, until
from tests.engine.served import Served
from tests.pty.terminal import Terminal

FLOW = "name: plain\nsteps: [{id: s, run: 'echo there'}]"
# what ssh does for us: log in, run a command there, forward a socket; it notes how it was called
SSH = """\
#!{python}
import os, socket, subprocess, sys, threading
words = sys.argv[1:]
with open({calls!r}, "a") as file:
    print(*words, file=file)
there = dict(os.environ, WINGMAN_HOME={home!r})
control = words[words.index("-S") + 1] if "-S" in words else ""
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for each in (a, b):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
def forward(ours, theirs):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(ours)
    listener.listen()
    def accept():
        while True:
            near, _ = listener.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(theirs)
            threading.Thread(target=pump, args=(near, far), daemon=True).start()
            threading.Thread(target=pump, args=(far, near), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
if "-M" in words:
    print("a banner of theirs", file=sys.stderr)
    asked = socket.socket(socket.AF_UNIX)
    asked.bind(control)
    asked.listen()
    while True:
        one, _ = asked.accept()
        ours, _, theirs = one.recv(4096).decode().partition(":")
        forward(ours, theirs)
        one.sendall(b"ok")
if "-O" in words:
    if words[words.index("-O") + 1] != "forward":
        sys.exit("No ControlPath specified")
    one = socket.socket(socket.AF_UNIX)
    one.connect(control)
    one.sendall(words[words.index("-L") + 1].encode())
    sys.exit(one.recv(2) != b"ok")
assert os.path.exists(control) and not sys.stdin.read()
command = words[words.index("--") + 2].split()
if command[0] != "wingman":
    sys.exit("what is " + command[0])
there.pop("WINGMAN_SERVER", None)
sys.exit(subprocess.run([sys.executable, "-P", "-m", "engine.cli.main", *command[1:]], env=there).returncode)
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Wingman]:
    """Somebody at another machine: a home without an engine."""
    home = home_at(tmp_path / "here")
    yield Wingman(home)
    assert not home.socket.exists(), "no engine was started where nobody asked for one"
    kill_leftovers(home)


def add(
    here: Wingman, served: Served, role: str, *options: str
) -> subprocess.CompletedProcess[str]:
    url = f"https://127.0.0.1:{served.port}"
    return here("server", "add", role, url, *options, input=served.tokens[role] + "\n")


def test_a_server_is_added_once_its_certificate_was_compared(here: Wingman, served: Served) -> None:
    done = add(here, served, "admin")
    assert done.returncode == 5
    assert served.fingerprint in done.stderr
    assert here("server", "list", "--json").stdout == ""
    done = add(here, served, "admin", "--fingerprint", "00" * 32)
    assert done.returncode == 5
    assert "another certificate" in done.stderr
    done = add(here, served, "admin", "--fingerprint", served.fingerprint, "--production")
    assert done.returncode == 0, done.stderr
    assert "you are admin (admin) there" in done.stderr
    (row,) = map(json.loads, here("server", "list", "--json").stdout.splitlines())
    assert row["production"] is row["pinned"] is True
    kept = here.home.root / "servers.toml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert served.tokens["admin"] not in here("server", "list").stdout
    assert here("server", "rm", "admin").returncode == 0
    assert here("server", "rm", "admin").returncode == 2


def test_every_command_goes_where_it_is_told(here: Wingman, served: Served, tmp_path: Path) -> None:
    for role in ("operator", "editor"):
        add(here, served, role, "--fingerprint", served.fingerprint)
    file = tmp_path / "plain.yaml"
    file.write_text(FLOW)
    done = here("run", file, "--server", "editor")
    assert (done.returncode, done.stdout) == (0, "there\n"), done.stderr
    done = here("run", file, "--server", "operator")
    assert done.returncode == 5, "a text of one's own is for editors"
    far = {"WINGMAN_SERVER": "operator"}
    listed = here("list", "--json", env=far).stdout.splitlines()
    assert json.loads(listed[0])["flow"] == "plain"
    assert here("logs", "plain@last", env=far).stdout == "there\n"
    assert here("rerun", "plain@last", env=far).returncode == 0
    assert json.loads(here("engine", "status", "--json", env=far).stdout)["home"] == (
        served.home.text("root")
    )
    assert here("doctor", "--json", env=far).stdout.count('"name"') > 3
    assert here("secret", "list", env=far).returncode == 5
    assert here("list", env={**far, "WINGMAN_TOKEN": "wm_wrong"}).returncode == 5
    assert here("list", "--server", "nobody").returncode == 2


def test_a_command_that_follows_goes_on_when_the_server_comes_back(
    here: Wingman, served: Served, tmp_path: Path
) -> None:
    add(here, served, "editor", "--fingerprint", served.fingerprint)
    file = tmp_path / "slow.yaml"
    file.write_text(
        "name: slow\nsteps: [{id: s, run: 'for i in $(seq 8); do echo $i; sleep 0.5; done'}]"
    )
    following = here.start("run", file, "--server", "editor")
    client = served.client()
    until(lambda: client.request("GET", "/v1/executions?flow=slow&state=running")["executions"])
    served.begin()
    out, err = following.communicate(timeout=60)
    assert following.returncode == 0, err
    assert out.decode().split() == [str(n) for n in range(1, 9)], "each line once"


def test_the_console_says_where_it_is_and_offers_what_the_role_may(
    here: Wingman, served: Served
) -> None:
    add(here, served, "viewer", "--fingerprint", served.fingerprint, "--production")
    served.client().request("POST", "/v1/executions", {"text": FLOW})
    words = here.words("attach", "viewer")
    terminal = Terminal(here.home.root, program=words, env={"PYTHONPATH": str(ROOT)})
    try:
        terminal.sees("viewer viewer:viewer")
        terminal.sees("PRODUCTION")
        terminal.sees("live")
        terminal.sees("plain#")
        assert "retry" not in terminal.text()
        terminal.press("x")
        terminal.sees("cancel is for the role operator")
        terminal.press("q")
    finally:
        terminal.close()


# -- through ssh --


@pytest.fixture
def ssh(tmp_path: Path, here: Wingman, home: Home) -> Iterator[Path]:
    """An ssh on PATH that leads to the engine of the fixture `home`; where it notes its calls."""
    calls = tmp_path / "calls"
    calls.touch()
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(python=sys.executable, calls=str(calls), home=home.text("root")))
    program.chmod(0o755)
    here.environment["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="wm-") as folder:
        here.environment["TMPDIR"] = folder
        yield calls
        assert not list(Path(folder).iterdir()), "something is left of it"


def test_a_command_through_ssh(here: Wingman, ssh: Path, home: Home) -> None:
    done = here("list", "--server", "ssh://me@far:2222")
    assert done.returncode == 0, done.stderr
    assert "banner" not in done.stderr
    assert "the engine" not in done.stderr
    shared, login, find, forward = ssh.read_text().splitlines()
    assert shared == "-o BatchMode=yes -O check -p 2222 -- me@far"
    assert login.startswith("-M -N ")
    assert login.endswith(" -p 2222 -- me@far")
    assert "BatchMode" not in login, "it may ask at the terminal"
    assert find.endswith(" -T -p 2222 -- me@far wingman engine start --json")
    assert forward.endswith(f":{home.text('socket')} -p 2222 -- me@far")
    engine = Engine(home)
    engine.run(FLOW)
    assert here("server", "add", "far", "ssh://far").returncode == 0
    done = here("logs", "plain@last", "--server", "far")
    assert (done.returncode, done.stdout) == (0, "there\n"), done.stderr
    assert here("rerun", "plain@last", "--server", "far").returncode == 0
    assert engine.show("plain@last")["number"] == 2


def test_ssh_that_does_not_lead_anywhere(here: Wingman, ssh: Path) -> None:
    program = ssh.parent / "bin" / "ssh"
    program.write_text("#!/bin/sh\necho 'Permission denied' >&2; exit 255\n")
    done = here("list", "--server", "ssh://far")
    assert done.returncode == 6
    assert "no login at ssh://far: Permission denied" in done.stderr
    assert "does this work: ssh -- far" in done.stderr
    done = here("list", "--server", "ssh://-oProxyCommand=touch x")
    assert done.returncode == 2
