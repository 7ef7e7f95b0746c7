"""The index record and the file names keep what they are given, and tell what is broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.logs import format
from engine.logs.format import Record

U32 = st.integers(0, 2**32 - 1)
RECORDS = st.builds(
    Record, st.integers(0, 2**64 - 1), U32, st.integers(0, 255), st.integers(0, 255),
    st.integers(0, 2**16 - 1), st.integers(0, 2**64 - 1), U32, U32, U32,
)  # fmt: skip


@given(RECORDS)
def test_a_record_is_forty_bytes_and_comes_back(record: Record) -> None:
    data = format.pack_record(record)
    assert len(data) == format.RECORD_BYTES == 40
    assert format.unpack_record(data) == record


@given(RECORDS, st.integers(0, 39), st.integers(1, 255))
def test_a_changed_byte_is_seen(record: Record, at: int, change: int) -> None:
    data = bytearray(format.pack_record(record))
    data[at] ^= change
    assert format.unpack_record(bytes(data)) is None


def test_a_short_tail_is_no_record() -> None:
    assert format.unpack_record(b"\0" * 39) is None
    assert format.unpack_record(b"\0" * 40) is None


@pytest.mark.parametrize(
    ("number", "step", "segment", "name"),
    [
        (1, "dump", 0, "000001.dump.log"),
        (12, "checks/disk", 0, "000012.checks+disk.log"),
        (12, "verify/17", 3, "000012.verify+17.3.log"),
        (1234567, "a", 1, "1234567.a.1.log"),
    ],
)
def test_file_names(number: int, step: str, segment: int, name: str) -> None:
    assert format.segment_name(number, step, segment) == name
    assert format.parse_segment_name(name) == (number, step, segment)


@given(st.text(max_size=400))
def test_any_step_gives_a_plain_file_name(step: str) -> None:
    name = format.segment_name(7, step, 2)
    assert "/" not in name
    assert "\0" not in name
    assert len(name.encode()) < 255
    assert format.parse_segment_name(name) is not None


def test_long_paths_that_differ_at_their_end_differ() -> None:
    long = "/".join(["group"] * 60)
    assert format.segment_name(1, long + "/a") != format.segment_name(1, long + "/b")


@pytest.mark.parametrize("name", ["index", "levels", "notes.txt", "a.log", "000001.log"])
def test_other_files_are_no_segments(name: str) -> None:
    assert format.parse_segment_name(name) is None
