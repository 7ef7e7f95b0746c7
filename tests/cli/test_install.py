"""`wingman engine install`: a unit that ends the engine and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Wingman


def test_the_unit_names_this_home_and_spares_the_steps(wingman: Wingman, tmp_path: Path) -> None:
    done = wingman("engine", "install", env={"XDG_CONFIG_HOME": str(tmp_path / "a % b")})
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path == tmp_path / "a % b" / "systemd" / "user" / "wingman.service"
    text = path.read_text()
    assert f'Environment="WINGMAN_HOME={wingman.home.root}"' in text
    assert "KillMode=process" in text
    assert "-m engine.life --stay" in text
    assert "systemctl --user" in done.stderr
    assert not wingman.home.socket.exists()
