"""Nothing that a step printed reaches the terminal as anything but plain characters."""

from __future__ import annotations

import unicodedata

import pytest
from rich.cells import cell_len

from wingman_tui.sanitise import MARKS_LIMIT, clean, clean_lines

HOSTILE = [
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07after",
    "\x1b]52;c;ZXZpbA==\x1b\\x",
    "\x9b31mC1\x9c",
    "\x90dcs\x9cend",
    "a\x1b",
    "half\x1b[31",
    "\x1bPq#0\x1b\\sixel",
    "\x07bell",
    "back\x08\x08space",
    "nul\x00byte",
    "rtl\u202egnp.exe",
    "iso\u2066x\u2069",
    "zero\u200bwidth",
    "lone\ud800half",
    "tag\U000e0041",
    "private\ue000",
    "\x1b[?1049lleave",
    "\x1bc",
    "\x0e\x0f",
    "\u2028line",
    "[bold]markup[/bold]",
    "[@click=app.quit]x[/]",
    "e" + "\u0301" * 50,
    "👨‍👩‍👧‍👦 family",
    "🇨🇭 flag",
    "👍🏿 skin",
    "✌️ variation",
    "漢字 wide",
    "한글",
    "ﷺ long",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_only_printable_characters_come_out(text: str) -> None:
    shown = clean(text)
    assert shown.isprintable()
    assert "\x1b" not in shown
    shown.encode("utf-8")
    for char in shown:
        assert unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), char


def test_sequences_go_and_their_text_stays() -> None:
    assert clean("\x1b[1;31merror\x1b[0m: disk \x1b]8;;http://x\x1b\\full\x1b]8;;\x1b\\") == (
        "error: disk full"
    )
    assert clean("[bold]not markup[/bold]") == "[bold]not markup[/bold]"


def test_a_progress_bar_shows_its_last_state() -> None:
    assert clean("10%\r50%\r100%") == "100%"
    assert clean("done\r\n") == "done"


def test_tabs_become_columns() -> None:
    assert clean("a\tb") == "a       b"


def test_marks_on_one_character_are_bounded() -> None:
    shown = clean("e" + "\u0301" * 50 + "x")
    assert shown.count("\u0301") == MARKS_LIMIT
    assert cell_len(shown) == 2


def test_a_very_long_line_is_cut() -> None:
    assert len(clean("x" * 1_000_000)) <= 4_000
    assert len(clean("\x1b[31m" * 1_000_000)) <= 4_000


def test_lines_of_an_error_are_kept_apart() -> None:
    assert clean_lines("a\x1b[31m\nb\n\x07c") == ["a", "b", "·c"]
