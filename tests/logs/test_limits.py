"""Limits, gaps, a full disk, over-long lines, power cuts: counted, marked, never in the way."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.logs import files, format
from engine.logs.lines import Filter, Line
from engine.logs.reader import LogReader
from engine.logs.text import VIEW_BYTES, to_text
from engine.logs.writer import RETRY_NS, AttemptLog

SECOND_NS = 1_000_000_000


def texts(lines: list[Line]) -> list[str]:
    return [to_text(line.data) for line in lines]


def numbered(count: int) -> list[bytes]:
    return [b"line %07d of the output of a step that says much\n" % at for at in range(count)]


def test_no_file_before_the_first_byte(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path / "x" / "log"), 1, "a", None, 0)
    log.feed(1, b"", 1)
    assert log.close(2) == (0, 0)
    assert list(tmp_path.iterdir()) == []
    reader = LogReader(tmp_path / "x" / "log")
    assert reader.page_back().lines == []
    assert reader.page_forward().lines == []
    assert b"".join(reader.raw()) == b""


def test_files_are_private(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path / "log"), 1, "a", None, 0)
    log.feed(1, b"x\n", 1)
    log.close(2)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "log").iterdir()} == {0o600}


def test_over_the_limit_the_middle_goes_and_is_counted(tmp_path: Path) -> None:
    lines, limit = numbered(20_000), 256 << 10
    log = AttemptLog(str(tmp_path), 1, "a", None, limit)
    rng = random.Random(5)
    at = 0
    while at < len(lines):
        step = rng.randrange(1, 40)
        log.feed(1, b"".join(lines[at : at + step]), at)
        at += step
    log_bytes, _ = log.close(at)
    reader = LogReader(tmp_path)
    shown = list(reader.lines())
    kept = [line.data + b"\n" for line in shown if line.stream != format.ENGINE]
    notes = [line for line in shown if line.stream == format.ENGINE]
    assert len(notes) == 1
    head = shown.index(notes[0])
    assert kept[:head] == lines[:head]
    assert kept[head:] == lines[-len(kept[head:]) :]
    lost = sum(map(len, lines)) - sum(map(len, kept))
    assert texts(notes) == [f"… {lost:,} bytes not kept (over the size limit of a log) …"]
    assert limit * 0.7 < log_bytes <= limit
    assert sum(path.stat().st_size for path in tmp_path.glob("*.log")) == log_bytes
    assert reader.blocks.size_of(1) == log_bytes
    assert len(kept[:head]) > 2000
    assert len(kept[head:]) > 1500
    assert shown == reader.page_back(limit=30_000).lines
    raw = b"".join(reader.raw())
    assert raw == b"".join(lines[:head]) + notes[0].data + b"\n" + b"".join(kept[head:])


def test_the_limit_holds_while_a_line_never_ends(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 64 << 10)
    for at in range(300):
        log.feed(1, b"x" * 5000, at)
    log_bytes, _ = log.close(300)
    assert log_bytes <= 64 << 10
    reader = LogReader(tmp_path)
    shown = reader.page_back().lines
    assert [line.stream for line in shown] == [1, format.ENGINE, 1]
    assert shown == list(reader.lines())


def test_segments_roll_at_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.logs.segments.SEGMENT_BYTES", 10_000)
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    lines = numbered(1000)
    for line in lines:
        log.feed(1, line, 1)
    log.close(1)
    sizes = [path.stat().st_size for path in tmp_path.glob("*.log")]
    assert max(sizes) <= 10_000
    assert len(sizes) > 4
    reader = LogReader(tmp_path)
    assert b"".join(reader.raw()) == b"".join(lines)


def test_a_long_line_is_cut_in_views_and_whole_in_the_file(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    long = b"y" * (3 << 20)
    log.feed(1, b"before\n" + long, 1)
    log.feed(1, b"z\nafter\n", 2)
    log.close(3)
    reader = LogReader(tmp_path)
    shown = texts(reader.page_back().lines)
    assert shown[0] == "before"
    assert shown[1] == "y" * VIEW_BYTES + " … [line cut]"
    assert shown[2:] == ["after"]
    assert b"".join(reader.raw()) == b"before\n" + long + b"z\nafter\n"
    assert all(
        record is not None and record.length <= format.BLOCK_BYTES
        for _, record in reader.index.forward(0, reader.index.count)
    )


def test_a_progress_bar_shows_its_last_state(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    reader = LogReader(tmp_path)
    tail = reader.follow()
    tail.snapshot()
    for percent in range(101):
        log.feed(2, b"\r[%-300s] %3d %%" % (b"#" * percent, percent), percent * SECOND_NS)
        log.flush_partial(percent * SECOND_NS + 300_000_000)
        (line,) = tail.advance().lines
        assert line.open
        assert to_text(line.data).endswith(f"{percent:3d} %")
        assert len(line.data) <= VIEW_BYTES + 1
    log.feed(2, b"\ndone\n", 102 * SECOND_NS)
    lines = tail.advance().lines
    assert [line.open for line in lines] == [False, False]
    assert to_text(lines[0].data).endswith("100 %")


def test_streams_do_not_tear_each_other(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    log.feed(1, b"half a li", 1)
    log.feed(2, b"a whole error\n", 2)
    log.feed(1, b"ne\n", 3)
    log.close(4)
    reader = LogReader(tmp_path)
    assert b"".join(reader.raw()) == b"a whole error\nhalf a line\n"


def test_a_prompt_without_newline_is_shown_after_a_while(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    log.feed(1, b"Password: ", 0)
    assert log.has_partial
    assert log.partial_due_ns == 200_000_000
    log.flush_partial(199_999_999)
    assert log.has_partial
    log.flush_partial(200_000_000)
    assert not log.has_partial
    assert texts(LogReader(tmp_path).page_back().lines) == ["Password: "]


def test_a_clock_that_is_set_back_holds_nothing_for_ever(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    log.feed(1, b"Password: ", 10**18)
    log.flush_partial(10**17)
    assert not log.has_partial


# -- a full disk --

FULL_DISK = """
import errno, os, sys
from engine.logs.writer import AttemptLog, RETRY_NS

directory = sys.argv[1]
lines = [b"line %07d %s\\n" % (at, b"." * 80) for at in range(4000)]
log = AttemptLog(directory, 1, "a", None, 0)
now = 0
for at, line in enumerate(lines[:3000]):
    now += RETRY_NS // 50
    log.feed(1 + at % 2, line, now)
assert log.problem is not None and log.problem.errno in (errno.ENOSPC, errno.EFBIG), log.problem
dropped = log.dropped_bytes
assert dropped > 0
if sys.argv[2] == "space":
    os.unlink(os.path.join(os.path.dirname(directory), "ballast"))
else:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
now += 2 * RETRY_NS
for line in lines[3000:]:
    log.feed(1, line, now)
assert log.problem is None
log.close(now)
print(dropped, log.dropped_bytes)
"""


def check_gaps(directory: Path, dropped: int) -> None:
    reader = LogReader(directory)
    shown = list(reader.lines())
    lines = [line.data + b"\n" for line in shown if line.stream != format.ENGINE]
    kept = sum(map(len, lines))
    notes = [to_text(line.data) for line in shown if line.stream == format.ENGINE]
    assert notes
    assert all("not kept (No space left" in note or "(File too large)" in note for note in notes)
    counted = sum(int(note.split()[1].replace(",", "")) for note in notes)
    assert counted == dropped
    assert kept + dropped == 4000 * 94
    assert lines[-1000:] == [b"line %07d %s\n" % (at, b"." * 80) for at in range(3000, 4000)]
    assert lines == sorted(lines), "order was lost"
    assert b"damaged" not in b"".join(reader.raw())
    reader.close()


def test_a_file_that_may_not_grow_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    directory = tmp_path / "log"

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(directory), "limit"],
        preexec_fn=limit_files, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, last = map(int, done.stdout.split())
    assert first == last
    check_gaps(directory, last)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(mount)], check=False
    )
    if made.returncode != 0:
        pytest.skip("this machine does not let us mount a tmpfs")
    try:
        (mount / "ballast").write_bytes(b"x" * (320 << 10))
        done = subprocess.run(
            [sys.executable, "-c", FULL_DISK, str(mount / "log"), "space"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        check_gaps(mount / "log", int(done.stdout.split()[1]))
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_directory_that_cannot_be_made_never_raises(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file is in the way")
    log = AttemptLog(str(tmp_path / "log"), 1, "a", None, 0)
    log.feed(1, b"lost\n", 1)
    assert log.dropped_bytes == 5
    assert log.problem is not None
    log.feed(1, b"also lost\n", 2)
    (tmp_path / "log").unlink()
    log.feed(1, b"kept\n", 2 + RETRY_NS)
    assert log.problem is None
    log.close(3 + RETRY_NS)
    shown = LogReader(tmp_path / "log").page_back().lines
    assert texts(shown) == ["… 15 bytes of stdout not kept (Not a directory) …", "kept"]


# -- power cuts and broken disks --


def a_log_of(directory: Path, records: int = 30) -> list[bytes]:
    log = AttemptLog(str(directory), 1, "a", None, 0)
    blocks = [b"block %03d, first line\nblock %03d, second\n" % (at, at) for at in range(records)]
    for at, block in enumerate(blocks):
        log.feed(1, block, at + 1)
    log.close(records + 1)
    return blocks


def test_a_log_file_that_lost_its_end_shows_what_is_missing(tmp_path: Path) -> None:
    blocks = a_log_of(tmp_path)
    file = tmp_path / "000001.a.log"
    size = file.stat().st_size
    os.truncate(file, size - 50)
    reader = LogReader(tmp_path)
    shown = list(reader.lines())
    assert [line.data for line in shown if line.stream == 1] == b"".join(blocks[:28]).splitlines()
    notes = [to_text(line.data) for line in shown if line.stream == format.ENGINE]
    assert notes == [f"… {len(blocks[0])} bytes of stdout are missing …"] * 2
    assert size - reader.blocks.size_of(1) == 50


def test_an_index_that_lost_its_end_ends_there(tmp_path: Path) -> None:
    blocks = a_log_of(tmp_path)
    os.truncate(tmp_path / "index", 29 * 40 + 17)
    reader = LogReader(tmp_path)
    assert b"".join(reader.raw()) == b"".join(blocks[:29])


def test_zeros_at_the_end_of_the_index_are_no_lines(tmp_path: Path) -> None:
    blocks = a_log_of(tmp_path)
    with (tmp_path / "index").open("ab") as file:
        file.write(bytes(4096))
    reader = LogReader(tmp_path)
    lines = list(reader.lines())
    assert len(lines) == 2 * len(blocks) + 1
    assert "index is damaged" in to_text(lines[-1].data)
    assert reader.page_back(limit=1000).lines == lines


def test_a_lost_file_is_told(tmp_path: Path) -> None:
    blocks = a_log_of(tmp_path, 2)
    (tmp_path / "000001.a.log").unlink()
    reader = LogReader(tmp_path)
    note = f"… {len(blocks[0])} bytes of stdout are missing …"
    assert texts(reader.page_back().lines) == [note] * 2
    assert b"".join(reader.raw()).decode() == (note + "\n") * 2


@settings(deadline=None)
@given(st.data())
def test_damage_costs_only_the_records_it_hits(data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        blocks = a_log_of(directory, 12)
        victim = directory / data.draw(st.sampled_from(["index", "000001.a.log"]))
        content = bytearray(victim.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        size = data.draw(st.integers(1, 30))
        content[at : at + size] = bytes(byte ^ 0x5A for byte in content[at : at + size])
        victim.write_bytes(content)
        unit = 40 if victim.name == "index" else len(blocks[0])
        last = min(at + size, len(content)) - 1
        hit = range(at // unit, last // unit + 1)
        expected = b"".join(block for n, block in enumerate(blocks) if n not in hit).splitlines()
        reader = LogReader(directory)
        lines = list(reader.lines())
        assert [line.data for line in lines if line.stream == 1] == expected
        assert any(line.stream == format.ENGINE for line in lines)
        assert reader.page_back(limit=1000).lines == lines
        reader.close()


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 39)), max_size=8))
def test_records_after_a_torn_write_are_found(tears: list[tuple[bool, int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        expected: list[bytes] = []
        for at, (_, size) in enumerate([(False, 0), *tears]):
            if size:
                with (directory / "index").open("ab") as file:
                    file.write(b"\x5a" * size)  # what a full disk left of a record
            log = AttemptLog(str(directory), at + 1, "a", None, 0)
            log.feed(1, b"line of attempt %d\n" % (at + 1), at)
            log.close(at)
            expected.append(b"line of attempt %d" % (at + 1))
        reader = LogReader(directory)
        lines = [line for line in reader.lines() if line.stream == 1]
        assert [line.data for line in lines] == expected
        for line in lines:
            page = reader.page_forward(limit=1, after=line.cursor._replace(line=-1))
            assert page.lines[0].data == line.data
        reader.close()


def test_two_processes_share_an_index(tmp_path: Path) -> None:
    code = """
import sys
from engine.logs.writer import AttemptLog
number = int(sys.argv[2])
log = AttemptLog(sys.argv[1], number, "a", None, 0)
for at in range(2000):
    log.feed(1, b"%d of %d\\n" % (at, number), at)
log.close(1)
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "log"), str(number)])
        for number in (1, 2, 3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    reader = LogReader(tmp_path / "log")
    assert reader.index.count == 6000
    for number in (1, 2, 3):
        wanted = Filter.make(attempts=frozenset({number}))
        expected = b"".join(b"%d of %d\n" % (at, number) for at in range(2000))
        assert b"".join(reader.raw(wanted)) == expected


def test_what_was_written_is_synced_also_after_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(
            os, name, lambda fd: synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
        )
    files.sync_all()
    synced.clear()
    log = AttemptLog(str(tmp_path / "log"), 1, "a", None, 0)
    log.feed(1, b"x\n", 1)
    log.close(2)
    files.sync_all()
    assert {"000001.a.log", "index", "log", tmp_path.name} == set(synced)
    synced.clear()
    files.sync_all()
    assert synced == []


def test_many_files_are_synced_at_once(tmp_path: Path) -> None:
    for number in range(1, 60):
        log = AttemptLog(str(tmp_path / "log"), number, "a", None, 0)
        log.feed(1, b"x\n", number)
        log.close(number)
    files.sync_all()
    log.sync()


def test_a_budget_slices_a_long_search(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", None, 0)
    lines = numbered(20_000)
    lines[7] = b"the needle\n"
    for at in range(0, len(lines), 500):
        log.feed(1, b"".join(lines[at : at + 500]), at)
    log.close(1)
    reader = LogReader(tmp_path)
    wanted = Filter.make(grep="needle")
    page, slices = reader.page_back(wanted, 10, budget_bytes=100_000), 1
    while not page.done:
        assert page.lines == []
        page, slices = reader.page_back(wanted, 10, page.before, budget_bytes=100_000), slices + 1
    assert texts(page.lines) == ["the needle"]
    assert slices > 5
    forward = reader.page_forward(Filter.make(grep="0019999"), 10, budget_bytes=100_000)
    while not forward.done:
        forward = reader.page_forward(
            Filter.make(grep="0019999"), 10, forward.after, budget_bytes=100_000
        )
    assert len(forward.lines) == 1
