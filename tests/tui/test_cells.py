"""The cell diff turns any screen into any other, on a terminal that is emulated."""

from __future__ import annotations

import random

import pyte
import pytest
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from wingman_tui.cells import Screenful

WIDTH, HEIGHT = 40, 12
STYLES = [
    None,
    Style(),
    Style(bold=True),
    Style(color="red"),
    Style(reverse=True),
    Style(dim=True, color="cyan"),
    Style(bgcolor="blue"),
    Style(bold=True, bgcolor="blue"),
]
WORDS = ["running ", "漢字", "a", "        ", "nightly-backup#128 ", "é", "━━╌╌", "x" * 30, "한"]


def random_strip(chance: random.Random, width: int) -> Strip:
    """A line of words in styles, exactly so wide."""
    segments = [
        Segment(chance.choice(WORDS), chance.choice(STYLES)) for _ in range(chance.randrange(6))
    ]
    return Strip(segments).adjust_cell_length(width, chance.choice(STYLES))


def shown(screen: pyte.Screen) -> list[str]:
    return [
        "|".join(f"{c.data}{c.fg[:3]}{c.bg[:3]}{c.bold:d}{c.reverse:d}"
                 for c in (screen.buffer[y][x] for x in range(WIDTH)))
        for y in range(HEIGHT)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
def test_the_terminal_ends_up_with_what_was_wanted(seed: int) -> None:
    chance = random.Random(seed)
    cells = Screenful(WIDTH, HEIGHT, ColorSystem.TRUECOLOR)
    screen = pyte.Screen(WIDTH, HEIGHT)
    screen.reset_mode(pyte.modes.DECAWM)
    stream = pyte.Stream(screen)
    wanted = [random_strip(chance, WIDTH) for _ in range(HEIGHT)]
    for _ in range(30):
        kind = chance.randrange(4)
        if kind == 0:
            wanted = [random_strip(chance, WIDTH) for _ in range(HEIGHT)]
        elif kind == 1:
            wanted[chance.randrange(HEIGHT)] = random_strip(chance, WIDTH)
        elif kind == 2:  # scrolled within a frame of bars
            body = wanted[1:-1]
            step = chance.choice([-3, -1, 1, 2, 5])
            fresh = [random_strip(chance, WIDTH) for _ in range(abs(step))]
            body = body[step:] + fresh if step > 0 else fresh + body[:step]
            wanted = [wanted[0], *body, wanted[-1]]
        for y, strip in enumerate(wanted):
            cells.put(y, 0, strip)
        stream.feed(cells.difference())
        fresh_screen = pyte.Screen(WIDTH, HEIGHT)
        fresh_screen.reset_mode(pyte.modes.DECAWM)
        whole = Screenful(WIDTH, HEIGHT, ColorSystem.TRUECOLOR)
        for y, strip in enumerate(wanted):
            whole.put(y, 0, strip)
        pyte.Stream(fresh_screen).feed(whole.difference())
        assert shown(screen) == shown(fresh_screen)
        for y, strip in enumerate(wanted):
            text = "".join(screen.buffer[y][x].data for x in range(WIDTH))
            assert text.rstrip() == strip.text.rstrip()
            assert cell_len(strip.text) == WIDTH


def test_nothing_is_sent_when_nothing_differs() -> None:
    cells = Screenful(WIDTH, HEIGHT, ColorSystem.TRUECOLOR)
    strip = Strip([Segment("the same".ljust(WIDTH))])
    for y in range(HEIGHT):
        cells.put(y, 0, strip)
    assert cells.difference()
    for y in range(HEIGHT):
        cells.put(y, 0, strip)
    assert cells.difference() == ""


def test_a_scrolled_block_costs_its_new_line() -> None:
    cells = Screenful(80, 24, ColorSystem.TRUECOLOR)
    lines = [Strip([Segment(f"line number {n} of a log".ljust(80))]) for n in range(60)]
    for y in range(24):
        cells.put(y, 0, lines[y])
    cells.difference()
    for y in range(24):
        cells.put(y, 0, lines[y + 1])
    assert len(cells.difference()) < 80
