"""Masks secret values in a stream of bytes before the first of them reaches a disk.

    masker = Masker(values)              nothing is loaded while no value is long enough to mask
    masker.feed(stream, data)            what may be written now; the beginning of a secret waits
    masker.flush(stream)                 the rest, at the end of the stream
    masker.mask_text(text)               whole texts
    masker.mask_message(text)            error messages, which somebody may have cut short
    masker.mask_json(value)              outputs, keys included

At each place the longest form wins; overlapping finds become one `***`. Values shorter than
`mask_forms.SHORTEST_VALUE` characters are not masked: they occur everywhere. Runs in the runner
(standard library at start; google-re2 is loaded with the first secret) and in the engine.
"""

from __future__ import annotations

import bisect
import functools
import heapq
import json
from collections.abc import Iterator
from typing import Any

from engine.logs.regex import compile_search
from engine.runner.mask_blocks import LARGE, SHORTEST, Blocks, blocks_of
from engine.runner.mask_forms import SHORTEST_VALUE, as_bytes, forms_of

MASK = b"***"
ELLIPSIS = "…"
SHORTEST_PART = 6  # of a secret that a text ends with, where it was cut
SAMPLES = 5  # of a form's bytes, at least, and one more: so many are rarely there by chance
LONGEST_STRIDE = 6
PATTERN_FORMS = 2_000  # beyond, a pattern would be larger than the processor's caches
HEAD_BYTES = 12  # the pattern holds the beginnings of the forms, the rest is compared


class Masker:
    """The forms of a set of values, and what each stream holds back."""

    def __init__(self, values: list[str]) -> None:
        usable = {value for value in values if len(value.strip()) >= SHORTEST_VALUE}
        self._forms = _forms_for(tuple(sorted(usable))) if usable else None
        # per stream: bytes held back, and how many of them are inside a mask already written
        self._held: dict[int, tuple[bytes, int]] = {}

    def fresh(self) -> Masker:
        """A masker of the same values that holds nothing back yet: each attempt needs its own."""
        other = Masker([])
        other._forms = self._forms
        return other

    def after(self, former: Masker | None) -> Masker:
        """A masker of these values that goes on from another one's streams."""
        other = self.fresh()
        if former is not None:
            other._held = former._held
        return other

    @property
    def active(self) -> bool:
        """False when there is nothing to mask."""
        return self._forms is not None

    def feed(self, stream: int, data: bytes | memoryview) -> bytes:
        """The masked bytes that are decided; a beginning of a secret waits for what follows."""
        if self._forms is None:
            return bytes(data)
        held, covered = self._held.get(stream, (b"", 0))
        window = held + data if held else bytes(data)
        cut = self._forms.undecided_from(window)
        masked, inside = self._forms.mask(window, covered, cut)
        self._held[stream] = (window[cut:], inside)
        return masked

    def flush(self, stream: int) -> bytes:
        """The rest of a stream; half a secret or more at its very end is masked too."""
        held, covered = self._held.pop(stream, (b"", 0))
        if self._forms is None or not held:
            return b""
        if self._forms.is_large_part(held):
            return b"" if covered else MASK
        return self._forms.mask(held, covered, len(held))[0]

    def mask_bytes(self, data: bytes) -> bytes:
        """A whole text, masked."""
        return data if self._forms is None else self._forms.mask(data, 0, len(data))[0]

    def mask_text(self, text: str) -> str:
        """A whole text, masked."""
        if self._forms is None:
            return text
        data = as_bytes(text)
        masked = self.mask_bytes(data)
        return text if masked == data else masked.decode("utf-8", "replace")

    def mask_message(self, text: str) -> str:
        """The same of a text that was cut somewhere: what is left of a secret there is masked too.

        Not for values: an output that looks like the beginning of a secret stays what it is.
        """
        if self._forms is None:
            return text
        pieces = self.mask_text(text).split(ELLIPSIS)
        return ELLIPSIS.join(self._without_part(piece) for piece in pieces)

    def _without_part(self, text: str) -> str:
        assert self._forms is not None
        data = as_bytes(text)
        start = self._forms.undecided_from(data)
        if len(data) - start < SHORTEST_PART:
            return text
        return (data[:start] + MASK).decode("utf-8", "replace")

    def mask_json(self, value: Any) -> Any:
        """A JSON value with every text in it masked, keys and secret numbers too."""
        if self._forms is None:
            return value
        if isinstance(value, str):
            return self.mask_text(value)
        if isinstance(value, dict):
            return {self.mask_text(str(key)): self.mask_json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.mask_json(item) for item in value]
        if isinstance(value, bool) or value is None:
            return value  # true, false and null say nothing
        text = json.dumps(value)
        masked = self.mask_text(text)
        return value if masked == text else masked


class _Forms:
    """The compiled forms of a set of values; shared by the maskers of a runner.

    Where there are very many, the long ones are found by their blocks, and no pattern holds them.
    """

    def __init__(self, forms: list[bytes]) -> None:
        self._sorted = sorted(forms)
        self._longest = max(map(len, forms))
        # by how a form begins: its lengths, longest first, and the forms of each
        self._by_start: dict[bytes, dict[int, set[bytes]]] = {}
        for form in forms:  # longest first, as they came
            sizes = self._by_start.setdefault(form[:SHORTEST_VALUE], {})
            sizes.setdefault(len(form), set()).add(form)
        self._blocks: list[Blocks] = []
        if len(forms) > PATTERN_FORMS:
            self._blocks = blocks_of([form for form in forms if len(form) >= SHORTEST])
            forms = [form for form in forms if len(form) < SHORTEST]
        self._head_bytes = 2 * LARGE if self._blocks else HEAD_BYTES  # of which all is looked at
        heads = sorted({form[:HEAD_BYTES] for form in forms}, key=len)
        self._find = compile_search(_alternatives(heads)) if heads else _nothing
        self._beginnings = {head[:size] for head in heads for size in range(1, len(head) + 1)}
        self._stride = max(1, min(LONGEST_STRIDE, min(map(len, forms), default=0) // SAMPLES))
        self._find_sampled = self._find
        if self._stride > 1:
            self._find_sampled = compile_search(_alternatives(_samples_of(forms, self._stride)))

    def mask(self, window: bytes, covered: int, cut: int) -> tuple[bytes, int]:
        """What lies before `cut`, masked; and how many bytes after it belong to the last mask.

        The first `covered` bytes are inside a mask that is written already.
        """
        pieces: list[bytes] = []
        done = covered
        for start, end in self._matches(window, cut):
            if start >= done:
                pieces.append(window[done:start])
                pieces.append(MASK)
            done = max(done, end)
        if done < cut:
            pieces.append(window[done:cut])
            done = cut
        return b"".join(pieces), done - cut

    def _matches(self, window: bytes, cut: int) -> Iterator[tuple[int, int]]:
        """The longest form at each place before `cut`, in order; they may overlap."""
        for start in self._starts(window):
            if start >= cut:
                return
            sizes = self._by_start.get(window[start : start + SHORTEST_VALUE])
            if sizes is not None:
                for size, forms in sizes.items():
                    if window[start : start + size] in forms:
                        yield start, start + size
                        break

    def _starts(self, window: bytes) -> Iterator[int]:
        """Every place at which a form may begin, in order; more than there are."""
        if not self._blocks:
            return self._sampled(window)
        by_blocks = (blocks.starts(window) for blocks in self._blocks)
        return heapq.merge(self._sampled(window), *by_blocks)

    def _sampled(self, window: bytes) -> Iterator[int]:
        """By the pattern. Forms that are all long are looked for in every few bytes only: what of
        them is seen there is known for each place at which they can begin.
        """
        stride = self._stride
        seen = window[::stride] if stride > 1 else window
        at = 0
        while (span := self._find_sampled(seen, at)) is not None:
            at = span[0] + 1
            last = span[0] * stride
            yield from range(max(0, last - stride + 1), last + 1)

    def undecided_from(self, window: bytes) -> int:
        """The first place from which on the window could be the beginning of a longer form."""
        at = max(0, len(window) - self._longest + 1)
        for start in self._possible(window, at):
            if self._begins_form(window[start:]):
                return start
        for start in range(max(0, len(window) - self._head_bytes + 1), len(window)):
            tail = window[start:]
            if (self._blocks or tail in self._beginnings) and self._begins_form(tail):
                return start
        return len(window)

    def _possible(self, window: bytes, at: int) -> Iterator[int]:
        """Every place from `at` on at which a form may begin of which the head is there."""
        by_pattern = self._by_heads(window, at)
        if not self._blocks:
            return by_pattern
        return heapq.merge(by_pattern, *(blocks.starts(window, at) for blocks in self._blocks))

    def _by_heads(self, window: bytes, at: int) -> Iterator[int]:
        while (span := self._find(window, at)) is not None:
            yield span[0]
            at = span[0] + 1

    def is_large_part(self, held: bytes) -> bool:
        """True when the text is the beginning of a form and at least half of it."""
        form = self._form_after(held)
        return form is not None and len(held) >= max(SHORTEST_VALUE, len(form) // 2)

    def _begins_form(self, tail: bytes) -> bool:
        return self._form_after(tail) is not None

    def _form_after(self, tail: bytes) -> bytes | None:
        """A form that begins with `tail` and is longer."""
        at = bisect.bisect_right(self._sorted, tail)
        if at < len(self._sorted) and self._sorted[at].startswith(tail):
            return self._sorted[at]
        return None


@functools.lru_cache(maxsize=8)  # the attempts of one flow share their secrets
def _forms_for(values: tuple[str, ...]) -> _Forms | None:
    forms = forms_of(list(values))
    return _Forms(forms) if forms else None


def _nothing(text: bytes, start: int) -> None:
    """Finds nothing: there is no form for it."""


def _samples_of(forms: list[bytes], stride: int) -> list[bytes]:
    """What is seen of each form in every `stride`-th byte, wherever it begins; shortest first."""
    found = {form[first::stride][: SAMPLES + 1] for form in forms for first in range(stride)}
    return sorted(found, key=len)


def _alternatives(heads: list[bytes]) -> bytes:
    """A pattern of literal alternatives, without those that begin with another one."""
    kept: set[bytes] = set()
    for head in heads:  # shortest first
        if not any(head[:size] in kept for size in range(SHORTEST_VALUE, len(head))):
            kept.add(head)
    return b"|".join(b"".join(b"\\x%02x" % byte for byte in head) for head in sorted(kept))
