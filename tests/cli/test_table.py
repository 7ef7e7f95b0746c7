"""Tables and lists of commands that fit the terminal."""

from __future__ import annotations

import pytest

from engine.cli.table import beside, broken

ROWS = [
    ("wingman logs practice-failure#1 --step check_settings", "what it printed"),
    ("wingman retry x#1", "run what did not complete again"),
    ("wingman resume x#1", "the same with the flow as it is now, after a fix"),
]


def test_beside_aligns_where_there_is_room() -> None:
    first, *rest = beside(ROWS, 10_000)
    places = {line.index(what) for line, (_, what) in zip([first, *rest], ROWS, strict=True)}
    assert places == {len(ROWS[0][0]) + 2}


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_beside_breaks_between_words_and_keeps_each_command_whole(width: int) -> None:
    lines = beside(ROWS, width)
    text = " ".join(" ".join(line.split()) for line in lines)
    assert text == " ".join(f"{left} {right}" for left, right in ROWS)
    longest = max(len(left) for left, _ in ROWS)
    assert max(map(len, lines)) <= max(width, longest)
    for left, _ in ROWS:
        assert any(line.startswith(left) for line in lines)


def test_a_word_that_is_too_long_is_left_whole() -> None:
    assert broken("aa bbbbbbbb cc", 4) == ["aa", "bbbbbbbb", "cc"]
    assert broken("", 4) == [""]
