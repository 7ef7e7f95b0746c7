"""How a step's end becomes a state and an error in words."""

from __future__ import annotations

import pytest

from engine.core.failure import judge


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "exited with 1"),
        (127, "command not found"),
        (137, "ended by SIGKILL"),
        (141, "a pipe whose reader had left"),
    ],
)
def test_an_exit_code_is_told_in_words(code: int, words: str) -> None:
    state, error = judge({"outcome": "ended", "exit_code": code, "signal": None}, None)
    assert state == "failed"
    assert error is not None
    assert error["type"] == f"exit:{code}"
    assert words in error["message"]
