"""What gives way where there is little room, and what does not: every size that is promised."""

from __future__ import annotations

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.inbox_rows import entry, place
from tests.tui.rows import execution, step
from wingman_tui.format import wrap
from wingman_tui.screens.help import HelpPane
from wingman_tui.triggers import coming
from wingman_tui.widgets.log_lines import LogLines


async def test_a_title_gives_way_from_the_outside_in(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.flows[0]["debug"] = "on"
    engine.explained = {"timeline": {}}
    async with open_console(size=(70, 15)) as console:
        await console.press("e", "enter")
        await console.sees(" nightly-backup#128  ")
        await console.press("i")
        await console.sees("nightly-backup#128 › Values")


def test_a_text_that_is_cut_says_so() -> None:
    assert wrap("one two three four five", 9, 2) == ["one two", "three…"]
    assert wrap("one two", 9, 1) == ["one two"]
    assert wrap("one\ntwo", 9, 1) == ["one…"]


async def test_the_log_takes_the_lines_where_there_are_few(open_console: OpenConsole) -> None:
    async with open_console(size=(60, 15)) as console:
        await console.press("e", "enter")
        await console.sees("failed · exit 1")
        log = console.app.screen.query_one("#log", LogLines)
        before = log.page
        await console.press("tab")
        await console.until(lambda: log.page > before, "more lines of the log")
        assert "compress" in console.text().splitlines()[1], "the step stays in sight"
        await console.press("tab")
        await console.until(lambda: log.page == before, "the tree again")


async def test_what_waits_for_an_answer_asks_in_as_many_lines_as_there_are(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    question = "Shall the old dumps of all databases go, now that the new ones are there and read?"
    waiting = {"kind": "approval", "step": "confirm", "message": question}
    engine.add(execution("etl", 1, "running", waiting_for=waiting))
    async with open_console(size=(60, 24)) as console:
        await console.press("enter")
        await console.sees("are there and read?")


async def test_a_list_that_is_on_its_way_is_not_called_by_its_order(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        console.app.executions.is_asked = True
        screen = console.app.mode_screen
        screen.order = screen.order.next()  # type: ignore[attr-defined]
        screen.marks_changed()  # type: ignore[attr-defined]
        await console.sees("longest first …")
        await console.press("s")
        await console.sees("by flow   ")


async def test_flows_tell_when_they_start_by_themselves(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    row = {"kind": "schedule", "what": "", "paused": None, "problem": "", "next": None,
           "refusals": [], "last": None, "source": ""}  # fmt: skip
    engine.triggers = [
        {**row, "name": "a", "flow": "nightly-backup", "next": "2026-11-23T02:00:00.000000Z"},
        {**row, "name": "b", "flow": "nightly-backup", "next": "2026-11-24T02:00:00.000000Z"},
        {**row, "name": "c", "flow": "log-triage", "kind": "watch"},
        {**row, "name": "d", "flow": "open-ports", "paused": {"by": "ada", "at": ""}},
    ]
    assert coming(engine.triggers)["nightly-backup"]["next"] == "2026-11-23T02:00:00.000000Z"
    async with open_console(size=(100, 24)) as console:
        await console.press("f")
        await console.sees("NEXT START")
        await console.sees("23 Nov 02:00")
        await console.sees("on a file")
        await console.sees("‖ paused")
        assert "unknown key `st" in console.text(), "the problem, where its use would stand"


async def test_a_form_that_scrolls_tells_where_one_is(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    field = engine.flows[0]["inputs"][0]
    engine.flows[0]["inputs"] = [{**field, "name": f"field_{n}"} for n in range(40)]
    async with open_console() as console:
        await console.press("f", "r")
        await console.sees("field 1 of 41")
        await console.press("tab", "tab")
        await console.sees("field 3 of 41")


async def test_a_taller_screen_is_painted_from_where_its_first_row_is_now(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.add(execution("etl", 1, "completed"), [step(f"s{n}", "completed") for n in range(12)])
    async with open_console(size=(60, 15)) as console:
        await console.press("enter")
        await console.sees("s1 ")
        await console.press("end")
        await console.sees("s11 ")
        await console.pilot.resize_terminal(120, 40)
        await console.sees("s0 ")
        tree = "\n".join(row[:50] for row in console.text().splitlines())
        assert [tree.count(f"✓ s{number} ") for number in range(12)] == [1] * 12


async def test_in_the_help_a_cursor_stands_only_on_what_opens(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("question_mark")
        await console.sees("Keys: Executions")
        pane = console.app.screen.query_one("#help", HelpPane)
        assert not any("reverse" in str(part.style) for part in pane.render_line(0)), "a heading"
        seen = []
        for _ in range(60):
            top = pane.top
            await console.press("down")
            assert pane.top - top in (0, 1)
            if pane.lines[pane.cursor].can_open:
                seen.append(pane.lines[pane.cursor].topic)
        assert "The console" in seen
        assert len(seen) > 10


async def test_below_the_least_size_a_dialog_makes_room_for_the_one_sentence(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("f", "r")
        await console.sees("run it")
        await console.press("ctrl+u")
        await console.type("abc")
        await console.pilot.resize_terminal(50, 12)
        await console.sees("Wingman needs 60x15, this is 50x12.")
        await console.until(lambda: "run it" not in console.text())
        await console.press("x")
        await console.pilot.resize_terminal(80, 24)
        await console.sees("abc ")
        await console.press("d")
        await console.sees("abcd ")
        await console.pilot.resize_terminal(50, 12)
        await console.until(lambda: "run it" not in console.text())
        await console.press("q")
        await console.until(lambda: not console.app.is_running or console.app._exit)


async def test_a_question_that_cannot_be_seen_is_not_answered(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("down", "x")
        await console.sees("Cancel ingest-orders#2041?")
        await console.pilot.resize_terminal(50, 12)
        await console.sees("Wingman needs")
        await console.press("y", "escape")
        await console.pilot.resize_terminal(80, 24)
        await console.sees("Cancel ingest-orders#2041?")
        assert not [path for _, path, _ in engine.requests if path.endswith("cancel")]


async def test_of_a_name_that_is_too_long_both_ends_are_seen(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    name = "a-very-long-flow-name-chosen-for-good-reasons-by-somebody-else"
    engine.add(execution(name, 7, "completed"), [step("one", "completed")])
    async with open_console(size=(60, 15)) as console:
        await console.press("enter")
        await console.sees("✓ one")
        title, root, *_ = console.text().splitlines()
        assert title.startswith(" a-very-long-flow-name")
        assert "…" in title
        assert "somebody-else#7" in title
        assert "…" in root
        assert "else#7" in root


async def test_what_the_panels_cut_says_so(engine: FakeEngine, open_console: OpenConsole) -> None:
    name = "a-very-long-flow-name-chosen-for-good-reasons-by-somebody-else"
    engine.flows[0]["name"] = name
    engine.inbox = [entry("1", "exit:1", "no room", place(name, "compress", 2))]
    async with open_console(size=(60, 15)) as console:
        await console.press("f")
        panel = console.app.mode_screen.query_one("#flow-panel")
        await console.sees("inputs: database")
        head = panel.render_line(0).text.rstrip()
        assert head.startswith(" a-very-long-flow-name")
        assert head.endswith("somebody-else")
        await console.press("I")
        await console.sees("x a-very-long")
        line = next(row for row in console.text().splitlines() if "x a-very-long" in row)
        assert line.endswith("…")
