"""What commands say about an execution, and which commands they name to go on."""

from __future__ import annotations

from engine.cli.report import helping_commands, waiting_words
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
