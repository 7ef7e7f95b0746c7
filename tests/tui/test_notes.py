"""Notes in the console: read beside an execution or a step, and written."""

from __future__ import annotations

from tests.tui.conftest import Console, OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, step
from wingman_tui.screens.notes import NotesDialog

NOTE = {"id": 1, "flow": "release", "number": 4, "step": "ship", "at": "2026-11-22T14:00:00.000000Z",
        "by": "ann", "text": "the store was full\n\x1b[31mempty it", "edited_at": None}  # fmt: skip


async def test_notes_are_read_and_one_is_written_about_the_step(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    row = execution("release", 4, "failed")
    engine.add(row, [step("ship", "failed")])
    engine.explained["notes"] = {"notes": [NOTE]}
    async with open_console() as console:
        await console.press("home", "enter")
        await console.sees("ship")
        await console.press("end", "o")
        await console.until(lambda: isinstance(console.app.screen, NotesDialog))
        text = console.text()
        assert "ann, 2026-11-22" in text
        assert "› ship" in text
        assert "the store was full" in text
        assert "empty it" in text
        assert "\x1b" not in text
        await console.type("done again")
        await console.press("enter")
        await console.until(lambda: written(engine) != [])
    assert written(engine) == [{"text": "done again", "step": "ship"}]


def written(engine: FakeEngine) -> list[dict[str, object]]:
    return [body for method, path, body in engine.requests
            if method == "POST" and path.endswith("/notes")]  # fmt: skip


async def opened(console: Console) -> None:
    await console.press("home", "enter")
    await console.sees("ship")
    await console.press("o")
    await console.until(lambda: isinstance(console.app.screen, NotesDialog))


def changed(engine: FakeEngine) -> list[tuple[str, str, object]]:
    return [(method, path.rpartition("/")[2], body) for method, path, body in engine.requests
            if method in ("PUT", "DELETE")]  # fmt: skip


async def test_a_note_is_chosen_and_edited_with_its_lines(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.add(execution("release", 4, "failed"), [step("ship", "failed")])
    other = {**NOTE, "id": 2, "text": "second"}
    engine.explained["notes"] = {"notes": [{**NOTE, "text": "full\nempty it"}, other]}
    async with open_console() as console:
        await opened(console)
        await console.type("a draft")
        await console.press("up", "up")
        await console.sees("> ann")
        await console.press("down", "down")
        await console.sees("a draft")  # it is still there
        await console.press("up", "up", "end")
        await console.type(" today")
        await console.press("enter")
        await console.until(lambda: changed(engine) != [])
    assert changed(engine) == [("PUT", "1", {"text": "full\nempty it today"})]


async def test_a_note_is_removed_by_a_key_that_is_pressed_twice(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.add(execution("release", 4, "failed"), [step("ship", "failed")])
    engine.explained["notes"] = {"notes": [NOTE]}
    async with open_console() as console:
        await opened(console)
        await console.press("ctrl+d", "up", "ctrl+d")
        await console.sees("again removes it for good")
        await console.press("escape")
        await console.sees("save")
        assert changed(engine) == []
        await console.press("ctrl+d", "ctrl+d")
        await console.until(lambda: changed(engine) != [])
    assert [(method, note) for method, note, _ in changed(engine)] == [("DELETE", "1")]


async def test_no_notes_yet_and_nothing_typed_writes_nothing(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.explained["notes"] = {"notes": []}
    async with open_console() as console:
        await console.press("home", "o")
        await console.until(lambda: isinstance(console.app.screen, NotesDialog))
        assert "No notes yet" in console.text()
        await console.press("enter")
        assert not isinstance(console.app.screen, NotesDialog)
        assert written(engine) == []
