"""The items of a batch step: which are done, which failed, which are to come. Pure.

Items have numbers from 0 in the whole list. Sets of them are lists of [first, last], in order, so
that a hundred thousand of them are a pair. Each batch is `size` items in a row, also over a retry.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

Ranges = list[list[int]]
TOLD_ITEMS = 1_000  # numbers of failed items among the outputs
KEPT = 200  # batches that did not complete, or all of a small step: those stay in memory
LEAVING = 2_000  # completed ones that may still be spoken of in the present turn
WAITING_LIMIT = 1_000  # batches that may wait for their next attempt while others start


@dataclass(slots=True)
class Batches:
    """How far one batch step is."""

    total: int
    size: int
    base: int  # position of its first batch among the steps of the execution
    next: int = 0  # the first batch that has never begun
    again: deque[int] = field(default_factory=deque)  # batches that begin once more
    part: dict[int, Ranges] = field(default_factory=dict)  # what a batch still has to do
    failed: dict[int, Ranges] = field(default_factory=dict)
    tried: dict[int, tuple[int, int]] = field(default_factory=dict)  # attempts, bytes of log
    error: dict[str, Any] | None = None  # the first
    open: int = 0  # begun and not ended
    running: int = 0
    ended: int = 0
    kept: int = 0
    leaving: deque[str] = field(default_factory=deque)
    is_queued: bool = False  # stands in the line of what may start
    back: deque[str] = field(default_factory=deque)  # batches that waited and may start again

    @property
    def count(self) -> int:
        return -(-self.total // self.size)

    @property
    def has_more(self) -> bool:
        return bool(self.again) or self.next < self.count

    @property
    def upcoming(self) -> int:
        """The batch that begins next."""
        return self.again[0] if self.again else self.next

    def items_of(self, number: int) -> Ranges:
        """What a batch still has to do."""
        found = self.part.get(number)
        if found is not None:
            return found
        first = number * self.size
        return [[first, min(self.total, first + self.size) - 1]]

    def is_part(self, number: int, ranges: Ranges) -> bool:
        """Whether these are not all items of a batch."""
        first = number * self.size
        return count(ranges) < min(self.total, first + self.size) - first

    @property
    def failed_count(self) -> int:
        return sum(count(ranges) for ranges in self.failed.values())

    def start_over(self) -> None:
        """What failed is to be done again, and only that."""
        self.again = deque(sorted({*self.failed, *self.again}))
        self.part |= self.failed
        self.failed = {}
        self.error = None
        self.open = self.running = 0
        self.ended = self.next - len(self.again)
        self.is_queued = False


def count(ranges: Ranges) -> int:
    """How many items these are."""
    return sum(last - first + 1 for first, last in ranges)


def judged(
    everything: Ranges, state: str, error: dict[str, Any] | None, end: dict[str, Any]
) -> tuple[str, dict[str, Any] | None, Ranges]:
    """How the attempt of a batch ended, by the items that it says have failed."""
    listed: Ranges = end.get("failed_items") or []
    if state == "completed":
        if listed:
            words = f"{count(listed)} of {count(everything)} items failed"
            return "failed", {"type": "items", "message": words}, listed
        return state, error, []
    if listed and (error or {}).get("type", "").startswith("exit:"):
        return state, error, listed
    return state, error, everything  # it did not come to an end of its own: all of them


def first_of(ranges_by_batch: dict[int, Ranges], limit: int) -> list[int]:
    """The first `limit` numbers of items."""
    found: list[int] = []
    for number in sorted(ranges_by_batch):
        for first, last in ranges_by_batch[number]:
            found += range(first, min(last, first + limit - len(found) - 1) + 1)
            if len(found) >= limit:
                return found
    return found
