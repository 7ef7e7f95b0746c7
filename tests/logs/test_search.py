"""Searches find every line there is, also where blocks are passed over unread or are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.logs.lines import Filter
from engine.logs.reader import LogReader
from engine.logs.regex import compile_untrusted
from engine.logs.writer import AttemptLog

BLOCK = 64 << 10


def write(directory: Path, data: bytes) -> None:
    """One attempt that printed `data`, in blocks of 64 KiB that end in the middle of lines."""
    log = AttemptLog(str(directory), 1, "step", None, 0)
    for at in range(0, len(data), BLOCK):
        log.feed(1, data[at : at + BLOCK], at)
    log.close(len(data))


def found(directory: Path, pattern: str) -> list[str]:
    reader = LogReader(directory)
    try:
        return [line.data.decode() for line in reader.page_back(Filter.make(grep=pattern)).lines]
    finally:
        reader.close()


def test_a_line_that_came_in_two_pieces_is_found(tmp_path: Path) -> None:
    filler = b"x" * 99 + b"\n"
    data = bytearray(filler * 4000)
    needle = b"a needle across the border"
    for block in range(1, 5):
        place = block * BLOCK - 13
        data[place : place + len(needle)] = needle
    write(tmp_path, bytes(data))
    assert len(found(tmp_path, "needle across")) == 4
    assert len(found(tmp_path, "needle +across")) == 4
    assert found(tmp_path, "no such needle") == []


def test_damage_is_told_only_to_those_who_would_see_it(tmp_path: Path) -> None:
    write(tmp_path, (b"y" * 99 + b"\n") * 4000 + b"a rare line\n")
    (file,) = tmp_path.glob("*.log")
    with file.open("r+b") as stream:
        stream.seek(BLOCK + 5)
        stream.write(b"damage")
    assert found(tmp_path, "no such text") == []
    assert found(tmp_path, "a rare") == ["a rare line"]
    (note,) = found(tmp_path, "are damaged")
    assert "65,500 bytes of stdout are damaged" in note
    (note,) = found(tmp_path, r"65,5\d\d")
    assert "damaged" in note
    assert found(tmp_path, "ydamage") == [], "what a damaged block says is not to be trusted"
    reader = LogReader(tmp_path)
    levels = [line.data.decode() for line in reader.page_back(Filter.make(level="warning")).lines]
    assert len(levels) == 1
    assert "damaged" in levels[0]


texts = st.text("ab0 -é", max_size=12).map(str.encode)


@pytest.mark.parametrize("in_block", [True, False])
@given(pieces=st.lists(texts, max_size=12), literal=st.text("ab0 -é", min_size=2, max_size=5))
def test_plain_text_is_found_where_it_is(
    pieces: list[bytes], literal: str, *, in_block: bool
) -> None:
    data, wanted = b"\n".join(pieces), literal.encode()
    search = compile_untrusted(literal, in_block=in_block)
    for start in range(len(data) + 1):
        at = data.find(wanted, start)
        assert search(data, start) == (None if at < 0 else (at, at + len(wanted)))


def test_the_first_screen_looks_through_no_more_than_it_may(tmp_path: Path) -> None:
    write(tmp_path, b"ERROR at the beginning\n" + b"INFO all is well here, as it should be\n" * 60_000)
    reader, wanted = LogReader(tmp_path), Filter.make(level="error")
    page = reader.follow(wanted, 20).snapshot(4 * BLOCK)
    assert not page.done
    assert not page.lines
    assert reader.blocks.read_bytes < 8 * BLOCK
    lines, pages = [], 0
    while page.before is not None:
        page = reader.page_back(wanted, 20, page.before, budget_bytes=4 * BLOCK)
        lines, pages = page.lines + lines, pages + 1
    assert [line.data for line in lines] == [b"ERROR at the beginning"]
    assert pages > 5
    reader.close()
