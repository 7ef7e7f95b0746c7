"""A systemd user unit for this home's engine: written, asked to start it again, and taken away.

`wingman engine install`, `wingman serve --install` and `wingman engine uninstall`; and whatever
starts an engine anew asks here whether systemd is the one to do it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from engine.cli.terminal import clean, tell
from engine.client.launch import START_TIMEOUT_S, python_environment, status
from engine.errors import Unavailable, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.paths import Home

NAME = "wingman.service"
SYSTEMCTL = ("systemctl", "--user")
PATIENCE_S = 120.0
ENGINE = ("engine.life", "--stay")
UNIT = """\
# written by `wingman engine install`
[Unit]
Description=Wingman engine of {home}

[Service]
Type=exec
{environment}
ExecStartPre=-{python} -P -m engine.cli.main engine stop
ExecStart={python} -P -X utf8 -m {command}
# the engine alone is ended: runners and their steps go on, and the next engine takes them back
KillMode=process
# a step that the kernel kills for its memory is one step's failure, and how many run is Wingman's
OOMPolicy=continue
TasksMax=infinity
Restart=on-failure
RestartSec=1
# a mistake in the configuration does not go away by trying again
RestartPreventExitStatus=2
UMask=0077

[Install]
WantedBy=default.target
"""


def install(home: Home, command: tuple[str, ...] = ENGINE) -> str:
    """Write the unit; its path. What is left to do is told."""
    path = _path()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    given = python_environment(home)
    names = ("WINGMAN_HOME", "PYTHONPATH", "PATH")
    lines = [f"Environment={_quoted(f'{name}={given[name]}')}" for name in names if name in given]
    text = UNIT.format(
        home=_percent(home.text("root")),
        environment="\n".join(lines),
        python=_word(sys.executable),
        command=" ".join(map(_word, command)),
    )
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    tell("the unit is written; start it now and at each boot with:")
    tell("  systemctl --user daemon-reload && systemctl --user enable --now wingman")
    tell("  loginctl enable-linger    # so that it also runs while you are logged out")
    return path


def uninstall() -> str:
    """End the unit's engine, and take the unit away; its path. Steps that run go on.

    Raises UsageError where there is none.
    """
    path = _path()
    if not os.path.exists(path):
        raise UsageError(f"there is no unit {path}", "wingman engine install writes one")
    problem = _systemctl("disable", "--now", NAME)
    os.unlink(path)
    link = os.path.join(os.path.dirname(path), "default.target.wants", NAME)
    if os.path.islink(link):
        os.unlink(link)
    problem = _systemctl("daemon-reload") or problem
    if problem:
        tell(f"systemd was not told: {clean(problem)}")
    tell("the unit is gone; steps that run go on to their end")
    return path


def is_run_by_systemd(pid: int) -> bool:
    """Whether an engine is the unit's main process: only systemd may start the next one then."""
    if not os.path.exists(_path()):
        return False
    try:
        shown = _run("show", "--property=MainPID", "--value", NAME)
    except OSError:
        return False
    return shown.returncode == 0 and shown.stdout.strip() == str(pid)


def restart_by_systemd(home: Home) -> dict[str, Any]:
    """Have systemd end the unit's engine, if it runs, and start another; its status.

    Raises Unavailable. None is started beside it: that would be the one that gets the home.
    """
    problem = _systemctl("restart", NAME)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not problem:
        try:
            return status(home)
        except Unavailable as error:
            if time.monotonic() > deadline:
                problem = str(error)
        time.sleep(0.05)
    raise Unavailable(
        f"systemd could not start the engine: {problem}", f"journalctl --user -u {NAME}"
    )


def _path() -> str:
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(config, "systemd", "user", NAME)


def _systemctl(*words: str) -> str:
    """What went wrong, in systemd's words; nothing if all is well."""
    try:
        done = _run(*words)
    except OSError as error:
        return f"systemctl: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"systemctl did not end within {PATIENCE_S:.0f} s"
    said = done.stderr.strip().splitlines()
    return (said[-1] if said else f"it ended with {done.returncode}") if done.returncode else ""


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SYSTEMCTL, *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def _word(text: str) -> str:
    """A word of a command: its variables are not systemd's."""
    if re.fullmatch(r"[A-Za-z0-9./:_-]+", text):
        return text
    return _quoted(text).replace("$", "$$")


def _quoted(text: str) -> str:
    """A word of a unit file."""
    escaped = _percent(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _percent(text: str) -> str:
    return text.replace("%", "%%").replace("\n", " ")
