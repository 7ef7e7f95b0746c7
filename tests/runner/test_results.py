"""The results file: what was written is read back, up to where it is damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.runner.results import ResultsFile, read_results


def write(file: ResultsFile, *names: str, size: int = 10) -> None:
    for name in names:
        file.add(name, json.dumps({"k": "begin", "attempt": name, "x": "y" * size}).encode())
    assert file.write() is None


def names_in(folder: Path) -> list[str]:
    return [record["attempt"] for record in read_results(folder)]


def segments(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("results-*"))


def test_records_are_read_in_order(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path))
    write(file, "a", "b")
    write(file, "c")
    assert names_in(tmp_path) == ["a", "b", "c"]


def test_nothing_written_is_nothing_read(tmp_path: Path) -> None:
    assert names_in(tmp_path) == []
    (tmp_path / "results-000001").touch()
    assert names_in(tmp_path) == []


def test_a_torn_tail_at_every_byte_ends_the_reading(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path), segment_limit_bytes=1000)
    write(file, "a", "b", "c")
    path = tmp_path / "results-000001"
    data = path.read_bytes().rstrip(b"\0")
    ends = [at for at in range(len(data) + 1) if data[:at].endswith(b"}")]
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        whole = sum(end <= length for end in ends)
        assert names_in(tmp_path) == ["a", "b", "c"][:whole]
        path.write_bytes(data[:length] + bytes(500))  # the same in a file with room set aside
        assert names_in(tmp_path) == ["a", "b", "c"][:whole]


def test_a_flipped_bit_ends_the_reading_before_it(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path), segment_limit_bytes=1000)
    write(file, "a", "b")
    path = tmp_path / "results-000001"
    data = path.read_bytes().rstrip(b"\0")
    second = data.index(b"}") + 1
    for at in range(second, len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert names_in(tmp_path) == ["a"]


def test_segments_go_when_all_their_attempts_are_acknowledged(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path), segment_limit_bytes=400)
    for name in "abcdef":
        write(file, name, size=150)
    before = segments(tmp_path)
    file.acknowledge(["a"])
    file.acknowledge(["b"])
    assert segments(tmp_path)[0] > before[0]
    assert names_in(tmp_path) == list("cdef")
    file.acknowledge(list("cdef"))
    file.close()
    assert segments(tmp_path) == []


def test_a_later_segment_goes_before_one_that_is_still_needed(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path), segment_limit_bytes=300)
    write(file, "long", size=200)
    write(file, "short", size=200)
    write(file, "last", size=200)
    file.acknowledge(["short"])
    assert names_in(tmp_path) == ["long", "last"]


def test_an_attempt_holds_every_segment_that_tells_of_it(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path), segment_limit_bytes=300)
    write(file, "a", size=200)
    write(file, "b", size=200)
    write(file, "a", size=200)
    write(file, "c", size=200)
    file.acknowledge(["b"])
    assert names_in(tmp_path) == ["a", "a", "c"]
    file.acknowledge(["a"])
    assert names_in(tmp_path) == ["c"]


def test_a_segment_without_anything_acknowledged_stays_after_close(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path))
    write(file, "a")
    file.close()
    assert names_in(tmp_path) == ["a"]


def test_what_the_disk_refused_is_written_later_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ResultsFile(str(tmp_path))
    write(file, "a")
    real = os.pwrite

    def half_then_full(fd: int, data: bytes, at: int) -> int:
        real(fd, data[: len(data) // 2], at)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half_then_full)
    file.add("b", b'{"attempt": "b"}')
    error = file.write()
    assert error is not None
    assert error.errno == 28
    assert names_in(tmp_path) == ["a"]
    monkeypatch.undo()
    write(file, "c")
    assert names_in(tmp_path) == ["a", "b", "c"]


def test_a_record_larger_than_a_segment_has_one_of_its_own(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path), segment_limit_bytes=300)
    write(file, "a")
    write(file, "huge", size=5000)
    write(file, "b")
    assert names_in(tmp_path) == ["a", "huge", "b"]
