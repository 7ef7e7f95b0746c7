"""A log line for views: decoded, and cut where it is over-long. Standard library only.

Control sequences stay as they are; whoever shows the text neutralises them.
"""

from __future__ import annotations

VIEW_BYTES = 8 << 10
CUT_MARK = " … [line cut]"


def shorten(line: bytes) -> bytes:
    """At most `VIEW_BYTES` of a line and a byte more, which tells that there was more.

    Of an over-long line that a progress bar redrew, what it showed last.
    """
    if len(line) <= VIEW_BYTES:
        return line
    last = line.rstrip(b"\r").rfind(b"\r")
    if last >= 0:
        line = line[last + 1 :]
    return line[: VIEW_BYTES + 1]


def to_text(line: bytes) -> str:
    """The text of a line; bytes that are no UTF-8 become replacement characters."""
    if len(line) <= VIEW_BYTES:
        return line.removesuffix(b"\r").decode("utf-8", "replace")
    return line[:VIEW_BYTES].decode("utf-8", "ignore") + CUT_MARK
