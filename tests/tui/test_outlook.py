"""How the console shows when something should end, and that it hangs."""

from __future__ import annotations

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, step
from wingman_tui import looks, outlook
from wingman_tui.format import parse_time

END = "2026-11-22T03:10:00.000000Z"
STUCK = {"kind": "silent", "step": "pack", "since": END, "reason": "no output for 9m\x1b[31m"}


def test_what_is_left_is_one_coarse_word() -> None:
    now = parse_time(END) or 0
    row = {"expected": {"end_at": END}}
    assert outlook.left(row, now - 200) == "~3m"
    assert outlook.left(row, now + 1) == ""
    assert outlook.left({**row, "ended_at": END}, now - 200) == ""
    assert outlook.left({"expected": {"end_at": None}}, now) == ""
    assert outlook.left({}, now) == ""


def test_what_hangs_has_a_glyph_and_a_word_and_says_which_step() -> None:
    row = execution("backup", 1, "running", stuck=STUCK)
    assert looks.execution_look(row).word == "stuck"
    assert looks.step_look(step("pack", "waiting", stuck=STUCK)).word == "stuck"
    assert outlook.stuck_words(row) == "pack: no output for 9m"
    assert outlook.stuck_words(step("pack", "running", stuck=STUCK)) == "no output for 9m"
    assert outlook.stuck_words(execution("backup", 1, "running", stuck=None)) == ""


async def test_list_and_tree_tell_it(engine: FakeEngine, open_console: OpenConsole) -> None:
    expected = {"usual_ms": 60_000, "executions": 3, "end_at": "2999-01-01T00:00:00.000000Z"}
    row = execution("hanging", 5, "running", stuck=STUCK, expected=expected,
                    started_at="2026-11-22T03:00:00.000000Z")  # fmt: skip
    engine.executions.insert(0, row)
    engine.steps[row["id"]] = [step("dump", "completed"), step("pack", "running", stuck=STUCK)]
    async with open_console(size=(140, 24)) as console:
        await console.sees("◈ stuck")
        await console.sees("LEFT")
        await console.press("enter")
        await console.sees("no output for 9m")
        await console.sees("is usual")
