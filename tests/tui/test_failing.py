"""What a failed step said, beside errors that tell an exit code alone."""

from __future__ import annotations

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, line, step
from wingman_tui.failing import said, says_little

TRACE = line(NOW, "load", "info", "+ exit 70", "stderr")
WORDS = line(NOW, "load", "info", "zstd: \x1b[31mNo space left", "stderr")


def test_an_exit_code_alone_says_little() -> None:
    assert says_little({"message": "exited with 70"})
    assert says_little({"message": "3 of 12 items failed; the first: exited with 1"})
    assert not says_little({"message": "exited with 127 (command not found)"})
    assert not says_little({"message": "ran longer than its timeout of 5 s"})
    assert not says_little(None)


def test_an_error_says_more_than_the_last_words_on_stderr() -> None:
    error = line(NOW, "load", "error", "ERROR the disk is full")
    assert said([error, WORDS, TRACE]) == "ERROR the disk is full"
    assert said([WORDS, line(NOW, "load", "info", "printed"), TRACE]) == "zstd: No space left"
    assert said([line(NOW, "load", "info", "printed")]) == ""


async def test_the_line_above_the_keys_quotes_the_step_that_failed(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    error = {"step": "load", "type": "exit:70", "message": "exited with 70"}
    row = execution("etl", 9, "failed", error=error)
    engine.add(row, [step("load", "failed", exit_code=70, error=error)])
    engine.log(row["id"], WORDS, TRACE)
    async with open_console() as console:
        await console.sees("load: zstd: No space left  exited with 70")
        assert "exit:70: exited" not in console.text(), "the same twice"
        await console.press("down")
        await console.until(lambda: "No space left on device" not in console.text())
        await console.press("up", "enter")
        await console.sees("log load")
        await console.sees(" zstd: No space left")


async def test_the_newest_execution_is_the_next_failure_where_nobody_has_moved_yet(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.add(execution("etl", 9, "failed", error={"step": "load", "type": "x", "message": "y"}))
    async with open_console() as console:
        for number in (9, 128):
            await console.press("e")
            row = console.app.mode_screen.current()  # type: ignore[attr-defined]
            assert row["number"] == number


async def test_the_next_failed_step_is_found_also_where_it_is_folded_away(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    row = execution("etl", 9, "failed", error={"step": "checks/disk", "type": "x", "message": "y"})
    steps = [step("a", "completed"), step("checks/disk", "failed"), step("checks/net", "completed")]
    engine.add(row, [*steps, step("late", "failed")])
    async with open_console(reference="etl#9") as console:
        tree = console.app.mode_screen.tree_pane  # type: ignore[attr-defined]
        await console.until(lambda: tree.cursor_key == "checks/disk")
        await console.press("e")
        assert tree.cursor_key == "late"
        await console.press("e")
        await console.until(lambda: console.notice == "no failed step below; b looks above")
        await console.press("home", "space")  # folds all groups
        assert tree.index_of("checks/disk") is None
        await console.press("e", "e")
        assert tree.cursor_key == "checks/disk"
