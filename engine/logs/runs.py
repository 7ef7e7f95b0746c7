"""Passes over stretches of small records in which a search finds nothing.

A step that flushes every line makes a record a line. To look into each of them by itself costs more
than the search: records that lie side by side in one file are read and searched as one. Used by
`engine.logs.reader`.
"""

from __future__ import annotations

import bisect
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from engine.logs.blocks import Blocks
from engine.logs.format import GAP, PARTIAL, Record
from engine.logs.index import Slot
from engine.logs.regex import Search

SMALL_BYTES = 32 << 10  # a larger record is worth a search of its own
RUN_BYTES = 128 << 10


class Found(NamedTuple):
    """A record on the way through the index; `look` is False where nothing can be in it."""

    number: int
    record: Record | None
    look: bool


def worth_a_look(
    slots: Iterable[Slot],
    search: Search | None,
    blocks: Blocks,
    takes: Callable[[int, Record | None], bool] | None,
) -> Iterator[Found]:
    """The records, in the order of `slots`, those without any candidate marked or left out.

    `takes` tells by the record alone; of a stretch without candidates its last record is given.
    """
    run: list[tuple[int, Record]] = []
    size, last = 0, None
    for number, record in slots:
        if takes is not None and not takes(number, record):
            continue
        small = (
            search is not None
            and record is not None
            and record.length <= SMALL_BYTES
            and not record.flags & (GAP | PARTIAL)  # such a line is not in one piece
        )
        if run and (size >= RUN_BYTES or not small or not _side_by_side(last, record)):
            yield from _searched(run, search, blocks)
            run, size = [], 0
        if small and record is not None:
            run.append((number, record))
            size += record.length
            last = record
        else:
            yield Found(number, record, True)
    if run:
        yield from _searched(run, search, blocks)


def _side_by_side(one: Record | None, other: Record | None) -> bool:
    if one is None or other is None or one.attempt != other.attempt:
        return False
    if one.segment != other.segment:
        return False
    return one.offset + one.length == other.offset or other.offset + other.length == one.offset


def _searched(
    run: list[tuple[int, Record]], search: Search | None, blocks: Blocks
) -> Iterator[Found]:
    if len(run) == 1 or search is None:
        return (Found(number, record, True) for number, record in run)
    hits = _hits(sorted((record for _, record in run), key=_offset), search, blocks)
    if hits is None:
        return (Found(number, record, True) for number, record in run)
    last = run[-1][0]
    return (
        Found(number, record, record.offset in hits)
        for number, record in run
        if record.offset in hits or number == last
    )


def _hits(records: list[Record], search: Search, blocks: Blocks) -> set[int] | None:
    """The offsets of the records that have a candidate or are damaged; None if all need a look."""
    start = records[0].offset
    data = blocks.read_span(records[0], records[-1].offset + records[-1].length - start)
    if data is None:
        return None
    view = memoryview(data)
    hits: set[int] = set()
    for record in records:
        at = record.offset - start
        if zlib.crc32(view[at : at + record.length]) != record.crc:
            hits.add(record.offset)
    offsets = [record.offset - start for record in records]
    at = 0
    while at < len(data) and (span := search(data, at)) is not None:
        which = bisect.bisect_right(offsets, span[0]) - 1
        hits.add(records[which].offset)
        at = offsets[which] + records[which].length
    return hits


def _offset(record: Record) -> int:
    return record.offset
