"""What commands say about an execution, and which commands they name to go on."""

from __future__ import annotations

from engine.cli.holds import held_words
from engine.cli.report import answering_commands, helping_commands, waiting_words
from tests.cli.fake_engine import execution


def test_a_held_execution_says_what_it_waits_for_and_names_retry() -> None:
    held = execution(
        state="running", ended_at=None,
        waiting_for={"step": "copy", "kind": "operator", "reason": "interrupted"},
    )  # fmt: skip
    assert waiting_words(held["waiting_for"]) == (
        "an operator: step copy was interrupted, its outcome is unknown"
    )
    assert helping_commands(held)[0].startswith("wingman retry night#7 ")
    assert not helping_commands({**held, "waiting_for": None})[0].startswith("wingman retry ")


def test_a_timer_tells_the_moment_and_hostile_names_stay_harmless() -> None:
    words = waiting_words({"step": "a\x1b[31m", "kind": "timer", "until": "2026-03-01T14:03:22.000000Z"})
    assert words.startswith("step a")
    assert "2026-03-01" in words
    assert "\x1b" not in words
    assert waiting_words(None) == ""


def test_what_holds_it_up_names_who_ends_it() -> None:
    """To who follows at a terminal: what, and the command that answers it."""
    until = "2026-03-01T14:03:22.000000Z"
    asked = {"step": "q", "kind": "approval", "message": "Go?", "role": "admin"}
    pool = {"step": "z", "kind": "pool", "pool": "db", "reason": "pool db: taken by a#1"}
    group = {"step": None, "kind": "group", "reason": "group g is held by a#1"}
    below = {"step": "c", "kind": "flow", "flow": "ask", "number": 3, "waiting_for": asked}
    for waiting, words, command in (
        (asked, "waiting for an admin's approval: step q: Go?", "wingman approve night#7 "),
        (below, "waiting for step c: ask#3, an admin's approval: ", "wingman approve ask#3 "),
        (pool, "step z waits: pool db: taken by a#1", "wingman pools "),
        (group, "waiting: group g is held by a#1", "wingman why night#7 "),
        ({"step": "w", "kind": "timer", "until": until, "reason": "wait"}, "waiting until ", ""),
        ({"step": "w", "kind": "timer", "until": until, "reason": "retry"}, "waiting until ", ""),
    ):
        held = execution(state="running", ended_at=None, waiting_for=waiting)
        assert held_words(held).startswith(words)
        assert any(line.startswith(command) for line in answering_commands(held) or [""])
    paused = execution(state="paused", ended_at=None, waiting_for=None)
    assert held_words(paused) == "paused: no new step starts"
    assert answering_commands(paused)[0].startswith("wingman continue night#7 ")
