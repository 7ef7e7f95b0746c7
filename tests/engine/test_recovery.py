"""What an engine finds again after any end of itself or of a runner, and what it does about it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.engine.api import Engine, states, step_of, until


def test_what_waits_in_a_runner_is_not_started_twice(engine: Engine, tmp_path: Path) -> None:
    runner = engine.status["runner_pid"]
    steps = "\n".join(
        f"  - {{id: s{n}, needs: [], run: 'echo s{n} >> {tmp_path}/ran; sleep 0.3'}}"
        for n in range(24)
    )
    os.kill(runner, signal.SIGSTOP)
    started = engine.start(f"max_parallel: 24\nsteps:\n{steps}\n")
    until(lambda: set(states(engine.show(started["id"])).values()) == {"running"})
    engine.kill()
    engine.begin()
    assert engine.status["runner_pid"] != runner
    os.kill(runner, signal.SIGCONT)  # takes the starts, and the new engine's greeting, in one go
    found = engine.ended(started["id"])
    assert found["state"] == "completed"
    ran = (tmp_path / "ran").read_text().split()
    assert sorted(ran) == sorted(states(found)), "each step ran once"
    assert {step["attempts"] for step in found["steps"]} == {1}


def test_a_cancel_right_behind_a_start_still_cancels(engine: Engine) -> None:
    """The end that starts `long` and the failure that cancels it are decided in one go."""
    pairs = "\n".join(
        f"  - {{id: a{n}, needs: [], run: 'read -t 0.4 < <(:) || true; sleep 0.3'}}\n"
        f"  - {{id: long{n}, needs: [a{n}], run: 'sleep 50'}}"
        for n in range(6)
    )
    text = f"fail_fast: true\nsteps:\n{pairs}\n  - {{id: bad, needs: [], run: 'sleep 0.3; exit 3'}}"
    for _ in range(5):
        found = engine.run(text)
        assert found["state"] == "failed"
        assert step_of(found, "bad")["error"]["type"] == "exit:3"
        assert set(states(found).values()) <= {"completed", "cancelled", "failed"}
