"""A monkey presses keys on hostile, changing data: nothing breaks, nothing is lost of sight."""

from __future__ import annotations

import os
import random

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, line, stamp, step
from wingman_tui.keymap import ACTIONS

PRESSES = int(os.environ.get("WINGMAN_MONKEY", "400"))
NOT_PRESSED = {"ctrl+q", "ctrl+c", "ctrl+z", "q"}
NAMES = ("a", "漢字" * 20, "[b]x[/b]", "\x1b[2Jq", "x" * 300, "‮rtl", "é" + "\u0301" * 30, "g/h/i")
STATES = ("queued", "running", "paused", "completed", "partial", "failed", "cancelled", "newer")


def disturb(engine: FakeEngine, chance: random.Random, number: int) -> None:
    """Something happens in the engine."""
    kind = chance.randrange(5)
    some = chance.choice(engine.executions)
    if kind == 0:
        row = execution(chance.choice(NAMES), number, chance.choice(STATES), id=f"m-{number}")
        paths = [step(chance.choice(NAMES), "running", started_at=stamp(NOW))]
        engine.add(row, paths + [step(f"s/{n}", "waiting", reason="\x07x") for n in range(5)])
    elif kind == 1:
        engine.update(
            some["id"],
            state=chance.choice(STATES),
            error={"type": chance.choice(NAMES), "message": chance.choice(NAMES)},
        )
    elif kind == 2:
        engine.log(
            some["id"],
            *[line(NOW, chance.choice(NAMES), "error", chance.choice(NAMES)) for _ in range(40)],
        )
    elif kind == 3:
        engine.executions = engine.executions[: max(3, len(engine.executions) - 20)]
        engine.changed()
    else:
        chance.shuffle(engine.executions)
        engine.changed()


async def test_keys_at_random_break_nothing(engine: FakeEngine, open_console: OpenConsole) -> None:
    seed = int(os.environ.get("WINGMAN_SEED", "11"))
    chance = random.Random(seed)
    keys = sorted({key for action in ACTIONS for key in action.keys} - NOT_PRESSED)
    keys += ["y", "n", "a", "backspace", "x", "shift+tab"]
    sizes = [(80, 24), (60, 15), (120, 40), (40, 10), (200, 50)]
    async with open_console() as console:
        pressed = []
        for number in range(PRESSES):
            if number % 9 == 0:
                disturb(engine, chance, number)
            if number % 50 == 49:
                await console.pilot.resize_terminal(*chance.choice(sizes))
            key = chance.choice(keys)
            pressed.append(key)
            await console.pilot.press(key)
            if number % 25 == 0:
                assert all(text.isprintable() for text in console.text().splitlines())
        assert console.app.is_running, pressed[-20:]
        await console.pilot.resize_terminal(80, 24)
        for _ in range(6):
            await console.press("escape")
        await console.sees("Automation")
