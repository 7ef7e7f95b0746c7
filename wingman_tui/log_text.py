"""A log line as parts to paint: searched, cut at a side, broken into rows. Pure.

Parts are (text, role); everything here keeps the text and only divides it, so that what is marked
in a line stays marked wherever the line is cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from wingman_tui.view import Part

Span = tuple[int, int]


def plain(parts: Sequence[Part]) -> str:
    """The text alone."""
    return parts[0][0] if len(parts) == 1 else "".join(text for text, _ in parts)


def between(parts: Sequence[Part], start: int, end: int) -> list[Part]:
    """The parts of the characters from `start` up to `end`."""
    out: list[Part] = []
    at = 0
    for text, role in parts:
        piece = text[max(0, start - at) : max(0, end - at)]
        if piece:
            out.append((piece, role))
        at += len(text)
        if at >= end:
            break
    return out


def marked(parts: Sequence[Part], spans: Sequence[Span], role: str) -> list[Part]:
    """The parts with another role where the spans are."""
    if not spans:
        return list(parts)
    text = plain(parts)
    out: list[Part] = []
    at = 0
    for start, end in spans:
        out += between(parts, at, start)
        out.append((text[start:end], role))
        at = end
    return out + between(parts, at, len(text))


def cut(parts: Sequence[Part], left: int, width: int) -> list[Part]:
    """What is in sight of a line that begins `left` cells outside; an ellipsis where it goes on."""
    text = plain(parts)
    start = cells = 0
    while start < len(text) and cells < left:
        cells += cell_len(text[start])
        start += 1
    rest = text[start:]
    if cell_len(rest) <= width:
        return between(parts, start, len(text)) if start else list(parts)
    shown = set_cell_size(rest, max(0, width - 1)).rstrip()
    return [*between(parts, start, start + len(shown)), ("…", "muted")]


def rows_of(text: str, width: int, limit: int) -> list[Span]:
    """The rows that a line takes, broken at spaces where there are any; at least one."""
    rows: list[Span] = []
    start = 0
    while len(rows) < limit - 1 and cell_len(text[start:]) > width:
        end = start + max(1, len(set_cell_size(text[start:], width).rstrip()))
        space = text.rfind(" ", start, end + 1)
        if space > start + width // 3:
            end = space
        rows.append((start, end))
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
    rows.append((start, len(text)))
    return rows
