"""What a flow requires is looked for before the first step, on the core: asked, answered, died."""

from __future__ import annotations

from engine.core import decide
from engine.core.entering import checked
from engine.core.turn import CheckRequirements, Turn
from tests.core.flows import flow, step
from tests.core.world import AROUND, World

WANTED = {"programs": ["zstd"], "files": [], "hosts": ["${{ inputs.host }}:443"], "flows": []}


def world(**more: object) -> World:
    last = {"finally": [step("clean")]}
    return World(flow(step("a"), requires=WANTED, **last, **more), {"host": "store"})


def asked(made: World) -> list[CheckRequirements]:
    """What the engine is asked when a timer, or a restart, looks at it."""
    turn = Turn(made.ex, made.now_us, AROUND)
    decide.due(turn)
    return [command for command in turn.commands if isinstance(command, CheckRequirements)]


def test_no_step_runs_before_the_answer() -> None:
    made = world()
    assert (made.ex.state, made.specs) == ("running", [])
    assert made.ex.waiting_for is not None
    (command,) = asked(made)
    assert command.wanted["hosts"] == ["store:443"]
    assert command.path == "/bin"
    made.do(checked, [])
    made.do(checked, [])  # a second answer changes nothing
    made.end("a")
    made.end("clean")
    assert made.ex.state == "completed"


def test_all_misses_come_at_once_and_a_retry_looks_again() -> None:
    made = world()
    made.do(checked, ["program zstd is not there", "host store:443: refused"])
    assert made.ex.state == "failed"
    assert made.ex.error == {
        "step": None,
        "type": "start_failed",
        "message": "2 things are missing: program zstd is not there; host store:443: refused",
    }
    assert made.states() == {"a": "skipped", "clean": "skipped"}
    made.do(decide.retry_execution)
    assert made.specs == []
    made.do(checked, [])
    assert made.states()["a"] == "running"


def test_a_restarted_engine_asks_again() -> None:
    made = world()
    made.ex = made.replayed()
    assert made.ex.requirements_open
    assert len(asked(made)) == 1
    made.do(checked, [])
    made.ex = made.replayed()
    assert asked(made) == []
    assert made.states()["a"] == "running"


def test_a_cancel_meanwhile_is_final() -> None:
    made = world()
    made.do(decide.cancel, "cancel")
    made.do(checked, ["late"])
    made.end("clean")
    assert made.ex.state == "cancelled"
    assert made.states() == {"a": "cancelled", "clean": "completed"}


def test_paused_meanwhile_it_starts_later() -> None:
    made = world()
    made.do(decide.pause)
    made.do(checked, [])
    assert made.specs == []
    made.do(decide.continue_)
    assert made.states()["a"] == "running"
