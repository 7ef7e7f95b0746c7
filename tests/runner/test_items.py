"""What a batch's process gets to read: the items and their numbers, however they are laid out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.items import lines, put_aside
from engine.runner.attempt import Attempt
from engine.runner.items import _numbers, lay_out
from engine.runner.memory import MemoryFiles

LIMITS = {"text_only": False, "single": False}


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, 0), (0, 999), (5, 7), (998, 1001), (1000, 1999), (1003, 1003), (12_345, 23_456)],
)
def test_numbers_are_written_one_a_line(first: int, last: int) -> None:
    wanted = "".join(f"{number}\n" for number in range(first, last + 1))
    assert _numbers(first, last) == wanted.encode()


@pytest.mark.parametrize("texts", [["a", "b c", "d"], ["a", 'q"uo', "back\\slash", "é"], ["{x}"]])
def test_a_batch_gets_its_items_as_lines_of_text(tmp_path: Path, texts: list[str]) -> None:
    """Whether or not a text holds what JSON writes otherwise."""
    store = str(tmp_path / "items" / "over")
    (tmp_path / "list").write_text("".join(f"{text}\n" for text in texts))
    source = {"file": "list", "format": "lines", **LIMITS}
    assert put_aside(store, source, str(tmp_path)) == len(texts)
    everything = [[0, len(texts) - 1]]
    assert [json.loads(line) for line in lines(store, everything)] == texts
    for format_, wanted in (
        ("lines", texts),
        ("json", [json.dumps(t, ensure_ascii=False) for t in texts]),
    ):
        env = laid_out(store, everything, format_)
        assert Path(env["WINGMAN_ITEMS_FILE"]).read_text().splitlines() == wanted


def laid_out(store: str, numbers: list[list[int]], format_: str) -> dict[str, str]:
    env: dict[str, str] = {}
    batch = {"store": store, "numbers": numbers, "format": format_, "single": False}
    spec: dict[str, Any] = {"batch": batch, "env": env, "number": 1, "attempt": "e.1"}
    attempt = Attempt.__new__(Attempt)
    attempt.spec, attempt.item_fds = spec, ()
    lay_out(attempt, MemoryFiles())
    return env
