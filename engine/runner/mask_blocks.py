"""Finds where one of very many texts may stand, at a speed that hardly depends on how many.

Beyond some thousand texts an automaton is larger than the caches and falls to 2 MB/s. Here what is
looked through is taken as numbers of 64 or 32 bits, one at every few places: wherever a text
stands, one of them is one of the numbers that its beginning can show. Each is to be compared in
whole then.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Collection, Iterator

LARGE, SMALL = 8, 4  # bytes of a number
APART = 4  # how many places, at least
SHORTEST = SMALL + APART - 1
AT_ONCE = 128  # numbers that are looked at in one call


def blocks_of(texts: Collection[bytes]) -> list[Blocks]:
    """What finds these texts, each of at least SHORTEST bytes: the longer ones by more of them."""
    long = [text for text in texts if len(text) >= 2 * LARGE - 1]
    short = [text for text in texts if len(text) < 2 * LARGE - 1]
    found = [Blocks(long, LARGE)] if long else []
    return found + ([Blocks(short, SMALL)] if short else [])


class Blocks:
    """The numbers of some texts."""

    def __init__(self, texts: Collection[bytes], size_bytes: int) -> None:
        self._size = size_bytes
        self._apart = size_bytes if min(map(len, texts)) >= 2 * size_bytes - 1 else APART
        self._known = {
            int.from_bytes(text[at : at + size_bytes], sys.byteorder)
            for text in texts
            for at in range(self._apart)
        }

    def starts(self, window: bytes, first: int = 0) -> Iterator[int]:
        """Every place from `first` on at which a text may begin, in order; more than there are."""
        shifts = range(0, self._size, self._apart)
        hits = heapq.merge(*(self._hits(window, first, shift) for shift in shifts))
        for hit in hits:
            yield from range(max(first, hit - self._apart + 1), hit + 1)

    def _hits(self, window: bytes, first: int, shift: int) -> Iterator[int]:
        """The places of known numbers, one number behind the other from `shift` on."""
        size, known = self._size, self._known
        begin = shift + max(0, first - shift) // size * size
        whole = max(0, len(window) - begin) // size * size
        view = memoryview(window)[begin : begin + whole]
        numbers = view.cast("Q") if size == LARGE else view.cast("I")
        for at in range(0, len(numbers), AT_ONCE):
            seen = numbers[at : at + AT_ONCE]
            if known.isdisjoint(seen):  # as nearly always, and in C
                continue
            for number, block in enumerate(seen, at):
                if block in known:
                    yield begin + number * size
