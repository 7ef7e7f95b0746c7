"""What is fed to the writer comes out of the reader: bytes, order, lines, cursors."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.logs import level_counts, levels
from engine.logs.lines import Cursor, Filter, Line
from engine.logs.reader import LogReader
from engine.logs.writer import PARTIAL_HOLD_NS, AttemptLog

TEXTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([
        b"\n", b"\n\n", b"one line\n", b"ERROR it failed\n", b"WARN slow\n", b"DEBUG x\n",
        b"no end", b" and its end\n", b"\r10%\r20%", b"\x00\xff\xfe\n", b"x" * 300 + b"\n",
    ]),
)  # fmt: skip


class Fed(NamedTuple):
    """One thing that happens to a log: data of a stream, or time that passes."""

    attempt: int
    stream: int
    data: bytes
    pause: bool


FEEDS = st.lists(
    st.builds(Fed, st.integers(1, 3), st.integers(1, 2), TEXTS, st.booleans()), max_size=40
)


class Writers:
    """Three attempts that write into one execution's log."""

    def __init__(self, directory: str, limit_bytes: int = 0) -> None:
        self.logs = {
            number: AttemptLog(directory, number, f"step{number}", None, limit_bytes)
            for number in (1, 2, 3)
        }
        self.now_ns = 1_000_000_000_000

    def feed(self, fed: Fed) -> None:
        self.now_ns += 1_000_000
        self.logs[fed.attempt].feed(fed.stream, fed.data, self.now_ns)
        if fed.pause:
            self.now_ns += PARTIAL_HOLD_NS
            for log in self.logs.values():
                log.flush_partial(self.now_ns)

    def close(self) -> dict[int, tuple[int, int]]:
        self.now_ns += 1_000_000
        return {number: log.close(self.now_ns) for number, log in self.logs.items()}


@contextmanager
def a_directory() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        yield str(Path(directory) / "log")


def lines_of(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def key_of(line: Line) -> tuple[int, int]:
    return line.attempt, line.stream


def fed_lines(feeds: list[Fed]) -> dict[tuple[int, int], list[bytes]]:
    """The lines of each stream as they were printed."""
    streams: dict[tuple[int, int], bytes] = {}
    for fed in feeds:
        key = (fed.attempt, fed.stream)
        streams[key] = streams.get(key, b"") + fed.data
    return {key: lines_of(data) for key, data in streams.items() if data}


def by_stream(lines: list[Line]) -> dict[tuple[int, int], list[bytes]]:
    found: dict[tuple[int, int], list[bytes]] = {}
    for line in lines:
        found.setdefault(key_of(line), []).append(line.data)
    return found


@given(FEEDS)
def test_every_byte_of_every_stream_comes_back_in_order(feeds: list[Fed]) -> None:
    with a_directory() as directory:
        writers = Writers(directory)
        for fed in feeds:
            writers.feed(fed)
        ends = writers.close()
        reader = LogReader(directory)
        for attempt in (1, 2, 3):
            for number, stream in ((1, "stdout"), (2, "stderr")):
                wanted = Filter.make(attempts=frozenset({attempt}), stream=stream)
                expected = b"".join(
                    fed.data for fed in feeds if (fed.attempt, fed.stream) == (attempt, number)
                )
                assert b"".join(reader.raw(wanted)) == expected
            printed = sum(len(fed.data) for fed in feeds if fed.attempt == attempt)
            assert ends[attempt][0] == printed
            assert reader.blocks.size_of(attempt) == printed
        assert sum(records for _, records in ends.values()) == reader.index.count
        reader.close()


@given(FEEDS)
def test_lines_are_whole_whatever_the_other_streams_print(feeds: list[Fed]) -> None:
    with a_directory() as directory:
        writers = Writers(directory)
        for fed in feeds:
            writers.feed(fed)
        writers.close()
        reader = LogReader(directory)
        assert by_stream(list(reader.lines())) == fed_lines(feeds)
        reader.close()


@given(FEEDS, st.integers(1, 7))
def test_pages_of_any_size_give_the_same_lines_both_ways(feeds: list[Fed], limit: int) -> None:
    with a_directory() as directory:
        writers = Writers(directory)
        for fed in feeds:
            writers.feed(fed)
        writers.close()
        reader = LogReader(directory)
        everything = list(reader.lines())
        assert [line.cursor for line in everything] == sorted({line.cursor for line in everything})
        assert pages_back(reader, Filter(), limit) == everything
        assert pages_forward(reader, Filter(), limit) == everything
        reader.close()


def pages_back(reader: LogReader, wanted: Filter, limit: int) -> list[Line]:
    lines: list[Line] = []
    before: Cursor | None = None
    while True:
        page = reader.page_back(wanted, limit, before)
        assert len(page.lines) <= limit
        lines = page.lines + lines
        if page.before is None:
            return lines
        before = Cursor.parse(str(page.before))


def pages_forward(reader: LogReader, wanted: Filter, limit: int) -> list[Line]:
    lines: list[Line] = []
    after: Cursor | None = None
    while True:
        page = reader.page_forward(wanted, limit, after)
        assert len(page.lines) <= limit
        lines += page.lines
        if len(page.lines) < limit:
            return lines
        after = page.after


@given(
    FEEDS, st.sampled_from(levels.LEVEL_NAMES), st.sampled_from([None, "stdout", "stderr"]),
    st.sampled_from([None, "fail", "^x", "o$", "a|e", "\\d\\d%", "(?i)error", "", "\\Ano"]),
    st.sampled_from([None, "step1", "step2"]), st.integers(1, 5),
)  # fmt: skip
def test_a_filter_shows_what_looking_at_every_line_would(
    feeds: list[Fed], level: str, stream: str | None, grep: str | None, step: str | None, limit: int
) -> None:
    with a_directory() as directory:
        writers = Writers(directory)
        for fed in feeds:
            writers.feed(fed)
        writers.close()
        reader = LogReader(directory)
        wanted = Filter.make(step=step, stream=stream, level=level, grep=grep)
        expected = [
            line
            for line in reader.lines()
            if wanted.takes(line.data, line.level)
            and (step is None or line.attempt == int(step[-1]))
            and (stream is None or line.stream == (1 if stream == "stdout" else 2))
        ]
        assert pages_back(reader, wanted, limit) == expected
        assert pages_forward(reader, wanted, limit) == expected
        reader.levels.count(ended=True)
        assert pages_back(reader, wanted, limit) == expected
        reader.close()


@settings(deadline=None)
@given(FEEDS, st.lists(st.booleans(), min_size=40, max_size=40), st.integers(0, 10))
def test_who_follows_a_log_sees_in_the_end_what_one_sees_who_opens_it_then(
    feeds: list[Fed], looks: list[bool], opened_after: int
) -> None:
    with a_directory() as directory:
        writers = Writers(directory)
        reader = LogReader(directory)
        for fed in feeds[:opened_after]:
            writers.feed(fed)
        tails = [reader.follow(limit=10_000), reader.follow(limit=10_000)]
        shown = [{line.cursor: line for line in tail.snapshot().lines} for tail in tails]
        for fed, look in zip(feeds[opened_after:], looks, strict=False):
            writers.feed(fed)  # and one of the two looks
            shown[look] |= {line.cursor: line for line in tails[look].advance().lines}
        writers.close()
        fresh = LogReader(directory)
        everything = list(fresh.lines())
        for lines, tail in zip(shown, tails, strict=True):
            lines |= {line.cursor: line for line in tail.advance().lines}
            assert [lines[cursor] for cursor in sorted(lines)] == everything
        reader.close()
        fresh.close()


@settings(deadline=None)
@given(FEEDS, st.lists(st.booleans(), min_size=40, max_size=40))
def test_a_follower_of_whole_lines_gets_each_line_once(
    feeds: list[Fed], looks: list[bool]
) -> None:
    with a_directory() as directory:
        writers = Writers(directory)
        reader = LogReader(directory)
        tail = reader.follow(limit=10_000, whole_lines=True)
        lines = tail.snapshot().lines
        for fed, look in zip(feeds, looks, strict=False):
            writers.feed(fed)
            if look:
                lines += tail.advance().lines
        writers.close()
        lines += tail.advance().lines
        lines += tail.finish()
        assert by_stream(lines) == fed_lines(feeds)
        reader.close()


@given(FEEDS, st.integers(1, 5))
def test_a_window_says_how_many_lines_it_left_out(feeds: list[Fed], limit: int) -> None:
    with a_directory() as directory:
        reader = LogReader(directory)
        tail = reader.follow(limit=limit)
        tail.snapshot()
        writers = Writers(directory)
        for fed in feeds:
            writers.feed(fed)
        writers.close()
        growth = tail.advance()
        everything = list(reader.lines())
        assert growth.lines == everything[-limit:]
        assert growth.skipped == len(everything) - len(growth.lines)
        reader.close()


@given(FEEDS, st.integers(0, 40), st.sampled_from([1, 20, level_counts.PIECE_BYTES]))
def test_levels_are_counted_once_and_found_again(feeds: list[Fed], first: int, piece: int) -> None:
    with a_directory() as directory, mock.patch.object(level_counts, "PIECE_BYTES", piece):
        writers = Writers(directory)
        reader = LogReader(directory)
        for fed in feeds[:first]:
            writers.feed(fed)
        reader.levels.count(ended=False, within_s=0)  # in the middle of a block, perhaps
        for fed in feeds[first:]:
            writers.feed(fed)
        writers.close()
        while not reader.levels.count(ended=True, within_s=0):
            pass
        everything = list(reader.lines())
        for attempt in (1, 2, 3):
            expected = [0, 0, 0, 0]
            for line in everything:
                expected[line.level] += line.attempt == attempt
            assert list(reader.levels.of_attempt(attempt)) == expected
        again = LogReader(directory)
        again.levels.count(ended=True)
        assert again.levels.total == reader.levels.total
        assert again.blocks.read_bytes == 0, "the second time the log itself was read"
        reader.close()
        again.close()
