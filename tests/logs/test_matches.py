"""Searches through a log: how many lines match, which of them one is, and lines that still grow."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.logs.lines import Cursor, Filter
from engine.logs.matches import MatchCounter
from engine.logs.reader import LogReader
from engine.logs.writer import AttemptLog

NOON_NS = 1_767_268_800_123_456_789


def log_of(directory: Path, number: int = 1, step: str = "only") -> AttemptLog:
    return AttemptLog(str(directory), number, step, None, 0)


def counted(counter: MatchCounter, within_s: float = 1.0) -> int:
    while not counter.advance(within_s):
        pass
    return counter.total


@given(
    blocks=st.lists(
        st.lists(st.sampled_from(["needle", "a needle in hay", "hay", ""]), max_size=6),
        min_size=1, max_size=60,
    ),
    within_s=st.sampled_from([0.0, 0.0001, 1.0]),
)  # fmt: skip
def test_the_count_and_every_rank_are_those_of_reading_all_lines(
    blocks: list[list[str]], within_s: float, tmp_path_factory: object
) -> None:
    directory: Path = tmp_path_factory.mktemp("log")  # type: ignore[attr-defined]
    log = log_of(directory)
    for at, block in enumerate(blocks):
        log.feed(1, "".join(f"{line}\n" for line in block).encode(), NOON_NS + at * 10**9)
        log.flush_partial(NOON_NS + at * 10**9)
    log.close(NOON_NS)
    reader, wanted = LogReader(directory), Filter.make(grep="needle")
    counter = MatchCounter(reader, wanted)
    matching = [line.cursor for line in reader.lines(wanted)]
    assert counted(counter, within_s) == len(matching)
    assert [counter.rank(cursor) for cursor in matching] == list(range(1, len(matching) + 1))


def test_a_growing_log_is_counted_on_and_a_line_once(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.feed(1, b"needle\nnee", NOON_NS)
    log.flush_partial(NOON_NS + 10**9)
    reader = LogReader(tmp_path)
    counter = MatchCounter(reader, Filter.make(grep="needle"))
    assert counted(counter) == 1
    log.feed(1, b"dle\nneedle", NOON_NS + 2 * 10**9)
    log.flush_partial(NOON_NS + 3 * 10**9)
    assert counted(counter) == 3
    log.feed(1, b" and more of it\nhay\n", NOON_NS + 4 * 10**9)
    log.close(NOON_NS + 5 * 10**9)
    assert counted(counter) == 3
    assert counter.counted
    assert len(list(reader.lines(Filter.make(grep="needle")))) == 3


def test_counting_ends_at_a_limit(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    for _ in range(200):
        log.feed(1, b"needle\n" * 100, NOON_NS)
    log.close(NOON_NS)
    counter = MatchCounter(LogReader(tmp_path), Filter.make(grep="needle"), limit=500)
    assert counted(counter) >= 500
    assert counter.is_full
    before = counter.total
    assert counter.advance(1.0)
    assert counter.total == before


def test_a_rank_beyond_the_count_is_not_known(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.feed(1, b"needle\n" * 10, NOON_NS)
    log.close(NOON_NS)
    counter = MatchCounter(LogReader(tmp_path), Filter.make(grep="needle"))
    assert counter.rank(Cursor(0, 3)) is None
    counted(counter)
    assert counter.rank(Cursor(0, 3)) == 4


def test_a_search_keeps_to_the_steps_that_are_wanted(tmp_path: Path) -> None:
    for number, step in ((1, "checks/disk"), (2, "checks/memory"), (3, "dump"), (4, "clean")):
        log = log_of(tmp_path, number, step)
        log.feed(1, b"needle\n", NOON_NS)
        log.close(NOON_NS)
    reader = LogReader(tmp_path)
    for steps, found in ((["checks"], 2), (["dump", "clean"], 2), ([], 4), (["check"], 0)):
        assert counted(MatchCounter(reader, Filter.make(step=steps, grep="needle"))) == found
