"""Short steps behind few places wait in the runner: what people see and do meanwhile."""

from __future__ import annotations

from pathlib import Path

from tests.engine.api import Engine, until

STEPS = 60


def brisk_flow(folder: Path) -> str:
    """Short steps that note their start; the tenth waits for a gate."""
    gate = f"touch {folder}/reached; until test -e {folder}/open; do sleep 0.01; done"
    steps = "".join(
        f"  - {{id: s{n}, needs: [], run: 'echo s{n} >> {folder}/began{'; ' + gate if n == 10 else ''}'}}\n"
        for n in range(STEPS)
    )
    return f"name: brisk\nmax_parallel: 1\nsteps:\n{steps}"


def began(folder: Path) -> list[str]:
    path = folder / "began"
    return path.read_text().splitlines() if path.exists() else []


def test_a_step_in_line_is_not_shown_as_running(engine: Engine, tmp_path: Path) -> None:
    started = engine.start(brisk_flow(tmp_path))
    until((tmp_path / "reached").exists)
    until(lambda: engine.show(started["id"])["steps"][10]["state"] == "running")
    steps = engine.show(started["id"])["steps"]
    assert [step["state"] for step in steps[:10]] == ["completed"] * 10
    assert {step["state"] for step in steps[11:]} == {"pending"}
    assert all(step["started_at"] is None and not step["attempts"] for step in steps[11:])
    (tmp_path / "open").touch()
    found = engine.ended(started["id"])
    assert found["state"] == "completed"
    assert began(tmp_path) == [f"s{n}" for n in range(STEPS)], "in order, each once"
    for before, after in zip(found["steps"], found["steps"][1:], strict=False):
        assert before["started_at"] <= before["ended_at"] <= after["started_at"]


def test_a_pause_keeps_the_line_from_beginning(engine: Engine, tmp_path: Path) -> None:
    started = engine.start(brisk_flow(tmp_path))
    until((tmp_path / "reached").exists)
    engine.act(started["id"], "pause")
    events = f"/v1/events?execution={started['id']}&limit=1000"
    until(lambda: any(e["type"] == "attempt.recalled" for e in engine.get(events)["events"]))
    (tmp_path / "open").touch()
    until(lambda: engine.show(started["id"])["steps"][10]["state"] == "completed")
    assert len(began(tmp_path)) == 11
    assert engine.show(started["id"])["state"] == "paused"
    engine.act(started["id"], "continue")
    found = engine.ended(started["id"])
    assert found["state"] == "completed"
    assert began(tmp_path) == [f"s{n}" for n in range(STEPS)]
    assert {step["attempts"] for step in found["steps"]} == {1}


def test_a_pause_reaches_the_line_also_over_the_engines_death(
    engine: Engine, tmp_path: Path
) -> None:
    started = engine.start(brisk_flow(tmp_path))
    until((tmp_path / "reached").exists)
    engine.act(started["id"], "pause")
    engine.kill()
    engine.begin()
    events = f"/v1/events?execution={started['id']}&limit=1000"
    until(lambda: any(e["type"] == "attempt.recalled" for e in engine.get(events)["events"]))
    (tmp_path / "open").touch()
    until(lambda: engine.show(started["id"])["steps"][10]["state"] == "completed")
    assert len(began(tmp_path)) == 11
    engine.act(started["id"], "continue")
    assert engine.ended(started["id"])["state"] == "completed"
    assert sorted(began(tmp_path)) == sorted(f"s{n}" for n in range(STEPS))


def test_a_cancel_ends_the_line(engine: Engine, tmp_path: Path) -> None:
    started = engine.start(brisk_flow(tmp_path))
    until((tmp_path / "reached").exists)
    engine.act(started["id"], "cancel")
    found = engine.ended(started["id"])
    assert found["state"] == "cancelled"
    assert {step["state"] for step in found["steps"][10:]} == {"cancelled"}
    assert all(step["started_at"] is None for step in found["steps"][11:])
    assert len(began(tmp_path)) == 11
