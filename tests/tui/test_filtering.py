"""The filter of the list: what is refused is mended, what is taken off leaves one where one was."""

from __future__ import annotations

from tests.tui.conftest import Console, OpenConsole
from wingman_tui.filters import unheard_of
from wingman_tui.screens.executions import ExecutionsScreen
from wingman_tui.widgets.prompt import Prompt


def screen(console: Console) -> ExecutionsScreen:
    shown = console.app.mode_screen
    assert isinstance(shown, ExecutionsScreen)
    return shown


async def test_a_filter_that_is_refused_changes_nothing_and_is_mended(
    open_console: OpenConsole,
) -> None:
    async with open_console() as console:
        await console.press("slash")
        await console.type("state:failed")
        await console.press("enter")
        await console.sees("6 found")
        await console.press("slash", "ctrl+u")
        await console.type("since:soon")
        await console.press("enter")
        await console.until(lambda: "'soon' is no time" in console.notice)
        assert "@yesterday" in console.notice
        await console.sees("filter state:failed  6 found")
        await console.press("slash")
        assert console.app.screen.query_one(Prompt).text == "since:soon"
        await console.press("ctrl+u")
        await console.type("flow:ingest-orders")
        await console.press("enter")
        await console.sees("filter flow:ingest-orders")
        await console.until(lambda: not console.app.executions.is_asked)
        assert all(row["flow"] == "ingest-orders" for row in console.app.executions.rows.values())


async def test_a_filter_that_is_taken_off_leaves_the_selection(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("slash")
        await console.type("state:failed")
        await console.press("enter")
        await console.sees("6 found")
        await console.press("down", "down")
        row = screen(console).current()
        assert row is not None
        await console.press("escape")
        await console.until(lambda: screen(console).current() == row, "the same row")
        assert screen(console).table.cursor > 2


async def test_another_filter_takes_the_place_of_the_one_that_is_there(
    open_console: OpenConsole,
) -> None:
    async with open_console() as console:
        screen(console).set_filter("state:failed")
        await console.sees("6 found")
        prompt = console.app.screen.query_one(Prompt)
        await console.press("slash")
        assert prompt.text == "state:failed"
        await console.type(" @today")  # a space goes on with it
        assert prompt.text == "state:failed @today"
        await console.press("escape", "slash", "backspace")
        assert prompt.text == "state:faile", "what edits it keeps it"
        await console.press("escape", "slash")
        await console.type("ingest")
        assert prompt.text == "ingest"


async def test_tab_goes_through_what_is_offered(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("slash")
        prompt = console.app.screen.query_one(Prompt)
        assert "@yesterday" in prompt.hint, "an example says what can be typed"
        await console.press("tab")
        assert prompt.text == "state:", "and is not what is taken"
        await console.press("tab")
        assert prompt.text == "state:failed"
        await console.press("tab", "tab")
        assert prompt.text == "state:waiting"
        await console.type(" @y")
        await console.press("tab", "tab")
        assert prompt.text == "state:waiting @yesterday"


def test_a_word_that_there_is_not_is_told() -> None:
    assert unheard_of("date:yesterday", (), ()).startswith("date: is looked for as a text (")
    assert "did you mean state:?" in unheard_of("stat:failed", (), ())
    assert unheard_of("state:failed http://x", (), ()) == ""
    named = ("today", "yesterday")
    assert unheard_of("@todya x", (), (), named) == "no filter is called @todya (did you mean @today?)"
    assert "such as @today" in unheard_of("@nobody", (), (), named)
    assert unheard_of("@today", (), (), named) == ""
