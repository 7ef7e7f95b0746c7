"""What an operator chooses: themes while they are seen, what is watched, what help is sought."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, stamp, step
from wingman_tui.app import WingmanApp
from wingman_tui.figures import HISTORY, History
from wingman_tui.help_search import HEADING, TEXT, TITLE, look, sections_of, spans_of
from wingman_tui.screens.help import HelpScreen
from wingman_tui.screens.themes import ThemeDialog


async def test_a_theme_is_seen_before_it_is_kept(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console(theme="") as console:
        before = console.app.view.palette.name
        await console.press("ctrl+t")
        assert isinstance(console.app.screen, ThemeDialog)
        await console.press("down")
        seen = console.app.view.palette.name
        assert seen != before
        await console.press("escape")
        assert console.app.view.palette.name == before
        await console.press("ctrl+t", "down", "enter")
        assert console.app.view.palette.name == seen
        path = engine.home / "data" / "console-kept.json"
        await console.until(lambda: path.exists() and json.loads(path.read_text())["theme"] == seen)
    async with open_console(theme="") as again:
        assert again.app.view.palette.name == seen
    async with open_console(theme="light") as told:
        assert told.app.view.palette.name == "light", "the configuration wins"


@pytest.mark.parametrize("text", ["", "[", '{"theme": 7, "filters": [1], "watched": {}}'])
async def test_what_was_kept_may_be_damaged(
    engine: FakeEngine, open_console: OpenConsole, text: str
) -> None:
    (engine.home / "data").mkdir()
    (engine.home / "data" / "console-kept.json").write_text(text)
    async with open_console(theme="") as console:
        assert console.app.view.palette.name == "ansi"
        assert console.app.kept.filters == {}


async def test_a_watched_flow_tells_of_its_failure_in_any_mode(
    engine: FakeEngine, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr(WingmanApp, "write_aside", lambda app, data: written.append(data))
    async with open_console(bell=True) as console:
        await console.press("B")
        assert console.app.kept.watched
        flow = console.app.kept.watched[0]
        await console.press("f")
        await console.sees("Automation › Flows")
        await console.until(lambda: console.app.watching.has_looked)
        error = {"step": "load", "type": "exit:1", "message": "no"}
        engine.add(execution("other", 1, "failed", error=error))
        engine.add(execution(flow, 999, "failed", id="watched-999", error=error))
        await console.until(lambda: f"{flow}#999 failed: load" in console.notice)
        assert written == ["\a"]
        await console.press("a", "B")
        assert not console.app.kept.watched


async def test_the_help_is_searched_as_one_types(open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("question_mark", "slash")
        await console.type("sigkill")
        text = console.text()
        assert "Kill at once with SIGKILL" in text
        assert "Palette" not in text
        assert "Move down one row" not in text
        await console.press("escape")
        assert "/sigkill" not in console.text()
        await console.press("slash")
        await console.type("zqxj")
        await console.press("enter")
        assert "nothing here holds that" in console.text()
        await console.press("escape")
        await console.sees("Keys: Executions")


async def test_what_is_found_in_a_document_is_opened_where_it_stands(
    open_console: OpenConsole,
) -> None:
    async with open_console() as console:
        await console.press("question_mark", "slash")
        await console.type("signature")
        await console.press("enter")
        found = console.text().splitlines()
        title = next(n for n, line in enumerate(found) if "Starting flows by themselves" in line)
        assert "signature" in found[title + 1], "the heading, and the line with the word"
        screen = console.app.mode_screen
        assert isinstance(screen, HelpScreen)
        while "themselves" not in str(screen.pane.lines[screen.pane.cursor].parts):
            await console.press("down")
        await console.press("down", "enter")
        text = console.text()
        assert "/signature 1 of " in text
        assert "signature" in text.partition("\n")[2]
        await console.press("n")
        assert "/signature 2 of " in console.text()
        await console.press("N", "N", "escape")
        assert console.text().splitlines() == found, "back where one was"


def test_titles_come_before_headings_and_these_before_texts() -> None:
    text = "# A b\n\nintro\n\n## Retry delays\n\nsome\n\n```\n# no heading: retry\n```\n## End\nto `retry` |x|"
    sections = sections_of(text)
    assert [s.heading for s in sections] == ["", "A b", "Retry delays", "End"]
    hit = look("A b", sections, ["retry"])
    assert hit is not None
    assert hit.rank == HEADING
    assert [(place.heading, place.line) for place in hit.places] == [
        ("Retry delays", ""), ("End", "to retry x"),
    ]  # fmt: skip
    titled = look("Retry", sections, ["retry"])
    assert titled is not None
    assert titled.rank == TITLE
    code = look("A b", sections, ["some", "retry"])
    assert code is not None
    assert (code.rank, code.places[0].heading) == (TEXT, "Retry delays")
    assert look("A b", sections, ["retry", "nowhere"]) is None
    many = "# T\n" + "".join(f"## S{n}\nword\n" for n in range(9))
    found = look("T", sections_of(many), ["word"])
    assert found is not None
    assert (len(found.places), found.more) == (3, 6)


def test_words_are_marked_where_they_stand_and_none_over_another() -> None:
    assert spans_of("A retry, Retries", ["retr", "retry"]) == [(2, 6), (9, 13)]
    assert spans_of("İstanbul", ["stan"]) == []
    assert spans_of("none", []) == []


async def test_help_leads_to_doctor_and_the_log(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.explained["doctor"] = {"findings": []}
    async with open_console() as console:
        await console.press("question_mark", "slash")
        await console.type("what doctor finds where the engine runs")
        await console.press("enter", "enter")
        await console.sees("System › Doctor")
        await console.press("escape")
        await console.sees("Help")


async def test_a_flow_shows_its_file(engine: FakeEngine, open_console: OpenConsole) -> None:
    engine.flows[0]["definition"] = "name: nightly-backup\nsteps: []\n"
    async with open_console() as console:
        await console.press("f")
        await console.press("D")
        await console.sees("steps: []")
        await console.press("escape")
        await console.sees("Automation › Flows")


async def test_the_form_holds_the_last_values(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    number = max(row["number"] for row in engine.executions if row["flow"] == "nightly-backup")
    engine.flows[0]["last"] = [{"number": number, "state": "completed", "duration_ms": 1}]
    row = next(r for r in engine.executions
               if r["flow"] == "nightly-backup" and r["number"] == number)  # fmt: skip
    engine.update(row["id"], inputs={"database": "shop", "keep": 3, "token": "•••"})
    async with open_console() as console:
        await console.press("f", "r")
        await console.sees(f"with the values of #{number}")
        assert "shop" in console.text()
        assert "•••" not in console.text(), "what is sensitive is typed anew"
        await console.press("ctrl+r")
        assert "shop" not in console.text()
        assert "app" in console.text()


# what running steps take


def sample(cpu_s: float, rss_bytes: int) -> dict[str, Any]:
    return {"cpu_s": cpu_s, "rss_bytes": rss_bytes}


def test_a_history_counts_the_seconds_without_news() -> None:
    history = History()
    history.take(sample(1.0, 100), 10.0)
    assert history.cpu == []
    history.take(sample(1.5, 200), 11.0)
    assert history.cpu == [0.5]
    history.take(sample(1.5, 200), 11.1)
    assert history.cpu == [0.5], "the same second again"
    history.take(sample(2.5, 300), 14.0)
    assert history.cpu == [0.5, 0.0, 0.0, 1.0]
    assert history.memory == [100.0, 200.0, 200.0, 200.0, 300.0]
    history.take(sample(2.5, 300), 1_000.0)
    assert len(history.cpu) == len(history.memory) == len(history.disk) == HISTORY


def test_a_history_has_a_line_where_there_is_one_for_each() -> None:
    history = History()
    for second in range(1, 5):
        live = {**sample(second * 0.5, 6 << 20), "read_bytes": second << 20, "write_bytes": 0}
        history.take(live, float(second))

    def texts(width: int, rows: int) -> list[str]:
        return ["".join(t for t, _ in line).rstrip() for line in history.lines(width, rows)]

    high = texts(50, 9)
    assert [line[:7] for line in high] == ["cpu    ", "memory ", "I/O    "], "below each other"
    assert [line.split()[-1] for line in high] == ["50%", "MB", "MB/s"]
    (one,) = texts(78, 1)
    assert all(name in one for name in ("cpu", "memory", "I/O"))
    (one,) = texts(60, 1)
    assert "memory" in one
    assert "I/O" not in one, "the last one leaves"
    idle = History()
    idle.take(sample(0.0, 1), 1.0)
    idle.take(sample(0.0, 1), 2.0)
    assert len(idle.lines(50, 9)) == 2, "who reads and writes nothing has no history of it"


async def test_a_running_step_shows_its_last_minute(
    engine: FakeEngine, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = step("crunch", "running", started_at=stamp(NOW - 9), live=sample(1.0, 5 << 20))
    engine.add(execution("heavy", 1, "running", id="heavy-1", started_at=stamp(NOW - 9)), [live])
    async with open_console() as console:
        await console.press("enter", "down")
        clock, seen = [NOW], console.app.mode_screen.figures  # type: ignore[attr-defined]
        console.app.view.clock = lambda: clock[0]
        for second in range(1, 5):
            clock[0] = NOW + second
            engine.update_step("heavy-1", "crunch", live=sample(1.0 + second * 0.5, 6 << 20))
            await console.until(lambda n=second: len(seen.of("crunch").memory) > n)
        await console.sees("50%")
        assert "memory" in console.text()
        engine.update_step("heavy-1", "crunch", state="completed", live=None)
        await console.until(lambda: seen.of("crunch") is None)


async def test_a_form_of_forty_fields_is_walked_through(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    one = engine.flows[0]["inputs"][0]
    engine.flows[0]["inputs"] = [
        {**one, "name": f"field_{n:02d}", "default": f"v{n:02d}", "schema": {}} for n in range(40)
    ]
    async with open_console(size=(60, 15)) as console:
        await console.press("f", "r")
        await console.sees("field_00")
        assert "field_39" not in console.text()
        for _ in range(39):
            await console.press("tab")
        assert "field_39" in console.text()
        assert "run it" in console.text(), "how to send it stays in sight"
        await console.type("x")
        await console.press("enter")
        await console.until(lambda: any(method == "POST" for method, _, _ in engine.requests))
        body = next(body for method, _, body in engine.requests if method == "POST")
        assert body["inputs"]["field_39"] == "v39x"
        assert len(body["inputs"]) == 40
