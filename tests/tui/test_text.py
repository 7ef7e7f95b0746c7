"""Facts as text: durations, times, sizes, exits, cuts measured in cells; the words of states."""

from __future__ import annotations

from datetime import UTC

import pytest
from rich.cells import cell_len

from wingman_tui import format as say
from wingman_tui import looks
from wingman_tui.filters import complete, completed


@pytest.mark.parametrize(
    ("ms", "words"),
    [(0, "0.00s"), (400, "0.40s"), (59_900, "59.9s"), (59_990, "1m00s"), (60_000, "1m00s"),
     (192_000, "3m12s"), (7_500_000, "2h05m"), (273_600_000, "3d04h"), (None, "")],
)  # fmt: skip
def test_durations_are_short(ms: float | None, words: str) -> None:
    assert say.duration(ms) == words
    assert len(say.duration(ms)) <= 7


def test_times_tell_as_much_of_the_date_as_is_needed() -> None:
    now = say.parse_time("2026-11-22T14:05:00.000000Z")
    assert now is not None
    assert say.when("2026-11-22T13:58:00.000000Z", now, UTC) == "13:58:00"
    assert say.when("2026-11-20T03:00:00.000000Z", now, UTC) == "Fri 03:00"
    assert say.when("2026-10-01T03:00:00.000000Z", now, UTC) == "1 Oct 03:00"
    assert say.when("2025-10-01T03:00:00.000000Z", now, UTC) == "2025-10-01"
    assert say.when(None, now, UTC) == ""
    assert say.when("no time", now, UTC) == ""


def test_exits_are_told_in_words() -> None:
    assert say.exit_words(127, None) == "exit 127 (command not found)"
    assert say.exit_words(3, None) == "exit 3"
    assert say.exit_words(None, "SIGKILL") == "killed (SIGKILL)"
    assert say.exit_words(None, "SIGWINCH") == "ended by SIGWINCH"
    assert say.exit_words(None, None) == ""


@pytest.mark.parametrize("text", ["short", "a-rather-long-name-of-a-flow", "漢字漢字漢字漢字", ""])
@pytest.mark.parametrize("width", [1, 4, 5, 9, 20])
def test_a_cut_text_has_exactly_its_width(text: str, width: int) -> None:
    for cut in (say.fit, say.fit_middle, say.fit_path, say.fit_right):
        assert cell_len(cut(text, width)) == width


def test_a_name_is_cut_in_its_middle() -> None:
    assert say.fit_middle("nightly-backup-of-orders", 12) == "night…orders"
    assert say.fit_path("checks/memory", 12) == "…/memory    "
    assert say.fit_path("checks/disk", 12) == "checks/disk "


def test_text_is_wrapped_at_spaces_and_nothing_is_lost() -> None:
    text = "no space left on device while the dump was written to /var/backups"
    lines = say.wrap(text, 20)
    assert all(cell_len(line) <= 20 for line in lines)
    assert " ".join(lines) == text
    assert "".join(say.wrap("漢" * 31, 10)) == "漢" * 31
    assert "".join(say.wrap("x" * 31, 10)) == "x" * 31


def test_every_state_has_glyph_twin_word_and_meaning() -> None:
    for state, look in looks.STATES.items():
        assert cell_len(look.glyph) == 1, state
        assert len(look.ascii) == 1, state
        assert look.ascii.isascii(), state
        assert look.word
    assert set(looks.MEANINGS) >= set(looks.STATES) - {"lost"}
    assert looks.look_of("partial").role != looks.look_of("completed").role


def test_a_state_of_a_newer_engine_is_shown_by_its_word() -> None:
    assert looks.look_of("hibernating").word == "hibernating"


def test_what_waits_says_so() -> None:
    running = {"state": "running", "waiting_for": {"approval": "confirm"}}
    assert looks.execution_look(running).word == "waiting"
    assert looks.step_look({"state": "waiting", "attempts": 1}).word == "retrying"
    assert looks.step_look({"state": "waiting", "attempts": 0}).word == "waiting"


def test_a_filter_is_completed_word_by_word() -> None:
    assert "state:" in complete("")
    assert complete("sta") == ["state:"]
    assert complete("state:fa") == ["state:failed"]
    assert complete("state:failed,pa") == ["state:failed,paused", "state:failed,partial"]
    assert complete("x flow:ni", flows=["nightly", "daily"]) == ["flow:nightly"]
    assert completed("x flow:ni", "flow:nightly") == "x flow:nightly"


def test_a_rate_is_told_as_coarsely_as_a_glance() -> None:
    rates = {
        0: "",
        499: "",
        2_400: " 2 kB/s",
        9_400: " 9 kB/s",
        131_000: " 130 kB/s",
        2_300_000: " 2 MB/s",
    }
    for bytes_s, words in rates.items():
        assert say.rate_words(bytes_s) == words
