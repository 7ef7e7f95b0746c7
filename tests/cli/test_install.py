"""`wingman engine install`: a unit that ends the engine and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Wingman


def test_the_unit_names_this_home_and_spares_the_steps(wingman: Wingman, tmp_path: Path) -> None:
    done = wingman("engine", "install", env={"XDG_CONFIG_HOME": str(tmp_path / "a % b")})
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path == tmp_path / "a % b" / "systemd" / "user" / "wingman.service"
    text = path.read_text()
    assert f'Environment="WINGMAN_HOME={wingman.home.root}"' in text
    assert "KillMode=process" in text
    assert "OOMPolicy=continue" in text, "a step out of memory is not the engine's end"
    assert "-m engine.life --stay" in text
    assert "systemctl --user" in done.stderr
    assert not wingman.home.socket.exists()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_unit_as_it_is(wingman: Wingman, tmp_path: Path) -> None:
    config, runtime = tmp_path / "config", tmp_path / "run"
    runtime.mkdir(mode=0o700)
    done = wingman("engine", "install", env={"XDG_CONFIG_HOME": str(config)})
    unit = done.stdout.strip()

    def verdict() -> str:
        """What is wrong with the unit: systemd ends with 0 for a key that it only ignores."""
        return subprocess.run(
            ["systemd-analyze", "verify", "--user", "--man=no", unit],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)},
            stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        ).stderr  # fmt: skip

    assert "wingman.service" not in verdict()
    Path(unit).write_text(Path(unit).read_text().replace("KillMode=process", "KillMode=proces"))
    assert "wingman.service" in verdict(), "it does look"


SYSTEMCTL = """\
#!/bin/bash
echo "$*" >> {calls}
case "$2" in show) cat {pid};; restart) exit {code};; esac
"""


def with_systemctl(wingman: Wingman, folder: Path, code: int = 0) -> Path:
    """A systemctl that notes how it was called, and says which process the unit's is."""
    calls, program = folder / "calls", folder / "bin" / "systemctl"
    program.parent.mkdir(exist_ok=True)
    (folder / "pid").touch()
    program.write_text(SYSTEMCTL.format(calls=calls, pid=folder / "pid", code=code))
    program.chmod(0o755)
    wingman.environment["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    wingman.environment["XDG_CONFIG_HOME"] = str(folder / "config")
    return calls


def test_an_engine_of_the_unit_is_started_anew_by_systemd(
    wingman: Wingman, tmp_path: Path
) -> None:
    """Else it would leave its unit, which would be down, and not come back after a crash."""
    calls = with_systemctl(wingman, tmp_path)
    wingman("engine", "start", check=True)
    pid = json.loads(wingman("engine", "status", "--json", check=True).stdout)["pid"]
    assert wingman("engine", "restart").returncode == 0
    assert not calls.exists(), "without a unit nobody asks systemd"
    wingman("engine", "install", check=True)
    (tmp_path / "pid").write_text("1\n")
    assert wingman("engine", "restart").returncode == 0
    assert "restart" not in calls.read_text(), "an engine of another kind"
    pid = json.loads(wingman("engine", "status", "--json", check=True).stdout)["pid"]
    (tmp_path / "pid").write_text(f"{pid}\n")
    done = wingman("engine", "restart")
    assert done.returncode == 0, done.stderr
    assert calls.read_text().splitlines()[-1] == "--user restart wingman.service"
    with_systemctl(wingman, tmp_path, code=1)
    done = wingman("engine", "restart")
    assert done.returncode == 6
    assert "journalctl --user -u wingman.service" in done.stderr


def test_the_unit_goes_as_it_came(wingman: Wingman, tmp_path: Path) -> None:
    calls = with_systemctl(wingman, tmp_path)
    assert wingman("engine", "uninstall").returncode == 2
    path = Path(wingman("engine", "install", check=True).stdout.strip())
    link = path.parent / "default.target.wants" / path.name
    link.parent.mkdir()
    link.symlink_to(path)
    assert wingman("engine", "uninstall").returncode == 0
    assert not path.exists()
    assert not link.is_symlink()
    assert calls.read_text().splitlines() == [
        "--user disable --now wingman.service", "--user daemon-reload",
    ]  # fmt: skip


def test_a_unit_for_a_port(wingman: Wingman, tmp_path: Path) -> None:
    with_systemctl(wingman, tmp_path)
    done = wingman("serve", "--host", "0.0.0.0", "--port", "9443", "--name", "a $b", "--install")
    text = Path(done.stdout.strip()).read_text()
    words = '-m engine.cli.main serve --host 0.0.0.0 --port 9443 --name "a $$b"'
    assert any(line.startswith("ExecStart=") and line.endswith(words) for line in text.splitlines())
    assert not wingman.home.socket.exists()
    assert wingman("serve", "--port", "99999", "--install").returncode == 2
