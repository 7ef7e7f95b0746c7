"""A monkey presses keys on hostile, changing data: nothing breaks, nothing is lost of sight."""

from __future__ import annotations

import os
import random
import string
from pathlib import Path

import pytest
from textual import events
from textual.keys import _character_to_key, key_to_character

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, line, stamp, step
from wingman_tui import global_actions
from wingman_tui.keymap import ACTIONS

# two monkeys in CI; `make monkey` lets 400 of them loose, for a million presses before a release
PRESSES = int(os.environ.get("WINGMAN_MONKEY", "2500"))
SEEDS = [int(seed) for seed in os.environ.get("WINGMAN_SEEDS", "11 12").split()]
PRINTABLE = set(string.printable.strip())
NOT_PRESSED = {"ctrl+q", "ctrl+c", "ctrl+z", "q"}
NAMES = ("a", "漢字" * 20, "[b]x[/b]", "\x1b[2Jq", "x" * 300, "‮rtl", "é" + "\u0301" * 30, "g/h/i")
WAY_BACK = 40  # each mode is passed once, and what is open, sought or marked there is left first
SIZES = ((80, 24), (60, 15), (120, 40), (40, 10), (200, 50))
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


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
async def test_keys_at_random_break_nothing(
    seed: int,
    engine: FakeEngine,
    open_console: OpenConsole,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # logs are saved where the console was started
    for way_out in ("quit", "leave", "interrupt", "suspend"):  # the palette has these, too
        monkeypatch.setattr(global_actions, f"do_{way_out}", lambda app: app.back())
    chance = random.Random(seed)
    keys = sorted({key for action in ACTIONS for key in action.keys} - NOT_PRESSED)
    keys += ["backspace", "shift+tab", "enter", "escape"]
    keys += [_character_to_key(character) for character in sorted(PRINTABLE - NOT_PRESSED)]
    async with open_console() as console:
        pressed: list[str] = []
        for number in range(PRESSES):
            if number % 20 == 0:
                disturb(engine, chance, number)
            if number % 100 == 99:
                await console.pilot.resize_terminal(*chance.choice(SIZES))
            pressed.append(chance.choice(keys))
            # faster than a person: keys come while the one before is not done with yet
            console.app.post_message(events.Key(pressed[-1], key_to_character(pressed[-1])))
            if number % 10 == 9:
                await console.pilot.pause()
            if number % 50 == 0:
                assert all(text.isprintable() for text in console.text().splitlines())
            assert console.app.is_running, pressed[-30:]
        await console.pilot.resize_terminal(80, 24)
        for _ in range(WAY_BACK):
            await console.press("escape")
        await console.sees("Automation")
