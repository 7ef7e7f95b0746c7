"""What an engine finds again after any end of itself or of a runner, and what it does about it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from engine.paths import Home
from tests.conftest import processes_of
from tests.engine.api import Engine, states, step_of, until


def test_what_waits_in_a_runner_for_a_worker_is_not_started_twice(
    engine: Engine, tmp_path: Path
) -> None:
    steps = "\n".join(
        f"  - {{id: s{n}, needs: [], python: {{script: \"import time, os; "
        f"open('{tmp_path}/ran', 'a').write('s{n}\\\\n'); time.sleep(0.3)\"}}}}"
        for n in range(12)
    )
    started = engine.start(f"max_parallel: 12\nsteps:\n{steps}\n")
    until((tmp_path / "ran").exists)
    engine.kill()
    engine.begin()
    found = engine.ended(started["id"])
    assert found["state"] == "completed"
    ran = (tmp_path / "ran").read_text().split()
    assert sorted(ran) == sorted(states(found)), "each step ran once"
    assert {step["attempts"] for step in found["steps"]} == {1}


def test_a_cancel_right_behind_the_start_still_cancels(engine: Engine) -> None:
    for _ in range(20):
        started = engine.start("steps: [{id: s, run: 'sleep 50'}]")
        engine.act(started["id"], "cancel")
        found = engine.ended(started["id"])
        assert (found["state"], states(found)["s"]) == ("cancelled", "cancelled")
