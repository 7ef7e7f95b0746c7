"""What goes to the terminal, to the byte: budgets, nothing foreign, nothing while idle."""

from __future__ import annotations

import random
import re
import statistics
import time
from typing import Any

import pytest

from tests.pty.conftest import OpenTerminal
from tests.pty.terminal import KEYS, WAIT_S, Terminal
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, line, stamp, step

FIRST_SCREEN_BYTES = 6_000
CURSOR_BYTES = 250
SCROLLED_LINE_BYTES = 250
PAGE_BYTES = 1_600
CHANGED_ROW_BYTES = 60
MESSAGE_BYTES = 120
PROMPT_BYTES = 330

# every sequence that the console or Textual may send: moves, erase, style, margins, modes, reports
OURS = re.compile(
    r"\x1b\[\d*(;\d*)?H|\x1b\[\d*C|\x1b\[K|\x1b\[[0-9;]*m|\x1b\[\d+;\d+r|\x1b\[r|\x1bM"
    r"|\x1b\[\?(25|7|1000|1003|1004|1006|1015|1049|2004|2026|2048)[hl]|\x1b\[\?(2026|2048)\$p"
    r"|\x1b\[5n|\x1b\[[<>]\d*u"
)
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x1b\\\x9b31m\x90q\x9c\u202e[@click=quit]漢é\x07"
)


def uniform(engine: FakeEngine, count: int) -> None:
    """A history of rows that are all alike, so that a key costs the same everywhere."""
    engine.executions = [
        execution("nightly-backup", n, "completed", duration_ms=61_000, trigger="schedule",
                  started_at="2025-01-01T00:00:00.000000Z",
                  progress={"ended": 8, "running": 0, "total": 8})
        for n in range(count, 0, -1)
    ]  # fmt: skip


def run(terminal: Terminal, key: str, times: int) -> list[int]:
    """What each press costs of a key that is held down."""
    costs = []
    for _ in range(times):
        before = len(terminal.output)
        terminal.write(KEYS[key])
        terminal.until(lambda before=before: len(terminal.output) > before)
        costs.append(len(terminal.output) - before)
    return costs


def test_the_first_screen_is_small(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    assert len(terminal.output) <= FIRST_SCREEN_BYTES


def test_keys_cost_little(engine: FakeEngine, open_terminal: OpenTerminal) -> None:
    uniform(engine, 2_000)
    terminal = open_terminal()
    terminal.sees("nightly-backup#2000")
    terminal.settle(0.6)
    assert max(terminal.cost("down") for _ in range(8)) <= CURSOR_BYTES
    for _ in range(11):
        terminal.press("down")
    assert max(terminal.cost("down") for _ in range(4)) <= SCROLLED_LINE_BYTES
    assert terminal.cost("pagedown") <= PAGE_BYTES


def test_a_cursor_that_runs_over_failures_tells_the_last_one(
    engine: FakeEngine, open_terminal: OpenTerminal
) -> None:
    uniform(engine, 200)
    for row in engine.executions:
        row["state"], row["progress"]["ended"] = "failed", 3
        row["error"] = {"step": "dump", "type": "exit:1", "message": f"{row['number']}: no " + "x" * 90}
    terminal = open_terminal()
    terminal.sees("dump: exit:1: 200: no xxx")
    terminal.settle(0.6)
    # one after the other, as a key that is held down: what failed is told where it rests
    before = len(terminal.output)
    moved = run(terminal, "down", 30)
    assert statistics.median(moved[:17]) <= CURSOR_BYTES
    assert statistics.median(moved[19:]) <= SCROLLED_LINE_BYTES
    terminal.sees("dump: exit:1: 170: no xxx")
    terminal.settle()
    assert len(terminal.output) - before <= 30 * SCROLLED_LINE_BYTES + MESSAGE_BYTES


def test_a_prompt_costs_a_line(engine: FakeEngine, open_terminal: OpenTerminal) -> None:
    uniform(engine, 200)
    terminal = open_terminal()
    terminal.sees("nightly-backup#200")
    terminal.settle()
    assert terminal.cost("/") <= PROMPT_BYTES
    assert terminal.cost("escape") <= PROMPT_BYTES


def test_the_tree_and_the_log_cost_little(
    engine: FakeEngine, open_terminal: OpenTerminal
) -> None:
    steps = [step(f"g{n // 50:02d}/s{n % 50:02d}", "completed", duration_ms=9) for n in range(2_000)]
    engine.add(execution("large", 1, "completed", id="large-1", duration_ms=5), steps)
    lines = [line(NOW, "g00/s00", "info", f"line {n:05d} of a log as it is") for n in range(3_000)]
    engine.log("large-1", *lines)
    terminal = open_terminal("large#1")
    terminal.sees("line 02999")
    terminal.settle()
    assert terminal.cost(" ") <= PAGE_BYTES, "all groups are folded"
    assert terminal.cost(" ") <= PAGE_BYTES, "and open again"
    # its log is shown where the cursor rests; on the way there only two rows are painted
    assert statistics.median(run(terminal, "down", 8)) <= CURSOR_BYTES
    terminal.settle()
    terminal.press("home", "tab")
    terminal.sees("line 02999")
    terminal.settle(0.5)
    assert max(terminal.cost("up") for _ in range(5)) <= SCROLLED_LINE_BYTES
    assert terminal.cost("pageup") <= PAGE_BYTES
    assert terminal.cost("home") <= PAGE_BYTES


def test_changes_cost_what_changed(engine: FakeEngine, open_terminal: OpenTerminal) -> None:
    uniform(engine, 200)
    terminal = open_terminal()
    terminal.sees("nightly-backup#200")
    terminal.settle()
    before = len(terminal.output)
    first = engine.executions[0]["id"]
    engine.update(first, progress={"ended": 7, "running": 0, "total": 8})
    terminal.sees("7/8")
    terminal.settle()
    assert len(terminal.output) - before <= CHANGED_ROW_BYTES


def test_nothing_is_sent_while_nothing_happens(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    for keys, shown in (
        ((), "live"), (("e", "enter"), "zstd: error 70"), (("escape", "f"), "Flows"),
        (("r",), "Run "), (("escape", "?"), "Help"),
    ):  # fmt: skip
        terminal.press(*keys)
        terminal.sees(shown)
        terminal.settle(1.0)
        before = len(terminal.output)
        terminal.pump(3.0)
        assert terminal.output[before:] == b"", keys


def test_no_foreign_sequence_passes(engine: FakeEngine, open_terminal: OpenTerminal) -> None:
    flow: dict[str, Any] = {
        **engine.flows[0], "name": HOSTILE, "description": HOSTILE, "debug": "on", "type": HOSTILE,
        "source": HOSTILE, "inputs": [{"name": HOSTILE, "type": "string", "required": False,
                                       "sensitive": False, "description": HOSTILE, "schema": {},
                                       "default": HOSTILE}],
    }  # fmt: skip
    engine.flows = [flow]
    error = {"step": HOSTILE, "type": HOSTILE, "message": HOSTILE}
    engine.add(
        execution(HOSTILE, 1, "failed", id="0193-hostile", error=error, type=HOSTILE, actor=HOSTILE,
                  trigger=HOSTILE, inputs={HOSTILE: HOSTILE}, outputs={HOSTILE: HOSTILE}),
        [step(HOSTILE, "failed", error=error, outputs={"x": HOSTILE}),
         step(f"g/{HOSTILE}", "waiting", reason=HOSTILE)],
    )  # fmt: skip
    engine.log("0193-hostile", *[line(NOW, HOSTILE, "error", HOSTILE) for _ in range(5)])
    engine.refusals["/retry"] = (409, {"code": "conflict", "message": HOSTILE, "hint": HOSTILE})
    terminal = open_terminal(size=(120, 40), env={"COLORTERM": ""})
    terminal.press("enter", "home", "down", "tab", "home", "R", "escape", "escape", "f", "r")
    terminal.press("escape", "?", "escape", "/", "x", "escape", "q", "q")
    terminal.wait()
    rest = OURS.sub("", terminal.output.decode("utf-8"))
    odd = {char for char in rest if not char.isprintable()} - {"\n", "\r"}
    assert not odd, [rest[max(0, at - 20) : at + 40] for at in map(rest.index, odd)]
    assert "[@click=quit]" in rest


def test_no_color_means_none(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(env={"NO_COLOR": "1"})
    terminal.press("e", "enter", "tab", "escape", "escape", "f", "r", "escape", "?")
    for codes in re.findall(rb"\x1b\[([0-9;]*)m", terminal.output):
        for code in codes.split(b";"):
            assert code in (b"", b"0", b"1", b"2", b"4", b"7", b"39", b"49"), codes


def test_the_default_theme_needs_sixteen_colours(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    terminal.press("e", "enter", "escape", "f", "r", "escape", "?")
    assert not re.search(rb"[34]8;[25];", terminal.output)


def test_a_terminal_that_answers_nothing_is_served_too(
    engine: FakeEngine, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(answers=False)
    terminal.press("e")
    terminal.sees("zstd: error 70")
    engine.add(execution("silent", 1, "completed", duration_ms=5))
    terminal.sees("silent#1")


def attributes(terminal: Terminal) -> list[list[tuple[Any, ...]]]:
    """Every cell with its style, as a terminal would show it."""
    screen = terminal.screen()
    return [
        [
            (c.data, c.fg, c.bg, c.bold, c.underscore, c.reverse)
            for c in (screen.buffer[y][x] for x in range(screen.columns))
        ]
        for y in range(screen.lines)
    ]


@pytest.mark.parametrize(
    ("switch", "theme", "size", "presses"),
    [("DIFF", "ansi", (80, 24), 60), ("DIFF", "dark", (130, 30), 40),
     ("SCROLL", "ansi", (80, 24), 40), ("FENCE", "ansi", (80, 24), 24)],
)  # fmt: skip
def test_the_screen_is_the_same_however_it_is_drawn(
    engine: FakeEngine,
    open_terminal: OpenTerminal,
    switch: str,
    theme: str,
    size: tuple[int, int],
    presses: int,
) -> None:
    wide = execution("漢字-flow-漢字", 7, "failed", error={"type": "x", "message": "é́ 漢 ﬁ"})
    engine.add(wide, [step("漢字", "completed", outputs={"名": "値" * 30})])
    texts = ("漢字かな mixed 한글", "cafe\u0301 n\u0303 a\u0308\u0323", "ﬁ ﷽ … ½ ▸")
    engine.log(
        wide["id"],
        *[line(NOW, "漢字", "info", f"{n} {texts[n % 3]}") for n in range(90)],
    )
    plain, other = (
        open_terminal(size=size, env={"WINGMAN_THEME": theme, f"WINGMAN_{switch}": value})
        for value in ("1", "0")
    )
    chance = random.Random(7)
    keys = ["down"] * 5 + ["up"] * 3 + ["pagedown", "pageup", "end", "home", "enter", "escape"]
    keys += ["e", "tab", "f", "a", "3", "1", "?", "right", "left", " "]
    # whatever chance has chosen, a log is scrolled line by line in the end
    through_a_log = ["escape", "escape", "escape", "a", "home", "enter", "tab", "end", *["up"] * 40]
    pressed = [chance.choice(keys) for _ in range(presses)]
    for number, key in enumerate([*pressed, *(through_a_log if switch == "SCROLL" else ())]):
        for terminal in (plain, other):
            terminal.write(KEYS.get(key, key))
            terminal.settle(0.15)
        if number % 6 == 5:
            deadline = time.monotonic() + WAIT_S
            while attributes(plain) != attributes(other) and time.monotonic() < deadline:
                for terminal in (plain, other):
                    terminal.settle(0.4)
            assert plain.text() == other.text(), key
            assert attributes(plain) == attributes(other), key
    if switch == "DIFF":
        assert len(plain.output) < len(other.output) / 2
    elif switch == "SCROLL":
        assert len(plain.output) < len(other.output)
    else:
        assert b"\x1b[5n" in plain.output
        assert b"\x1b[5n" not in other.output


def test_a_counting_clock_leaves_the_panes_beside_it_alone(
    engine: FakeEngine, open_terminal: OpenTerminal
) -> None:
    started = stamp(time.time() - 5)
    row = execution("counting", 1, "running", started_at=started, trigger="schedule")
    engine.add(row, [step("only", "running", started_at=started)])
    terminal = open_terminal(row["id"], size=(130, 30))
    terminal.sees("schedule by")
    for seconds in (8, 9, 10):
        terminal.sees(f" {seconds}s")
        assert "schedule by" in terminal.text()


@pytest.mark.parametrize("size", [(60, 15), (40, 10), (200, 50)])
def test_any_size_is_drawn_within_the_screen(
    open_terminal: OpenTerminal, size: tuple[int, int]
) -> None:
    terminal = open_terminal(size=size, settled=False)
    terminal.sees("Wingman needs" if size == (40, 10) else "live")
    terminal.resize(80, 24)
    terminal.sees("Automation › Executions")
    terminal.settle()
    assert terminal.text().splitlines()[0].endswith("● live")
    terminal.write("q")
    assert terminal.wait() == 0
