"""A step asks somebody: what the console shows, and how it is answered."""

from __future__ import annotations

from typing import Any

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, step
from wingman_tui.screens.approval import ApprovalDialog
from wingman_tui.waiting import waiting_words

QUESTION = {
    "kind": "approval", "message": "Ship 1.4 to all hosts?\nThe store is nearly full.",
    "role": "operator", "until": "2026-11-22T15:05:00.000000Z",
}  # fmt: skip
FORM = [{"name": "hosts", "type": "integer", "required": True, "sensitive": False,
         "description": "how many at once", "schema": {"minimum": 1}}]  # fmt: skip


def ask(engine: FakeEngine) -> str:
    waiting = {**QUESTION, "step": "confirm"}
    row = execution("release", 4, "running", waiting_for=waiting)
    steps = [
        step("build", "completed"),
        step("confirm", "waiting", attempts=0, reason="an approval", kind="approve",
             waiting_for={**QUESTION, "inputs": FORM}),
        step("ship", "pending"),
    ]  # fmt: skip
    engine.add(row, steps)
    return str(row["id"])


def answers(engine: FakeEngine, id_: str) -> list[tuple[str, dict[str, Any]]]:
    found = [(path.rpartition("/")[2], body) for method, path, body in engine.requests
             if method == "POST" and f"/{id_}/" in path]  # fmt: skip
    return found


async def test_what_waits_for_an_answer_says_so_and_a_opens_the_question(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    id_ = ask(engine)
    async with open_console() as console:
        await console.sees("◌ waiting")
        await console.press("home")
        await console.sees("waits for your answer")
        await console.press("A")
        await console.until(lambda: isinstance(console.app.screen, ApprovalDialog))
        text = console.text()
        assert "confirm of release#4 asks" in text
        assert "Ship 1.4 to all hosts?" in text
        assert "The store is nearly full." in text
        assert "integer, 1… · how many at once" in text
        await console.press("enter")  # nothing was chosen: nothing is decided
        await console.sees("choose: space")
        await console.press("a", "enter")
        await console.sees("needs a value")
        await console.press("3", "tab")
        await console.type("looks good")
        await console.press("enter")
        await console.until(lambda: answers(engine, id_) != [])
    assert answers(engine, id_) == [
        ("approve", {"step": "confirm", "inputs": {"hosts": 3}, "comment": "looks good"})
    ]


async def test_the_opened_execution_asks_and_a_rejection_needs_no_form(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    id_ = ask(engine)
    async with open_console() as console:
        await console.press("home", "enter")
        await console.sees("waits for your answer (A, until 2026-11-22")
        await console.press("A")
        await console.until(lambda: isinstance(console.app.screen, ApprovalDialog))
        await console.press("r", "enter")
        await console.until(lambda: answers(engine, id_) != [])
        assert answers(engine, id_)[0] == (
            "reject", {"step": "confirm", "inputs": {}, "comment": ""},
        )  # fmt: skip


async def test_escape_leaves_the_question_open_and_nothing_to_answer_is_said(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    id_ = ask(engine)
    async with open_console() as console:
        await console.press("home", "A")
        await console.until(lambda: isinstance(console.app.screen, ApprovalDialog))
        await console.press("escape")
        assert not isinstance(console.app.screen, ApprovalDialog)
        engine.update_step(id_, "confirm", state="completed", waiting_for=None)
        await console.press("A")
        await console.until(lambda: "waits for an answer" in console.notice)
        assert answers(engine, id_) == []


async def test_a_long_question_leaves_its_form_in_sight_and_is_read_with_f1(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    long = {**QUESTION, "message": " ".join(f"word{n}" for n in range(60)), "step": "confirm"}
    steps = [step("confirm", "waiting", attempts=0, kind="approve",
                  waiting_for={**long, "inputs": FORM})]  # fmt: skip
    engine.add(execution("release", 4, "running", waiting_for=long), steps)
    async with open_console(size=(60, 15)) as console:
        await console.sees("release#4")
        await console.press("home", "A")
        await console.until(lambda: isinstance(console.app.screen, ApprovalDialog))
        text = console.text()
        assert "F1 reads all" in text
        assert "word59" not in text
        assert "how many at once" in text, "two fields, each with its note"
        assert "leave it open" in text
        await console.press("tab", "f1", "end")
        assert "word59" in console.text()
        assert "integer, 1…" in console.text(), "and what is told of the field"


def test_every_kind_of_waiting_has_words() -> None:
    at = "2026-11-22T15:05:00.000000Z"
    cases = [
        (QUESTION, "your answer (A, until 2026-11-22"),
        ({"kind": "timer", "step": "nap", "until": at, "reason": "wait"}, ": nap"),
        ({"kind": "timer", "step": "a", "until": at, "reason": "retry"}, "a for its next attempt"),
        ({"kind": "operator", "step": "a"}, "you: a was interrupted"),
        ({"kind": "pool", "pool": "db", "step": "a"}, "pool db (a)"),
        ({"kind": "new\x1b", "step": "a"}, "new"),
    ]
    for waiting, words in cases:
        assert words in waiting_words(waiting, None)
        assert "\x1b" not in waiting_words(waiting, None)
