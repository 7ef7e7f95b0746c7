"""Several executions at once: marks, the question with its count, what is refused."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from engine.model import STARTED_BY
from tests.tui.conftest import Console, OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution
from wingman_tui.filters import (
    TRIGGERS,
    as_query,
    complete,
    expanded,
    meant,
    unheard_of,
    usual,
)
from wingman_tui.screens.confirm import ConfirmDialog
from wingman_tui.screens.executions import ExecutionsScreen


def verbs(engine: FakeEngine, verb: str) -> set[str]:
    """The executions that a verb was asked for."""
    return {
        path.split("/")[3]
        for method, path, _ in engine.requests
        if method == "POST" and path.endswith("/" + verb)
    }


def busy(engine: FakeEngine, count: int) -> None:
    """So many that run, on top of the list."""
    for number in range(count):
        engine.add(execution("ship", number, "running", id=f"ship-{number}"))


def screen(console: Console) -> ExecutionsScreen:
    found = console.app.mode_screen
    assert isinstance(found, ExecutionsScreen)
    return found


async def test_marked_ones_are_cancelled_together(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    busy(engine, 3)
    async with open_console() as console:
        await console.press("space", "space")
        assert "2 marked" in console.text()
        assert console.text().count("▌ship") == 0, "the mark stands before the state"
        assert console.text().count("▌") == 2
        await console.press("x")
        assert "Cancel 2 executions?" in console.text()
        assert "ship#2, ship#1" in console.text()
        await console.press("y")
        await console.until(lambda: verbs(engine, "cancel") == {"ship-2", "ship-1"})
        await console.until(lambda: "cancelling 2" in console.notice)
        assert not screen(console).marked


async def test_many_have_to_be_counted(engine: FakeEngine, open_console: OpenConsole) -> None:
    busy(engine, 12)
    async with open_console() as console:
        await console.press("h")
        await console.sees("flow:ship")
        await console.press("asterisk")
        await console.sees("12 marked")
        await console.press("x", "y", "enter")
        assert not verbs(engine, "cancel"), "neither y nor enter is a count"
        await console.press("x")
        await console.type("13")
        assert isinstance(console.app.screen, ConfirmDialog)
        await console.press("backspace")
        await console.type("12")
        await console.press("enter")
        await console.until(lambda: len(verbs(engine, "cancel")) == 12)


async def test_what_cannot_be_done_is_left_alone(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    busy(engine, 1)
    engine.add(execution("done", 1, "completed", id="done-1"))
    async with open_console() as console:
        await console.press("space", "space", "R")
        assert "none of the 2 marked can be retried" in console.notice
        await console.press("x")
        assert "1 marked is in another state" in console.text().replace("\n", " ")
        await console.press("y")
        await console.until(lambda: verbs(engine, "cancel") == {"ship-0"})


async def test_what_the_engine_refuses_is_told(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    busy(engine, 2)
    engine.refusals["/ship-1/cancel"] = (409, {"code": "conflict", "message": "it has ended"})
    async with open_console() as console:
        await console.press("space", "space", "x", "y")
        await console.until(lambda: "1 refused: ship#1: it has ended" in console.notice)


async def test_escape_takes_the_marks_off_then_the_filter(open_console: OpenConsole) -> None:
    async with open_console() as console:
        screen(console).set_filter("state:failed")
        await console.sees("state:failed")
        await console.press("space", "escape")
        assert not screen(console).marked
        assert screen(console).filter_text
        await console.press("escape")
        assert not screen(console).filter_text


async def test_marks_stay_with_their_executions(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    busy(engine, 2)
    async with open_console() as console:
        await console.press("space")
        engine.add(execution("newest", 1, "running"))
        await console.sees("newest#1")
        marked = [line for line in console.text().splitlines() if line.startswith("▌")]
        assert len(marked) == 1
        assert "ship#1" in marked[0]


# named filters


async def test_a_filter_gets_a_name(engine: FakeEngine, open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("slash")
        await console.type("state:failed")
        await console.press("enter", "colon")
        await console.type("filter save bad")
        await console.press("enter")
        await console.until(lambda: "@bad is state:failed" in console.notice)
        await console.press("escape", "slash")
        await console.type("@b")
        await console.press("tab", "enter")
        await console.until(lambda: any(m.get("filter") == "state:failed" for m in engine.opened))
        assert screen(console).filter_text == "@bad"
    async with open_console() as again:
        assert again.app.named_filters["bad"] == "state:failed"
        await again.press("colon")
        await again.type("filter forget bad")
        await again.press("enter")
        await again.until(lambda: "bad" not in again.app.named_filters)


async def test_only_what_was_saved_is_offered_to_be_forgotten(open_console: OpenConsole) -> None:
    async with open_console() as console:
        console.app.kept.filters["tonight"] = "flow:nightly"
        await console.press("colon")
        await console.type("filter forget t")
        await console.press("tab", "enter")
        await console.until(lambda: "@tonight is forgotten" in console.notice)
        for name, words in (("today", "there from the beginning"), ("x", "no filter is named x")):
            await console.press("colon")
            await console.type(f"filter forget {name}")
            await console.press("enter")
            assert words in console.notice


async def test_a_filter_that_nothing_fits_says_which_word_there_is_not(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    busy(engine, 1)
    async with open_console() as console:
        screen(console).set_filter("trigger:shedule")
        await console.sees("nothing is started by shedule (did you mean schedule?)")


async def test_a_name_that_is_none_is_refused(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("colon")
        await console.type("filter save x")
        await console.press("enter")
        assert "there is no filter to save" in console.notice


def test_what_is_never_heard_of_is_told() -> None:
    assert unheard_of("state:failed flow:backup,x type:etl text", ["backup"], ["", "etl"]) == (
        "no flow folder has a flow x (such as backup)"
    )
    assert unheard_of("flow:x trigger:event,rerun", [], []) == ""  # not known yet
    assert "no type" not in unheard_of("type:etl", ["a"], ["etl"])
    assert TRIGGERS == STARTED_BY


def test_names_are_offered_and_expanded() -> None:
    named = {"night": "flow:nightly since:24h", "bad": "state:failed"}
    assert complete("@", named=named) == ["@bad", "@night"]
    assert "@bad" in complete("", named=named)
    assert expanded("@bad x @unknown", named) == "state:failed x @unknown"
    assert meant("@b x @u @ b", named) == "@bad x @u @ b"
    assert meant("@b", ("bad", "big")) == "@b"
    assert meant("@bad", ("bad", "badly")) == "@bad"


def test_a_filter_becomes_an_address() -> None:
    assert as_query("state:failed,partial flow:a state:queued two words") == {
        "state": "failed,partial,queued", "flow": "a", "text": "two words",
    }  # fmt: skip
    assert as_query("odd:x 'unclosed") == {"text": "odd:x 'unclosed"}


def test_days_have_a_name_in_the_readers_zone() -> None:
    named = usual(NOW, ZoneInfo("Europe/Zurich"))
    assert named["yesterday"] == "since:2026-11-20T23:00:00Z until:2026-11-21T23:00:00Z"
    assert named["today"] == "since:2026-11-21T23:00:00Z"
    short = datetime(2026, 3, 30, 12, tzinfo=ZoneInfo("Europe/Zurich")).timestamp()
    assert usual(short, ZoneInfo("Europe/Zurich"))["yesterday"] == (
        "since:2026-03-28T23:00:00Z until:2026-03-29T22:00:00Z"
    ), "a day of 23 hours"


async def test_all_of_a_filter_by_warnings_are_marked_also_beyond_the_window(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    busy(engine, 600)
    async with open_console() as console:
        await console.press("slash")
        await console.type("flow:ship warnings:>0")
        await console.press("enter")
        await console.sees("600 found")
        await console.press("asterisk")
        await console.sees("500 marked")
        assert "more match" in console.notice
