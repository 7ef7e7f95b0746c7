"""The log of an execution: searched, frozen, of one step, of some, of all."""

from __future__ import annotations

import pytest

from tests.tui.conftest import Console, OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, line, step
from wingman_tui.log_search import LogSearch, finder
from wingman_tui.log_text import between, cut, marked, plain, rows_of
from wingman_tui.screens.execution import ExecutionScreen
from wingman_tui.widgets.log_pane import LogPane

LONG = "0193-long-000001"
BACKUP = "0193-nightly-backup-000128"
INGEST = "0193-ingest-orders-002041"


@pytest.fixture
def long(engine: FakeEngine) -> FakeEngine:
    """An execution whose log no window holds."""
    engine.add(
        execution("long", 1, "running"),
        [step("count", "running"), step("checks/disk", "running"), step("checks/net", "running")],
    )
    engine.log(
        LONG,
        *[
            line(NOW, "count", "error" if n in (70, 4_000) else "info",
                 f"needle {n}" if n % 1_000 == 0 else f"line {n}")
            for n in range(5_000)
        ],
    )  # fmt: skip
    return engine


def pane_of(console: Console) -> LogPane:
    screen = console.app.mode_screen
    assert isinstance(screen, ExecutionScreen)
    return screen.log_pane


async def search(console: Console, pattern: str) -> None:
    await console.press("slash")
    await console.type(pattern)
    await console.press("enter")


async def test_a_search_goes_from_match_to_match_through_the_whole_log(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await search(console, "needle")
        await console.sees("match 5 of 5")
        assert "needle 4000" in console.text()
        assert "F follows" in console.text()
        for place in (4, 3, 2, 1):
            await console.press("N")
            await console.sees(f"match {place} of 5")
            assert f"needle {(place - 1) * 1_000}\n" in console.text()
        await console.press("N")
        await console.until(lambda: console.notice == "no match above; n looks below")
        await console.press("n", "n")
        await console.sees("match 3 of 5")
        await console.sees("line 2001")
        await console.press("F")
        await console.sees("line 4999")
        await console.press("escape")
        await console.until(lambda: "/needle" not in console.text())
        await console.press("N")  # the last search again
        await console.sees("match 5 of 5")


async def test_a_search_may_hide_what_does_not_match(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.press("ampersand")
        await console.type("needle")
        await console.press("enter")
        await console.sees("&needle")
        await console.until(lambda: "line 4999" not in console.text())
        for n in range(5):
            assert f"needle {n * 1_000}" in console.text()
        await console.press("ampersand")
        await console.sees("line 4")
        await console.press("escape")
        await console.until(lambda: "needle match" not in console.text())


async def test_a_search_without_a_match_says_so(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await search(console, "absent")
        await console.sees("/absent no match")
        await console.until(lambda: console.notice.startswith("no match in these lines; (?i)"))
        assert "line 4999" in console.text()


async def test_the_next_error_is_found_wherever_it_is(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await console.press("tab", "b")
        await console.sees("E count        needle 4000")
        await console.press("b")
        await console.sees("E count        line 70")
        await console.press("e")
        await console.sees("E count        needle 4000")
        await console.press("e")
        await console.until(lambda: console.notice == "no error below; b looks above")


async def test_where_one_reads_stays_in_sight_among_other_lines(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    """The lines around an error: the errors alone, one of them, then all levels again."""
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await console.press("tab", "4")
        await console.until(lambda: "line 4999" not in console.text())
        await console.press("b", "b")
        await console.sees("E count        line 70")
        marked = pane_of(console).marked_line()
        await console.press("1")
        await console.sees("line 71")
        assert pane_of(console).marked_line() == marked, "and it is marked still"
        await search(console, "line 70")
        await console.sees("match 1 of ")
        assert pane_of(console).marked_line() == marked, "the line that one reads may match"
        await search(console, "needle")
        await console.sees("match 2 of 5")
        await console.press("ampersand")
        await console.until(lambda: "line 1001" not in console.text())
        await console.press("n", "escape")
        await console.sees("line 2001")
        await console.press("question_mark")
        await console.sees("Keys:")
        await console.press("escape")
        await console.sees("line 2001")
        assert console.app.focused is pane_of(console), "also after a look elsewhere"
        await console.press("pageup")
        first = pane_of(console).visible_lines()[0]
        long.stop()
        await console.sees("engine gone")
        long.start()
        await console.sees("● live")
        await console.until(lambda: pane_of(console).visible_lines()[0] == first, "the same lines")


async def test_the_first_line_of_all_is_a_key_away_and_a_match_far_right_is_seen(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    long.log(LONG, line(NOW, "count", "info", "far " * 300 + "away" + " and on" * 30))
    async with open_console(reference=LONG) as console:
        await console.sees("far far")
        await console.press("tab", "g")
        await console.sees("needle 0")
        assert pane_of(console).visible_lines()[0]["text"] == "needle 0"
        await console.press("space")
        await console.until(lambda: pane_of(console).top > pane_of(console).window.first)
        await search(console, "away")
        await console.sees("far away and on")
        await console.press("escape")
        await console.sees("I count        far far")


async def test_a_pattern_that_is_none_is_there_to_be_mended(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await search(console, "(bad[")
        await console.until(lambda: "cannot be used" in console.notice)
        assert not pane_of(console).search.pattern
        await console.press("slash")
        await console.sees("search the log (bad[")
        await console.press("ctrl+u")
        await console.type("needle")
        await console.press("enter")
        await console.sees("match 5 of 5")


async def test_hiding_that_is_left_hides_nothing_later(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await console.press("ampersand", "escape")
        await search(console, "line 499")
        await console.sees("/line 499")
        assert not pane_of(console).choice.grep
        await console.sees("n next match  N previous match  & matches only")


async def test_a_frozen_log_stands_still_and_counts(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await console.press("z")
        await console.sees("frozen")
        long.log(LONG, *[line(NOW, "count", "info", f"unseen {n}") for n in range(1_234)])
        await console.sees("frozen, 1,234 new; z goes on")
        assert "line 4999" in console.text()
        assert "unseen" not in console.text()
        await console.press("tab", "end", "pagedown")
        await console.sees("unseen 9")
        assert "frozen" in console.text(), "one may read on, it goes nowhere by itself"
        await console.press("z")
        await console.sees("unseen 1233")
        await console.sees("following")


async def test_a_log_that_was_read_stays_there_after_a_freeze(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await console.press("tab", "pageup")
        top = pane_of(console).top
        await console.press("z", "z")
        assert pane_of(console).top == top
        assert not pane_of(console).is_following


async def test_new_lines_are_counted_alone_while_nobody_follows(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference=LONG) as console:
        await console.sees("line 4999")
        await console.press("tab", "up")
        await console.until(lambda: any(m.get("burst") == 0 for m in long.opened))
        long.log(LONG, *[line(NOW, "count", "info", f"later {n}") for n in range(30)])
        await console.sees("30 new")
        for _ in range(4):
            await console.press("pagedown")
            await console.pilot.pause(0.1)
        await console.sees("later 29")
        await console.sees("following")
        long.log(LONG, line(NOW, "count", "info", "the very last"))
        await console.sees("the very last")


async def test_the_log_of_a_group_is_that_of_all_its_steps(
    long: FakeEngine, open_console: OpenConsole
) -> None:
    long.log(LONG, line(NOW, "checks/disk", "info", "of disk"))
    long.log(LONG, line(NOW, "checks/net", "info", "of net"))
    async with open_console(reference=LONG) as console:
        await console.sees("of net")
        await console.press("down", "down")
        await console.sees("log checks: 2 steps")
        await console.until(lambda: "line 4999" not in console.text())
        assert "of disk" in console.text()
        assert "of net" in console.text()
        await console.press("down")
        await console.sees("log checks/disk")
        await console.until(lambda: "of net" not in console.text())
        await console.press("home")
        await console.sees("log all steps")
        await console.sees("line 4999")


async def test_the_log_of_a_section_is_that_of_its_steps(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(reference="nightly-backup#128") as console:
        await console.press("end", "up")
        await console.sees("log finally: 1 step ")
        await console.sees("removed 'dump.sql'")
        await console.until(lambda: "No space" not in console.text().split("log finally")[1])


async def test_levels_and_matches_narrow_the_log(open_console: OpenConsole) -> None:
    async with open_console(reference=BACKUP) as console:
        await console.sees("frame 11")
        await console.press("3")
        await console.until(lambda: "frame" not in console.text())
        await console.sees("98% full")
        await console.press("4")
        await console.until(lambda: "98% full" not in console.text())
        await console.press("1", "slash")
        await console.type("frame 1")
        await console.press("enter")
        await console.sees("match 3 of 3")
        assert "frame 9" in console.text()
        await console.press("ampersand")
        await console.until(lambda: "frame 9" not in console.text())
        await console.press("escape")
        await console.sees("frame 9")


async def test_long_lines_are_broken_or_moved_sideways(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    words = " ".join(f"word{n}" for n in range(60))
    engine.log(INGEST, line(NOW, "load/asia", "info", words))
    async with open_console(reference=INGEST) as console:
        await console.sees("word3")
        assert "word59" not in console.text()
        await console.press("W")
        await console.sees("word59")
        await console.press("tab", "up", "F", "W")
        await console.until(lambda: "word59" not in console.text())
        for _ in range(20):
            await console.press("l")
            if "word59" in console.text():
                break
        assert "word59" in console.text()


async def test_an_old_log_is_read_upwards_page_by_page(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.logs[INGEST] = []
    engine.log(INGEST, *[line(NOW, "load/asia", "info", f"number {n}") for n in range(3_000)])
    async with open_console(reference=INGEST) as console:
        await console.sees("number 2999")
        await console.press("tab")
        screen = console.app.mode_screen
        assert isinstance(screen, ExecutionScreen)
        pane = screen.log_pane
        while pane.window.more_before:
            first = pane.window.first
            pane.scroll_to_spot((first, 0))
            await console.until(lambda first=first: pane.window.first < first)  # type: ignore[misc]
        assert pane.window.end - pane.window.first == 3_000
        await console.press("home")
        await console.sees("number 0")
        await console.press("end")
        await console.sees("number 2999")


def test_the_words_of_a_search() -> None:
    search = LogSearch()
    assert search.words() == ""
    search.begin("x")
    assert search.words() == "counting"
    search.apply({"matches": 128, "counted": False, "place": None})
    assert search.words() == "128+ matches"
    search.apply({"matches": 1_280, "counted": True, "place": 3})
    assert search.words() == "match 3 of 1,280"
    search.apply({"matches": 0, "place": None})
    assert search.words() == "no match"


def test_what_is_searched_is_marked_where_it_stands() -> None:
    parts = marked([("ab", "x"), ("cdéf", "y")], finder("cd|é")("abcdéf"), "match")
    assert parts == [("ab", "x"), ("cd", "match"), ("é", "match"), ("f", "y")]
    assert finder("(")("a (b") == [(2, 3)], "what is no pattern is taken as it stands"
    assert finder("(a+)+$")("a" * 3_000 + "!") == []
    assert finder("")("abc") == []


def test_a_marked_line_may_be_cut_and_broken_anywhere() -> None:
    parts = [("ab", "x"), ("漢字 cd", "match"), (" ef", "y")]
    assert plain(between(parts, 1, 4)) == "b漢字"
    assert plain(cut(parts, 0, 6)) == "ab漢…"
    assert plain(cut(parts, 2, 40)) == "漢字 cd ef"
    text = plain(parts)
    for width in range(3, 14):
        rows = rows_of(text, width, 50)
        assert "".join(text[a:b] for a, b in rows).replace(" ", "") == text.replace(" ", "")
    assert rows_of("", 10, 50) == [(0, 0)]
    assert len(rows_of("x" * 1_000, 3, 50)) == 50
