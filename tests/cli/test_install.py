"""`wingman engine install`: a unit that ends the engine and nothing else."""

from __future__ import annotations

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
