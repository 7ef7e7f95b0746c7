"""A log whose long lines take several rows is read row by row: nothing in it is out of reach."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, line, stamp, step
from wingman_tui.screens.execution import ExecutionScreen
from wingman_tui.wrapped import in_sight, last_spot, moved

HEIGHTS = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@given(HEIGHTS, st.integers(1, 30))
def test_going_down_passes_every_row_once_and_back(heights: list[int], page: int) -> None:
    every = [(place, row) for place, rows in enumerate(heights) for row in range(rows)]
    last = last_spot(heights.__getitem__, 0, len(heights), page)
    assert every.index(last) == max(0, len(every) - page), "the last row stands at the bottom"
    spot = (0, 0)
    for expected in every:
        assert spot == expected
        assert heights[spot[0]] > spot[1]
        seen = in_sight(heights.__getitem__, len(heights), spot, page)
        rows = every[every.index(spot) :][:page]
        assert list(seen) == sorted({place for place, _ in rows})
        spot = moved(heights.__getitem__, 0, len(heights), spot, 1)
    for by in (page, 3 * page, len(every) + page):
        there = moved(heights.__getitem__, 0, len(heights), (0, 0), by)
        assert there == every[min(by, len(every) - 1)]
        assert moved(heights.__getitem__, 0, len(heights), there, -len(every)) == (0, 0)


async def test_every_word_of_a_wrapped_log_is_seen_by_paging(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.add(execution("long", 1, "completed", id="long-1", started_at=stamp(NOW)),
               [step("a", "completed")])  # fmt: skip
    words = [f"w{number:04d}" for number in range(900)]
    texts = [" ".join(words[at : at + 150]) for at in range(0, 900, 150)]
    engine.log("long-1", *(line(NOW, "a", "info", text) for text in texts))
    async with open_console(reference="long#1") as console:
        await console.sees("w0000")
        screen = console.app.mode_screen
        assert isinstance(screen, ExecutionScreen)
        await console.press("tab", "W")
        await console.sees("w0899")
        assert "w0899" in console.text().splitlines()[-3], "the end stands at the bottom"
        await console.press("g")
        await console.sees("w0000")
        seen: set[str] = set()
        for _ in range(60):
            seen |= {word for word in words if word in console.text()}
            if screen.log_pane.is_following:
                break
            await console.press("pagedown")
        assert seen == set(words)
        await console.press("up")
        assert not screen.log_pane.is_following, "an upward move ends it"
