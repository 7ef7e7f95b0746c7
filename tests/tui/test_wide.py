"""What a wide screen shows beside more of the same: who gets which room, and what fills it."""

from __future__ import annotations

import pytest

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui.column_layout import lay_out
from wingman_tui.columns import EXECUTIONS
from wingman_tui.definition import passage_of
from wingman_tui.panes import AROUND_ROWS, shares
from wingman_tui.screens.dialog import whole_keys

FILE = """\
name: nightly-backup
steps:
  - id: dump
    run: |
      echo "id: compress"

      pg_dump
  - retry: {max_attempts: 2}
    id: compress

    # the newest first
    run: zstd dump.sql
  - id: checks
    parallel:
      - {id: disk, run: df -h}
      - {id: memory, run: "echo {}; free"}
finally:
  - {id: clean, run: rm -f dump.sql}
"""


@pytest.mark.parametrize("tree", [0, 1, 5, 30, 10_000])
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (119, 40), (120, 15), (120, 40), (200, 50)])
@pytest.mark.parametrize("reads_log", [False, True])
def test_every_pane_has_lines_at_every_size(
    size: tuple[int, int], tree: int, reads_log: bool
) -> None:
    columns, rows = size
    room, shared = rows - AROUND_ROWS, shares(*size, tree, reads_log=reads_log)
    assert shared.tree >= 1
    assert shared.details >= 2
    if shared.beside is None:
        assert columns < 120
        assert room - shared.tree - shared.details >= 4, "lines of the log"
    else:
        assert shared.tree + shared.details == room, "the log has a side for itself"
        assert columns - shared.beside > columns // 2, "the larger one"


@pytest.mark.parametrize(
    ("key", "first", "rows"),
    [
        ("dump", 3, ["  - id: dump", "    run: |", '      echo "id: compress"', "", "      pg_dump"]),
        ("checks/disk", 15, ["      - {id: disk, run: df -h}"]),
        ("checks/memory", 16, ['      - {id: memory, run: "echo {}; free"}']),
        ("\0finally", 17, ["finally:", "  - {id: clean, run: rm -f dump.sql}"]),
        ("clean", 18, ["  - {id: clean, run: rm -f dump.sql}"]),
        ("nowhere", 1, []),
        ("\0on_failure", 1, []),
    ],
)
def test_a_step_is_found_in_its_file(key: str, first: int, rows: list[str]) -> None:
    assert passage_of(FILE, key) == (first, rows)


def test_what_a_step_prints_is_not_taken_for_its_name() -> None:
    first, rows = passage_of(FILE, "compress")
    assert (first, rows[0], rows[-1]) == (
        8,
        "  - retry: {max_attempts: 2}",
        "    run: zstd dump.sql",
    )


def test_a_batch_is_what_its_step_is() -> None:
    assert passage_of(FILE, "dump/17") == passage_of(FILE, "dump")


async def test_a_failure_stands_beside_what_its_step_does_and_what_it_said(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.explained = {"definition": FILE}
    async with open_console(size=(200, 50)) as console:
        await console.press("e", "enter")
        await console.sees("run: zstd dump.sql")
        await console.sees("No space left on device")
        await console.press("home")
        await console.sees(" 1  name: nightly-backup")
        await console.pilot.resize_terminal(80, 24)
        await console.until(lambda: "definition ─" not in console.text())
        await console.pilot.resize_terminal(120, 40)
        await console.sees(" 1  name: nightly-backup")
        await console.press("down")
        await console.sees("  3    - id: dump")


async def test_who_may_not_read_the_file_sees_all_else(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(size=(120, 40)) as console:
        await console.press("e", "enter")
        await console.sees("failed · exit 1")
        await console.until(lambda: any("definition" in asked[1] for asked in engine.requests))
        await console.press("down")
        await console.sees("– skipped upload")
        assert not console.notice
        assert "definition" not in console.text()


async def test_what_is_long_to_read_is_set_anew_for_another_width(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    long = "words " * 30
    engine.explained = {"runbook": {"text": long, "path": "", "version": ""}}
    async with open_console(size=(200, 50)) as console:
        await console.press("O")
        await console.sees("Runbook of")
        box = console.app.screen.query_one(".box")
        assert box.size.width > 90
        await console.pilot.resize_terminal(60, 15)
        await console.until(lambda: console.text().count("words") == 30, "all of it")
        await console.pilot.resize_terminal(200, 50)
        await console.until(lambda: box.size.width > 90, "wide again")


def test_of_the_keys_of_a_dialog_none_is_cut() -> None:
    keys = [
        (" enter ", "chip_on"), (" run it    ", "text"), (" esc ", "chip_on"),
        (" leave    ", "text"), (" ctrl+r ", "chip_on"), (" defaults", "text"),
    ]  # fmt: skip

    def text(width: int) -> str:
        return "".join(text for text, _ in whole_keys(keys, width))

    assert text(80) == " enter  run it     esc  leave     ctrl+r  defaults"
    assert text(48) == " enter  run it   esc  leave   ctrl+r  defaults"
    assert text(40) == " enter  run it   esc  leave"
    assert text(27) == " enter  run it   esc  leave", "how one leaves is the last to go"


NEEDS = {"EXECUTION": 24, "STARTED": 8, "STEPS": 12, "BY": 8, "WHO": 6, "TYPE": 12, "WHY": 90}


def _titles(width: int, **needs: int) -> list[str]:
    return [column.title for column, _ in lay_out(EXECUTIONS, width, {**NEEDS, **needs})]


def test_a_column_in_which_nothing_stands_leaves_its_room_to_the_others() -> None:
    assert not {"LEFT", "WARN"} & set(_titles(200))
    assert "WARN" in _titles(200, WARN=2)
    widths = [
        next(cells for column, cells in lay_out(EXECUTIONS, 200, needs) if column.title == "WHY")
        for needs in ({**NEEDS, "WARN": 2, "LEFT": 4}, NEEDS)
    ]
    assert widths[1] > widths[0]


def test_a_reason_is_read_before_who_and_what_kind_it_was() -> None:
    assert {"BY", "WHO", "TYPE", "ID"} <= set(_titles(200))
    assert "ID" not in _titles(180, WARN=2)
    assert "ID" in _titles(180, WARN=2, WHY=40), "nothing is cut: all have room"


async def test_a_column_comes_with_the_first_that_stands_in_it(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    for row in engine.executions:
        row["warnings"] = None
    async with open_console(size=(120, 40)) as console:
        await console.sees("WHY")
        assert "WARN" not in console.text()
        engine.update(engine.executions[0]["id"], warnings=7)
        await console.sees("WARN")


async def test_on_a_tall_screen_a_flow_tells_each_of_its_inputs(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.flows[0]["inputs"] = [
        {"name": "database", "type": "string", "default": "app", "description": "which one"},
        {"name": "host", "type": "string", "required": True, "description": "where"},
        {"name": "token", "type": "string", "sensitive": True, "default": "hunter2"},
    ]
    async with open_console(size=(120, 40)) as console:
        await console.press("f")
        await console.sees(" database  app       string · which one")
        await console.sees(" host      required  string · where")
        await console.sees(" token               string, hidden")
        await console.pilot.resize_terminal(80, 24)
        await console.sees("inputs: database, host (required), token")


async def test_a_form_is_as_wide_as_the_longest_of_its_notes_needs(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    words = "where the dump goes, a directory that exists and has room for it, on another disk"
    engine.flows[0]["inputs"] = [{"name": "store", "type": "string", "description": words}]
    async with open_console(size=(200, 50)) as console:
        await console.press("f", "r")
        await console.sees("string · " + words)
        box = console.app.screen.query_one(".box")
        assert 80 < box.size.width <= 104
        assert not console.app.screen.query_one("#about").size.height, "nothing is left to tell"
        await console.pilot.resize_terminal(80, 24)
        await console.until(lambda: box.size.width == 74)
        await console.sees("│ another disk")


async def test_a_question_is_set_anew_for_another_width(open_console: OpenConsole) -> None:
    async with open_console(size=(200, 50)) as console:
        await console.press("asterisk", "x")
        await console.sees("Cancel 2 executions?")
        words = " ".join(console.app.screen.consequence.split())  # type: ignore[attr-defined]
        for size in ((60, 15), (200, 50), (80, 24)):
            await console.pilot.resize_terminal(*size)
            await console.until(lambda: words in _inside(console.text()), "all of the question")


def _inside(text: str) -> str:
    """What stands in the frame of a dialog, its lines joined."""
    rows = [row.split("│")[1].strip() for row in text.splitlines() if row.count("│") == 2]
    return " ".join(" ".join(rows).split())
