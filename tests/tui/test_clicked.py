"""What can be pressed can be clicked: keys in dialogs, and what the title of a log names."""

from __future__ import annotations

from tests.tui.conftest import Console, OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui.screens.confirm import ConfirmDialog
from wingman_tui.screens.execution import ExecutionScreen


async def click_on(console: Console, words: str) -> None:
    """Click on the second cell of words that are seen."""
    rows = console.text().splitlines()
    y, row = next((y, row) for y, row in enumerate(rows) if words in row)
    await console.pilot.click(offset=(row.index(words) + 1, y))
    await console.pilot.pause()


async def test_the_answers_of_a_question_are_clicked(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("x")
        await console.sees("keep it running")
        await click_on(console, "keep it running")
        await console.until(lambda: not isinstance(console.app.screen, ConfirmDialog))
        await console.press("x")
        await console.sees("cancel it")
        await click_on(console, "Its running steps")
        assert isinstance(console.app.screen, ConfirmDialog), "words that are no key"
        await click_on(console, " y  cancel it")
        await console.until(lambda: any(p.endswith("cancel") for _, p, _ in engine.requests))


async def test_a_form_is_sent_and_left_by_the_mouse(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("f", "r")
        await console.sees("run it")
        await click_on(console, " esc ")
        await console.until(lambda: len(console.app.screen_stack) == 1)
        await console.press("r")
        await console.sees("run it")
        await click_on(console, "run it")
        await console.until(lambda: any(verb == "POST" for verb, _, _ in engine.requests))


async def test_the_title_of_a_log_is_clicked_and_shows_the_operators_keys(
    open_console: OpenConsole,
) -> None:
    async with open_console(keys={"execution.level_error": "8"}) as console:
        await console.press("e", "enter")
        await console.sees(" 8 error ")
        screen = console.app.mode_screen
        assert isinstance(screen, ExecutionScreen)
        await click_on(console, " 8 error ")
        await console.until(lambda: screen.log_pane.choice.level == "error")
        await click_on(console, " 1 all ")
        await console.until(lambda: screen.log_pane.choice.level == "debug")
        await console.press("z")
        await console.sees("z goes on")
        await click_on(console, "z goes on")
        await console.until(lambda: not screen.log_pane.is_frozen)
