"""What reaches a terminal: harmless text, tables that fit, readable times."""

from __future__ import annotations

import time

import pytest

from engine.cli.format import age, duration, epoch_s, size
from engine.cli.logtext import Cleaner
from engine.cli.table import Column, lay_out
from engine.cli.terminal import cells, clean, clean_lines, cut


def cleaned(data: bytes, cut_at: int | None = None) -> bytes:
    cleaner = Cleaner()
    parts = [data] if cut_at is None else [data[:cut_at], data[cut_at:]]
    return b"".join([*(cleaner.feed(part) for part in parts), cleaner.end()])


HOSTILE_LINES = [
    b"\x1b]0;owned\x07title",
    b"\x1b[2J\x1b[Hcleared",
    b"\x1b[6n asks back",
    b"\x1bP$q q\x1b\\",
    b"\xc2\x9b2J c1",
    b"progress 10%\rprogress 20%",
    b"\x08\x08\x08hidden",
    b"\x0e shifted",
    b"unfinished \x1b[",
    b"\x1b[31",
    b"latin-1 \xe9 and cut \xe2\x82",
]


@pytest.mark.parametrize("line", HOSTILE_LINES)
def test_nothing_but_text_reaches_the_terminal(line: bytes) -> None:
    shown = cleaned(line + b"\nnext\n").decode()
    assert not [c for c in shown if ord(c) < 32 and c not in "\n\t"], shown
    assert not [c for c in shown if 0x7F <= ord(c) < 0xA0], shown
    assert shown.endswith("\nnext\n")


@pytest.mark.parametrize("cut_at", range(1, 40))
def test_colours_pass_and_end_with_their_line_wherever_the_stream_is_cut(cut_at: int) -> None:
    data = "\x1b[1;31mrot ä\r\n\x1b[0mplain\x1b]0;x\x07\n".encode()
    assert cleaned(data, cut_at) == (
        "\x1b[1;31mrot ä\x1b[0m\n\x1b[0mplain\\x1b]0;x\\x07\n".encode()
    )


def test_colours_go_where_nobody_wants_them() -> None:
    cleaner = Cleaner(keep_colours=False)
    assert cleaner.feed(b"\x1b[32mok\x1b[0m\n") + cleaner.end() == b"ok\n"


def test_names_stay_on_their_line() -> None:
    assert clean("a\x1b[2Jb\nc\td\u202ee\x85") == "a\\x1b[2Jb c d\\u202ee\\x85"
    assert clean_lines("a\nb\x07") == "a\nb\\x07"
    assert clean("Zürich 東京") == "Zürich 東京"
    assert clean("\udcff") == "?"


def test_wide_characters_count_twice() -> None:
    assert cells("東京") == 4
    assert cut("東京都庁", 5) == "東京…"
    assert cut("nightly-backup-of-everything#128", 20, middle=True) == "nightly-ba…thing#128"
    assert cells(cut("é" * 50, 10, middle=True)) == 10


def columns() -> list[Column]:
    return [
        Column("STATE"),
        Column("EXECUTION", shrink=1, least=10, middle=True),
        Column("TOOK", right=True),
        Column("NOTE", shrink=2, least=6, may_go=True),
    ]


ROWS = [
    ["completed", "nightly-backup#1", "2.5s", "the disk was nearly full at the end"],
    ["failed", "東京-backup#12345678901234567890", "12m03s", ""],
]


@pytest.mark.parametrize("width", [34, 40, 60, 80, 200])
def test_a_table_fits_its_width(width: int) -> None:
    lines = lay_out(columns(), ROWS, width)
    assert max(cells(line) for line in lines) <= width
    assert all("completed" in line or "failed" in line or "STATE" in line for line in lines)


def test_a_table_without_limit_keeps_all() -> None:
    lines = lay_out(columns(), ROWS, 10_000)
    assert ROWS[0][3] in lines[1]
    assert ROWS[1][1] in lines[2]


def test_times_of_the_wire() -> None:
    for text, expected in [
        ("1970-01-01T00:00:00.000000Z", 0.0),
        ("2026-03-01T03:04:05.500000Z", 1772334245.5),
        ("2024-02-29T23:59:59.999999Z", 1709251199.999999),
    ]:
        assert epoch_s(text) == pytest.approx(expected, abs=1e-6)
    whole = time.gmtime(epoch_s("2031-12-31T12:00:00.000000Z"))
    assert time.strftime("%Y-%m-%d %H:%M", whole) == "2031-12-31 12:00"


def test_durations_and_sizes_are_short() -> None:
    shown = [duration(ms) for ms in (None, 0, 340, 5240, 59_600, 192_000, 7_500_000, 360_000_000)]
    assert shown == ["", "0.00s", "0.34s", "5.2s", "1m00s", "3m12s", "2h05m", "4d04h"]
    assert [size(n) for n in (0, 812, 3482, 125_829_120, 10**15)] == [
        "0 B", "812 B", "3.4 KiB", "120 MiB", "909 TiB",
    ]  # fmt: skip
    now = epoch_s("2026-03-01T03:00:00.000000Z")
    ages = [age(f"2026-02-28T{t}.000000Z", now) for t in ("23:59:59", "03:00:00")]
    assert ages == ["3h ago", "1d ago"]
    assert age(None, now) == ""
