"""What may be written to a terminal, and how wide it is. Used by every command.

Names, inputs, errors and log lines are written by strangers: whatever could move the cursor, set a
title or hide text is shown as text. Files and pipes get the bytes as they are.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from engine.glyphs import shows_glyphs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

PIPE_WIDTH = 10_000
SGR = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34",
       "magenta": "35", "cyan": "36"}  # fmt: skip

# C0 but tab and line feed, DEL, C1, and the marks that reorder or hide text
HOSTILE = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (
        *range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x061C,
        *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF,
    )
}  # fmt: skip
HOSTILE_IN_LINE = {**HOSTILE, 0x09: " ", 0x0A: " "}


def is_terminal(file: TextIO) -> bool:
    """Whether a person reads this; false once it is closed."""
    try:
        return file.isatty()
    except ValueError:
        return False


def width(file: TextIO) -> int:
    """The columns that a line may have; practically unlimited in a pipe."""
    if not is_terminal(file):
        return PIPE_WIDTH
    try:
        columns = os.get_terminal_size(file.fileno()).columns
    except OSError:
        columns = 0
    return columns or int(os.environ.get("COLUMNS") or 80)


def has_colour(file: TextIO) -> bool:
    """Whether to colour: a terminal that can, and nobody said no."""
    return (
        is_terminal(file)
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def has_glyphs(file: TextIO) -> bool:
    """Whether characters beyond ASCII can be shown."""
    return shows_glyphs(getattr(file, "encoding", None) or "ascii", os.environ)


def paint(text: str, *styles: str, file: TextIO) -> str:
    """`text` in these styles, where the file takes colour."""
    if not styles or not has_colour(file):
        return text
    return f"\x1b[{';'.join(SGR[style] for style in styles)}m{text}\x1b[0m"


def clean(text: object) -> str:
    """One line of text that a terminal only prints."""
    return str(text).translate(HOSTILE_IN_LINE).encode("utf-8", "replace").decode()


def clean_lines(text: object) -> str:
    """The same, with its line breaks and tabs kept."""
    return str(text).translate(HOSTILE).encode("utf-8", "replace").decode()


def cells(text: str) -> int:
    """How many columns the text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, columns: int, *, middle: bool = False, mark: str = "…") -> str:
    """`text` in at most so many columns, with a mark where something was left out."""
    if cells(text) <= columns:
        return text
    room = columns - len(mark)
    if room <= 0:
        return mark[: max(0, columns)]
    tail = room // 2 if middle else 0
    return _head(text, room - tail) + mark + (_head(text[::-1], tail)[::-1] if tail else "")


def _head(text: str, columns: int) -> str:
    if text.isascii():
        return text[:columns]
    taken = 0
    for at, character in enumerate(text):
        taken += cells(character)
        if taken > columns:
            return text[:at]
    return text


def tell(text: str) -> None:
    """Narration: to stderr, and never a reason to fail."""
    with suppress(OSError, ValueError):  # the terminal is gone; the work is not
        print(text, file=sys.stderr, flush=True)


def print_json(value: object) -> None:
    """One line of JSON on standard output, for programs."""
    import json  # few commands are asked for it

    print(json.dumps(value))
