"""The console as an operator uses it: looks, keys, actions, a lost engine, hostile data."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, line, stamp, step
from wingman_tui.screens.confirm import ConfirmDialog
from wingman_tui.screens.executions import ExecutionsScreen
from wingman_tui.screens.help import HelpScreen

BACKUP = "0193-nightly-backup-000128"
INGEST = "0193-ingest-orders-002041"


async def test_the_first_mode_shows_every_execution_live(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        text = console.text()
        assert "Automation › Executions" in text
        assert "● live" in text
        assert "ingest-orders#2041" in text
        assert "✗ failed" in text
        engine.update(INGEST, state="completed", duration_ms=99_000)
        await console.sees("✓ completed  ingest-orders#2041")
        assert "1m39s" in console.text()


async def test_why_the_last_execution_failed_takes_two_keys(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("e", "enter")
        await console.sees("No space left on")
        await console.sees("E zstd: error 70")
        text = console.text()
        assert "Executions › nightly-backup#128" in text
        assert "✗ failed compress · exit 1 · 31.9s · attempt 3" in text
        assert "peak 212.0 MB" in text


async def test_the_selected_rows_error_is_told_below_the_list(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("e")
        await console.sees("nightly-backup#128 compress: exit:1: zstd: error 70")


async def test_selection_stays_on_its_execution_when_rows_come(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("e")
        screen = console.app.mode_screen
        assert isinstance(screen, ExecutionsScreen)
        assert screen.table.cursor_key == BACKUP
        for number in range(1, 31):
            engine.add(execution("burst", number, "running", started_at=stamp(NOW)))
        await console.until(lambda: console.app.executions.counts.get("running") == 31)
        assert screen.table.cursor_key == BACKUP
        assert (screen.current() or {})["id"] == BACKUP
        assert "nightly-backup#128" in console.text(), "the selected row is still in sight"


async def test_a_long_history_is_read_in_windows(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.executions = [
        execution("flow", number, "completed", duration_ms=1_000, started_at=stamp(NOW - 60))
        for number in range(5_000, 0, -1)
    ]
    async with open_console() as console:
        await console.press("end")
        await console.sees("flow#1 ")
        await console.press("up", "up", "pageup")
        await console.sees("flow#30 ")
        await console.press("home")
        await console.sees("flow#5000")
        assert len(console.app.executions.rows) < 200


async def test_a_filter_is_typed_completed_and_taken_off(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("slash")
        await console.type("state:fa")
        await console.press("tab", "enter")
        await console.sees("filter state:failed")
        await console.sees("6 found")
        assert "ingest-orders#2041" not in console.text()
        await console.press("escape")
        await console.sees("ingest-orders#2041")
        await console.press("slash", "up", "enter")
        await console.sees("filter state:failed")


async def test_an_execution_is_followed_while_it_runs(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=INGEST) as console:
        await console.sees("loaded batch 39")
        await console.sees("waiting · pool db is full (2 of 2)")
        engine.log(INGEST, line(NOW, "load/asia", "info", "the newest line"))
        engine.update_step(INGEST, "load/america", state="running", started_at=stamp(NOW - 3))
        await console.sees("the newest line")
        await console.sees("3s")
        await console.press("tab", "up")
        await console.sees("F follows")
        before = [text for text in console.text().splitlines() if "loaded batch" in text]
        for number in range(30):
            engine.log(INGEST, line(NOW, "load/asia", "info", f"unseen {number}"))
        await console.sees("30 new")
        assert before == [text for text in console.text().splitlines() if "loaded batch" in text]
        await console.press("F")
        await console.sees("unseen 29")
        await console.sees("▾ following")


async def test_a_step_of_the_tree_shows_its_own_log(open_console: OpenConsole) -> None:
    async with open_console(reference=BACKUP) as console:
        await console.sees("log compress")
        await console.press("up")
        await console.sees("log dump")
        await console.sees("dumping table orders_2047")
        await console.press("home")
        await console.sees("log all steps")


async def test_what_a_failed_step_said_last_stands_beside_its_error(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    row = execution("quiet", 1, "failed", error={"step": "only", "type": "exit:78", "message": "x"})
    engine.add(
        row,
        [step("only", "failed", exit_code=78,
              error={"type": "exit:78", "message": "exited with 78"})],
    )  # fmt: skip
    engine.log(row["id"], line(NOW, "only", "error", "port 80a80 is not a number"))
    async with open_console(reference=row["id"]) as console:
        await console.sees("failed only · exit 78")
        await console.until(lambda: console.text().count("port 80a80 is not a number") == 2)


async def test_a_group_folds(open_console: OpenConsole) -> None:
    async with open_console(reference=BACKUP) as console:
        await console.sees("checks")
        await console.press("down", "down", "space")
        await console.sees("checks (2 steps)")
        assert "memory" not in console.text()
        await console.press("space")
        await console.sees("memory")


async def test_an_unknown_execution_is_told(open_console: OpenConsole) -> None:
    async with open_console(reference="nothing#1") as console:
        await console.sees("no nothing#1")
        await console.sees("ingest-orders#2041")  # nothing to see there: one stays in the list
        await console.press("colon")
        await console.type("nothing#2")
        await console.press("enter")
        await console.until(lambda: "no nothing#2" in console.notice)
        await console.sees("ingest-orders#2041")


async def test_an_empty_history_tells_a_newcomer_where_to_go(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.executions = []
    async with open_console() as console:
        await console.sees("No flow has run yet.")
        await console.sees("shows the flows; enter on one runs it")


async def test_help_tells_every_key_and_opens_documents(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("question_mark")
        await console.sees("Keys: Executions")
        screen = console.app.mode_screen
        assert isinstance(screen, HelpScreen)
        while screen.pane.lines[screen.pane.cursor].document is None:
            await console.press("down")
        assert "Documents" in console.text()
        await console.press("enter")
        await console.until(lambda: console.app.mode_screen.title_words()[1:])
        await console.press("escape")
        await console.sees("Understanding flows")  # where one was
        await console.press("home")
        await console.sees("Keys: Executions")
        await console.press("escape")
        await console.sees("Automation › Executions")


async def test_the_palette_finds_an_action_by_its_meaning(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("ctrl+p")
        await console.sees("Find an action")
        await console.type("theme")
        await console.press("enter")
        await console.until(lambda: console.app.view.palette.name != "ansi")


async def test_remapped_keys_show_everywhere(open_console: OpenConsole) -> None:
    async with open_console(keys={"executions.cancel": "ctrl+x"}) as console:
        assert "ctrl+x cancel" in console.text()
        await console.press("down", "x")
        assert not isinstance(console.app.screen, ConfirmDialog)
        await console.press("ctrl+x")
        await console.until(lambda: isinstance(console.app.screen, ConfirmDialog))


async def test_what_can_be_pressed_can_be_clicked(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        screen = console.app.mode_screen
        assert isinstance(screen, ExecutionsScreen)
        await console.pilot.click("#executions", offset=(20, 3))
        assert screen.table.cursor == 2
        row = console.text().splitlines()[-1]
        await console.pilot.click("KeyBar", offset=(row.index("why"), 0))
        await console.sees("› Why")
        await console.press("escape")
        await console.pilot.click("#executions", offset=(20, 3), times=2)
        await console.sees("Executions › nightly-backup#128")


async def test_an_execution_of_ten_thousand_steps_is_opened(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    steps = [step(f"g{n // 100}/s{n}", "completed", duration_ms=5) for n in range(10_000)]
    engine.add(execution("big", 1, "running", started_at=stamp(NOW - 5)), steps)
    async with open_console(reference="big#1") as console:
        await console.sees("s0 ")
        await console.press("end")
        await console.sees("s9999")
        engine.update_step("0193-big-000001", "g99/s9999", state="failed", exit_code=9)
        await console.sees("failed · exit 9")
        await console.press("home", "e")
        await console.sees("✗ failed g99/s9999")


async def test_q_goes_back_and_at_the_root_quits(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("enter")
        await console.sees("Executions › certificates#77")
        await console.press("q")
        await console.until(lambda: console.app.current_mode == "executions")
        await console.press("q")
        await console.until(lambda: not console.app.is_running)
    assert console.app.return_value == 0


HOSTILE = "\x1b[2J[bold red]x[/]\x1b]52;c;ZXZpbA==\x07\u202e漢\r\n\x9b31m‮[@click=app.quit]"


async def test_hostile_names_and_lines_are_only_text(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    flow: dict[str, Any] = {
        **engine.flows[0],
        "name": HOSTILE,
        "description": HOSTILE,
        "debug": "on",
        "problems": [],
        "type": HOSTILE,
        "source": HOSTILE,
    }
    engine.flows = [flow]
    error = {"step": HOSTILE, "type": HOSTILE, "message": HOSTILE}
    row = execution(HOSTILE, 1, "failed", id="0193-hostile", error=error, type=HOSTILE,
                    actor=HOSTILE, trigger=HOSTILE, inputs={HOSTILE: HOSTILE},
                    outputs={HOSTILE: HOSTILE})  # fmt: skip
    engine.add(row, [step(HOSTILE, "failed", error=error, reason=HOSTILE, outputs={"x": HOSTILE})])
    engine.log("0193-hostile", line(NOW, HOSTILE, "error", HOSTILE))
    async with open_console((120, 40)) as console:
        for keys in ([], ["enter"], ["home"], ["tab"], ["f"], ["question_mark"]):
            await console.press(*keys)
            await console.pilot.pause(0.2)
            for text_line in console.text().splitlines():
                assert text_line.isprintable(), repr(text_line)
            assert "[@click=app.quit]" in console.text()


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (5, 2), (59, 15), (60, 14)])
async def test_below_the_least_size_one_sentence(
    open_console: OpenConsole, size: tuple[int, int]
) -> None:
    async with open_console(size) as console:
        await console.press("down", "enter", "tab", "escape", "f", "r", "escape")
        assert "Wingman"[: size[0]] in console.text()
        await console.pilot.resize_terminal(80, 24)
        await console.sees("Automation")


async def test_every_size_and_theme_is_painted(open_console: OpenConsole) -> None:
    async with open_console((60, 15)) as console:
        for width, height in ((80, 24), (200, 50), (60, 15), (120, 40), (99, 24), (100, 24)):
            await console.pilot.resize_terminal(width, height)
            await console.press("T", "home", "e", "enter")
            await console.sees("compress")
            lines = console.text().splitlines()
            assert len(lines) == height
            await console.press("escape", "escape")


async def test_ascii_terminals_get_ascii(open_console: OpenConsole) -> None:
    async with open_console(ascii_only=True) as console:
        for keys in (
            [],
            ["e", "enter"],
            ["x"],
            ["r"],
            ["escape", "f"],
            ["r"],
            ["escape", "ctrl+p"],
        ):
            await console.press(*keys)
            await console.pilot.pause(0.1)
            odd = {char for char in console.text() if not char.isascii()}
            assert not odd, odd
