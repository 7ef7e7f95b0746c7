"""More steps at once than files may be open: they take turns, and nothing fails."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import Wingman


@pytest.mark.parametrize(("soft", "hard"), [(64, 4096), (64, 96)])
def test_more_steps_at_once_than_files_may_be_open(wingman: Wingman, soft: int, hard: int) -> None:
    steps = "\n".join(f"  - {{id: s{n}, needs: [], run: 'sleep 0.2; ulimit -n'}}" for n in range(40))
    wingman.home.create()
    wingman.home.config_file.write_text("max_running_steps = 40\n")
    file = wingman.home.root / "wide.yaml"
    file.write_text(f"max_parallel: 40\nsteps:\n{steps}\n")
    script = f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"'
    done = subprocess.run(
        ["bash", "-c", script, "limited", *wingman.words("run", file)],
        env=wingman.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # the limit that a step has is the one that the engine was started with
    assert done.stdout.split() == [str(soft)] * 40
