"""A history in one line or in several: blocks as high as its values, with an ASCII twin. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII = " .:-=+*#%@"


def spark(values: Sequence[float], width: int, highest: float, ascii_only: bool = False) -> str:
    """The last `width` values, the newest on the right; `highest` fills a cell."""
    signs = ASCII if ascii_only else BLOCKS
    shown = values[-width:] if width > 0 else ()
    cells = (_cell(value / highest if highest > 0 else 0.0, signs) for value in shown)
    return "".join(cells).rjust(max(0, width))


def area(
    values: Sequence[float], width: int, rows: int, highest: float, ascii_only: bool = False
) -> list[str]:
    """The same in several lines, the upper ones first; `highest` fills all of them."""
    signs = ASCII if ascii_only else BLOCKS
    full = len(signs) - 1
    shown = values[-width:] if width > 0 else ()
    heights = [_height(value / highest if highest > 0 else 0.0, rows * full) for value in shown]
    return [
        "".join(signs[max(0, min(full, height - row * full))] for height in heights).rjust(width)
        for row in reversed(range(rows))
    ]


def _cell(share: float, signs: str) -> str:
    """The sign of a share; what is not nothing is never painted as nothing."""
    return signs[_height(share, len(signs) - 1)]


def _height(share: float, full: int) -> int:
    if not share > 0:  # not a number is nothing, too
        return 0
    return max(1, round(min(1.0, share) * full))


def scale(values: Sequence[float], least: float) -> float:
    """The value that fills a cell: the highest seen, rounded up to a power of two of `least`."""
    top = least
    while top < max(values, default=0.0):
        top *= 2
    return top
