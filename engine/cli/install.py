"""`wingman engine install`: a systemd user unit for this home's engine."""

from __future__ import annotations

import os
import sys

from engine.cli.terminal import tell
from engine.client.launch import python_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.paths import Home

UNIT = """\
# written by `wingman engine install`
[Unit]
Description=Wingman engine of {home}

[Service]
Type=exec
{environment}
ExecStartPre=-{python} -P -m engine.cli.main engine stop
ExecStart={python} -P -m engine.life --stay
# the engine alone is ended: runners and their steps go on, and the next engine takes them back
KillMode=process
# a step that the kernel kills for its memory is one step's failure, and how many run is Wingman's
OOMPolicy=continue
TasksMax=infinity
Restart=on-failure
RestartSec=1
UMask=0077

[Install]
WantedBy=default.target
"""


def install(home: Home) -> str:
    """Write the unit; its path. What is left to do is told."""
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    folder = os.path.join(config, "systemd", "user")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "wingman.service")
    given = python_environment(home)
    names = ("WINGMAN_HOME", "PYTHONPATH", "PATH")
    lines = [f"Environment={_quoted(f'{name}={given[name]}')}" for name in names if name in given]
    text = UNIT.format(
        home=_percent(home.text("root")),
        environment="\n".join(lines),
        python=_quoted(sys.executable),
    )
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    tell("the unit is written; start it now and at each boot with:")
    tell("  systemctl --user daemon-reload && systemctl --user enable --now wingman")
    tell("  loginctl enable-linger    # so that it also runs while you are logged out")
    return path


def _quoted(text: str) -> str:
    """A word of a unit file."""
    escaped = _percent(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _percent(text: str) -> str:
    return text.replace("%", "%%").replace("\n", " ")
