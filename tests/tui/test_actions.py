"""What an operator does from the console: run, rerun, retry, cancel, pause, debug."""

from __future__ import annotations

import pytest
from textual import events

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, step
from wingman_tui.screens.confirm import ConfirmDialog
from wingman_tui.screens.run_form import RunForm

BACKUP = "0193-nightly-backup-000128"
INGEST = "0193-ingest-orders-002041"


async def test_a_flow_is_run_from_its_form(engine: FakeEngine, open_console: OpenConsole) -> None:
    async with open_console() as console:
        await console.press("f")
        await console.sees("Automation › Flows")
        await console.press("r")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        await console.press("ctrl+u", "B", "enter")
        await console.sees("does not match ^[a-z]+$")
        await console.press("backspace", "d", "b", "tab", "ctrl+u", "3", "tab", "space", "tab")
        await console.type("hunter2")
        assert "hunter2" not in console.text()
        await console.press("enter")
        await console.sees("nightly-backup#194")
    started = [body for method, path, body in engine.requests if path == "/v1/executions" and body]
    assert started == [{
        "flow": "nightly-backup", "debug": False, "trigger": "manual",
        "inputs": {"database": "db", "keep": 3, "mode": "delta", "token": "hunter2"},
    }]  # fmt: skip


async def test_an_execution_is_run_again_with_its_inputs(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("e", "r")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        assert "Run nightly-backup again   with the values of #128" in console.text()
        await console.press("tab", "ctrl+u", "9", "enter")
        await console.sees("nightly-backup#194")
    rerun = [body for _, path, body in engine.requests if path.endswith("/rerun")]
    assert rerun == [{"inputs": {"database": "app", "keep": 9, "mode": "full"}, "debug": False}]


async def test_a_step_that_is_held_for_an_operator_is_retried(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    held = {"kind": "operator", "step": "write", "reason": "interrupted"}
    engine.add(execution("tape", 1, "running", waiting_for=held), [step("write", "interrupted")])
    async with open_console(reference="tape#1") as console:
        await console.sees("interrupted")
        await console.sees("R retry")
        await console.press("R")
        await console.until(lambda: console.notice == "retrying tape#1")


async def test_a_flow_without_inputs_asks_once(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("f", "down", "r")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        assert "takes no inputs" in console.text()
        await console.press("escape")
        assert not [path for method, path, _ in engine.requests if method == "POST"]
        await console.press("r")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        await console.press("enter")
        await console.sees("verify-packages#193")


async def test_a_flow_with_problems_tells_them_and_does_not_start(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("f", "end")
        await console.sees("unknown key `stepz`")
        await console.press("r")
        assert "cannot start" in console.notice


async def test_cancel_asks_and_only_y_does_it(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("down", "x")
        await console.until(lambda: isinstance(console.app.screen, ConfirmDialog))
        assert "Cancel ingest-orders#2041?" in console.text()
        assert "SIGTERM" in console.text()
        for key in ("x", "space", "j"):
            await console.press(key)
            assert isinstance(console.app.screen, ConfirmDialog)
        await console.press("enter")
        assert not isinstance(console.app.screen, ConfirmDialog)
        assert not [path for _, path, _ in engine.requests if path.endswith("cancel")]
        await console.press("x")
        await console.until(lambda: isinstance(console.app.screen, ConfirmDialog))
        await console.press("y")
        await console.sees("⊘ cancelled  ingest-orders#2041")


@pytest.mark.parametrize(("key", "verb"), [("R", "retry"), ("p", "pause")])
async def test_a_verb_acts_on_the_selected_execution(
    engine: FakeEngine, open_console: OpenConsole, key: str, verb: str
) -> None:
    async with open_console() as console:
        await console.press("e" if verb == "retry" else "down", key)
        wanted = BACKUP if verb == "retry" else INGEST
        path = f"/v1/executions/{wanted}/{verb}"
        await console.until(lambda: path in [p for _, p, _ in engine.requests], path)


async def test_what_is_impossible_is_said_without_asking_the_engine(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        for key, words in (("x", "has ended: nothing to cancel"), ("p", "nothing to pause")):
            await console.press("e", key)
            assert words in console.notice
            await console.press("home")
        await console.press("R")
        assert "nothing to retry" in console.notice
        assert not [path for method, path, _ in engine.requests if method == "POST"]


async def test_a_refusal_of_the_engine_is_shown_with_its_hint(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.refusals["/retry"] = (
        409,
        {"code": "conflict", "message": "pool db is closed", "hint": "open it first"},
    )
    async with open_console() as console:
        await console.press("e", "R")
        await console.sees("pool db is closed (open it first)")


async def test_debug_mode_is_a_badge_in_every_mode_until_it_is_off(
    open_console: OpenConsole,
) -> None:
    async with open_console() as console:
        await console.press("f", "d")
        await console.sees(" DEBUG nightly-backup ")
        for keys in (["a"], ["e", "enter"], ["question_mark"]):
            await console.press(*keys)
            await console.sees("DEBUG nightly-backup")
        await console.press("f", "d")
        await console.until(lambda: "DEBUG" not in console.text())


async def test_a_form_of_forty_fields_is_moved_through(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    field = {"type": "string", "required": False, "sensitive": False, "default": "",
             "description": "", "schema": {}}  # fmt: skip
    engine.flows[1]["inputs"] = [{**field, "name": f"field{n}"} for n in range(40)]
    async with open_console() as console:
        await console.press("f", "down", "r")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        for _ in range(39):
            await console.press("tab")
        await console.sees("field39")
        await console.type("last")
        await console.press("enter")
        await console.sees("verify-packages#193")
    bodies = [body for _, path, body in engine.requests if path == "/v1/executions" and body]
    assert bodies[0]["inputs"] == {"field39": "last"}


async def test_a_field_of_forty_is_found_by_typing(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    field = {"type": "string", "required": False, "sensitive": False, "default": "",
             "description": "", "schema": {}}  # fmt: skip
    named = [{**field, "name": f"field{n}"} for n in range(40)]
    named[20]["description"] = "for 35 days"
    engine.flows[1]["inputs"] = named
    async with open_console() as console:
        await console.press("f", "down", "r")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        assert "field 1 of 41" in console.text()
        await console.press("ctrl+f", "3", "5")
        assert "field35 and 1 more" in console.text()
        await console.press("down")
        assert "field20 and 1 more" in console.text(), "what is told of it is looked at, too"
        await console.press("up", "enter", "x")
        assert "field 36 of 41" in console.text()
        await console.press("ctrl+f")
        await console.type("nothing like it")
        assert "none has that" in console.text()
        await console.press("escape")
        assert "field 36 of 41" in console.text()
        await console.press("pageup", "pagedown", "ctrl+end")
        assert "field 41 of 41" in console.text()
        await console.press("ctrl+home", "enter")
        await console.sees("verify-packages#193")
    bodies = [body for _, path, body in engine.requests if path == "/v1/executions" and body]
    assert bodies[0]["inputs"] == {"field35": "x"}


async def test_a_long_description_is_read_where_its_field_is(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    told = " ".join(f"word{n}" for n in range(60))
    engine.flows[1]["inputs"] = [
        {"name": "keep", "type": "integer", "required": False, "sensitive": False, "default": 7,
         "description": told, "schema": {"minimum": 1, "examples": [3, 30]}},
        {"name": "token", "type": "string", "required": True, "sensitive": True,
         "description": "of the store", "schema": {}},
    ]  # fmt: skip
    async with open_console() as console:
        await console.press("f", "down", "r")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        assert "word24" in console.text()
        assert "F1 reads all" in console.text()
        await console.press("f1")
        text = console.text()
        assert "word59" in text
        assert "integer, 1… · such as 3, 30 · default 7" in text
        await console.press("escape", "tab")
        assert "word24" not in console.text()
        assert "── token ──" in console.text()


async def test_keys_may_come_faster_than_a_mode_opens(open_console: OpenConsole) -> None:
    async with open_console() as console:
        for screen in ("enter", "f", "c", "m", "v", "u"):
            for key, shown in (("colon", ":"), ("ctrl+p", "Find an action")):
                console.app.post_message(events.Key(screen, None))
                console.app.post_message(events.Key(key, None))
                await console.sees(shown)
                await console.press("escape", "escape", "escape")
                await console.until(lambda: console.app.current_mode == "executions")


async def test_a_key_may_come_again_before_the_execution_is_open(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.explained = {"why": {"answer": "it failed", "causes": [], "helps": []}}
    async with open_console() as console:
        await console.press("e", "w")
        await console.sees("it failed")
        console.app.post_message(events.Key("enter", None))
        console.app.post_message(events.Key("enter", None))
        await console.sees("failed compress")
