"""The reader as its callers meet it: cursors, filters, names, the wire, recovery."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.logs import format, regex
from engine.logs.adopt import adopt_unindexed
from engine.logs.lines import Cursor, Filter, wire_time
from engine.logs.reader import LogReader
from engine.logs.text import CUT_MARK, VIEW_BYTES, shorten, to_text
from engine.logs.writer import AttemptLog

NOON_NS = 1_767_268_800_123_456_789


def write(directory: Path, number: int, step: str, text: bytes, stream: int = 1) -> None:
    log = AttemptLog(str(directory), number, step, None, 0)
    log.feed(stream, text, NOON_NS)
    log.close(NOON_NS)


def test_a_line_on_the_wire(tmp_path: Path) -> None:
    write(tmp_path, 7, "checks/disk", b"[WARN] 91 % \xff full\r\n", 2)
    reader = LogReader(tmp_path, {7: ("checks/disk", 2)})
    (line,) = reader.page_back().lines
    wire = reader.to_wire(line)
    assert wire == {
        "cursor": "0:0", "time": "2026-01-01T12:00:00.123456Z", "step": "checks/disk", "attempt": 2,
        "stream": "stderr", "level": "warning", "text": "[WARN] 91 % \ufffd full",
    }  # fmt: skip
    json.dumps(wire)


def test_the_file_names_help_where_nobody_knows_the_attempts(tmp_path: Path) -> None:
    write(tmp_path, 7, "checks/disk", b"x\n")
    reader = LogReader(tmp_path)
    assert reader.name_of(7) == ("checks/disk", 1)
    assert reader.name_of(8) == ("", 1)
    assert len(reader.page_back(Filter.make(step="checks")).lines) == 1
    assert len(reader.page_back(Filter.make(step="check")).lines) == 0


def test_names_that_come_later_are_seen(tmp_path: Path) -> None:
    names: dict[int, tuple[str, int]] = {}
    reader = LogReader(tmp_path / "log", names)
    tail = reader.follow(Filter.make(step="late"))
    tail.snapshot()
    names[1] = ("late", 3)
    write(tmp_path / "log", 1, "late", b"x\n")
    (line,) = tail.advance().lines
    assert reader.to_wire(line)["attempt"] == 3


@pytest.mark.parametrize(
    "text", ["", "1", "1:", ":1", "-1:2", "1:-2", "a:b", "1:2:3", "9" * 50 + ":1"]
)
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no cursor"):
        Cursor.parse(text)


@given(st.integers(0, 2**40), st.integers(0, 2**32))
def test_cursors_can_be_written_down(record: int, line: int) -> None:
    assert Cursor.parse(str(Cursor(record, line))) == (record, line)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"level": "loud"}, "no level 'loud'"),
        ({"stream": "stdin"}, "no stream 'stdin'"),
        ({"grep": "("}, "cannot be used"),
        ({"grep": r"(a)\1"}, "cannot be used"),
        ({"grep": "(?=a)"}, "cannot be used"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(words: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Filter.make(**words)  # type: ignore[arg-type]
    assert caught.value.hint


def test_no_pattern_can_hang_the_reader(tmp_path: Path) -> None:
    write(tmp_path, 1, "a", (b"a" * 4000 + b"b\n") * 50)
    reader = LogReader(tmp_path)
    before = time.process_time()
    for pattern in ("(a+)+$", "(a|aa)+$", "(.*)*c", "(x+x+)+y"):
        assert reader.page_back(Filter.make(grep=pattern)).lines == []
    assert time.process_time() - before < 30  # `re` needs longer than the age of the earth


def test_without_re2_a_pattern_is_taken_as_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regex, "load_re2", lambda: None)
    write(tmp_path, 1, "a", b"1+1=2\n11=2\n")
    reader = LogReader(tmp_path)
    assert [line.data for line in reader.page_back(Filter.make(grep="1+1")).lines] == [b"1+1=2"]


def test_cursors_stay_true_while_the_log_grows(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    log.feed(1, b"one\ntwo\nthree\n", 1)
    reader = LogReader(tmp_path)
    page = reader.page_back(limit=2)
    assert [line.data for line in page.lines] == [b"two", b"three"]
    log.feed(1, b"four\nfive\n", 2)
    earlier = reader.page_back(limit=2, before=page.before)
    assert [line.data for line in earlier.lines] == [b"one"]
    assert earlier.before is None
    later = reader.page_forward(limit=10, after=page.after)
    assert [line.data for line in later.lines] == [b"four", b"five"]
    assert reader.page_forward(after=later.after).lines == []
    log.close(3)


def test_a_cursor_beyond_the_end_gives_nothing(tmp_path: Path) -> None:
    write(tmp_path, 1, "a", b"one\ntwo\n")
    reader = LogReader(tmp_path)
    assert reader.page_forward(after=Cursor(900, 0)).lines == []
    assert reader.page_forward(after=Cursor(0, 900)).lines == []
    assert len(reader.page_back(before=Cursor(900, 0)).lines) == 2


def test_raw_bytes_can_be_followed(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    log.feed(1, b"\x00\xff one\n", 1)
    reader = LogReader(tmp_path)
    seen = reader.index.count
    assert b"".join(reader.raw()) == b"\x00\xff one\n"
    log.feed(1, b"two\n", 2)
    assert b"".join(reader.raw(start=seen)) == b"two\n"
    log.close(3)


def test_a_retry_is_counted_on_top(tmp_path: Path) -> None:
    write(tmp_path, 1, "a", b"ERROR one\n")
    LogReader(tmp_path).levels.count(ended=True)
    write(tmp_path, 2, "a", b"WARN two\nfine\n")
    reader = LogReader(tmp_path)
    reader.levels.count(ended=True)
    assert reader.levels.total == (0, 1, 1, 1)
    assert reader.levels.of_attempt(2) == (0, 1, 1, 0)
    assert LogReader(tmp_path).levels.total == (0, 0, 0, 0)  # nothing was asked yet


def test_a_damaged_sidecar_is_counted_again(tmp_path: Path) -> None:
    write(tmp_path, 1, "a", b"ERROR one\nfine\n")
    LogReader(tmp_path).levels.count(ended=True)
    sidecar = tmp_path / "levels"
    content = bytearray(sidecar.read_bytes())
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 0x41
        sidecar.write_bytes(damaged)
        reader = LogReader(tmp_path)
        reader.levels.count(ended=True)
        assert reader.levels.total == (0, 1, 0, 1)
        assert len(reader.page_back(Filter.make(level="error")).lines) == 1
    sidecar.write_bytes(content[:10])
    reader = LogReader(tmp_path)
    reader.levels.count(ended=True)
    assert reader.levels.total == (0, 1, 0, 1)


def test_counting_can_be_sliced(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    for at in range(50):
        log.feed(1, b"ERROR %d\n" % at, at)
    log.close(50)
    reader = LogReader(tmp_path)
    calls = 1
    while not reader.levels.count(ended=True, within_s=0):
        calls += 1
    assert calls > 5
    assert reader.levels.total.error == 50


def test_a_block_of_a_megabyte_is_counted_in_pieces_so_that_a_question_comes_between(
    tmp_path: Path,
) -> None:
    lines = b"WARN it is slow\n" * 60_000
    write(tmp_path, 1, "a", lines)
    reader = LogReader(tmp_path)
    calls = 1
    while not reader.levels.count(ended=True, within_s=0):
        assert reader.page_back(Filter.make(level="error")).lines == []
        calls += 1
    assert reader.index.count < calls
    assert reader.levels.total.warning == 60_000


# -- what a dead runner left --


def test_bytes_that_the_index_does_not_know_are_adopted(tmp_path: Path) -> None:
    write(tmp_path, 1, "a", b"one\ntwo\n")
    write(tmp_path, 2, "b", b"three\n")
    with (tmp_path / "000001.a.log").open("ab") as file:
        file.write(b"lost\nhalf")
    (tmp_path / "000003.c.log").write_bytes(b"all of it\n")
    with (tmp_path / "index").open("ab") as file:
        file.write(b"torn")
    assert adopt_unindexed(str(tmp_path)) == 19
    assert adopt_unindexed(str(tmp_path)) == 0
    reader = LogReader(tmp_path)
    lines = [line.data for line in reader.page_back().lines if line.stream != format.ENGINE]
    assert sorted(lines) == [b"all of it", b"half", b"lost", b"one", b"three", b"two"]


def test_there_may_be_nothing_to_adopt(tmp_path: Path) -> None:
    assert adopt_unindexed(str(tmp_path / "no log")) == 0
    write(tmp_path / "log", 1, "a", b"one\n")
    size = os.path.getsize(tmp_path / "log" / "index")
    assert adopt_unindexed(str(tmp_path / "log")) == 0
    assert os.path.getsize(tmp_path / "log" / "index") == size


# -- text --


@given(st.binary(max_size=200))
def test_any_bytes_have_a_text(line: bytes) -> None:
    assert isinstance(to_text(line), str)


def test_long_text_is_cut_between_characters() -> None:
    text = to_text(shorten("ä".encode() * VIEW_BYTES))
    assert text == "ä" * (VIEW_BYTES // 2) + CUT_MARK
    assert "\ufffd" not in to_text(shorten(b"x" + "ä".encode() * VIEW_BYTES))


def test_a_line_that_just_fits_is_whole() -> None:
    assert to_text(shorten(b"x" * VIEW_BYTES)) == "x" * VIEW_BYTES
    assert shorten(b"a" * VIEW_BYTES + b"\rb\r") == b"b\r"


def test_times_are_of_fixed_width() -> None:
    assert wire_time(0) == "1970-01-01T00:00:00.000000Z"
    assert wire_time(NOON_NS) == "2026-01-01T12:00:00.123456Z"
    assert wire_time(4_102_444_800_000_001_000) == "2100-01-01T00:00:00.000001Z"
