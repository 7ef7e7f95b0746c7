"""Makes text from the server safe to paint: whatever a step printed, no foreign sequence passes.

Every widget that shows a name, an error or a log line calls `clean` first. Pure; imports nothing
but the standard library. What comes out holds printable characters alone, each of them measured
alike by us and by the terminal, so that a row never runs over its neighbour.
"""

from __future__ import annotations

import re
import unicodedata

TAB_CELLS = 8
MARKS_LIMIT = 3  # combining marks on one character; more of them paint over the rows around
NEUTRAL = "·"  # stands for a character that was taken out of a line
MAX_CHARS = 4_000  # of one line; nobody's screen is wider, and the rest costs time

# CSI, OSC, DCS, SOS, PM, APC with their 8-bit forms, two-byte escapes; unterminated ones end with
# the text, so that half a sequence at a line's end is taken out as well
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*(?:[@-~]|$)"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*(?:[0-~]|$)"
)
# dropped without a trace: joiners and variation selectors, whose width terminals disagree about
_DROPPED = frozenset(
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0x1F3FB, 0x1F400)))
)
_FLAG_FIRST, _FLAG_LAST = 0x1F1E6, 0x1F1FF  # a flag is two of these; shown as its two letters


def clean(text: str, limit: int = MAX_CHARS) -> str:
    """The text with everything that a terminal would obey, reorder or measure oddly taken out."""
    if len(text) > limit:
        text = text[:limit]
    if text.isascii() and text.isprintable():
        return text
    if "\x1b" in text or not text.isascii():
        text = _SEQUENCE.sub("", text)
    text = _after_last_return(text)
    if "\t" in text:
        text = text.expandtabs(TAB_CELLS)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_safe_characters(text))


def clean_lines(text: str, limit: int = 20) -> list[str]:
    """The lines of a text of several, each cleaned; at most `limit` of them."""
    return [clean(line) for line in text.splitlines()[:limit]]


def _after_last_return(text: str) -> str:
    """What a carriage return leaves on a terminal: the part after it (a progress bar's last)."""
    stripped = text.rstrip("\r\n")
    if "\r" not in stripped:
        return stripped
    return stripped.rsplit("\r", 1)[1]


def _safe_characters(text: str) -> list[str]:
    out: list[str] = []
    marks = 0
    for char in text:
        if char in _DROPPED:
            continue
        code = ord(char)
        if _FLAG_FIRST <= code <= _FLAG_LAST:
            out.append(chr(ord("A") + code - _FLAG_FIRST))
        elif not char.isprintable():
            # control, bidirectional, private, unassigned, surrogates and odd spaces
            out.append(" " if unicodedata.category(char) == "Zs" else NEUTRAL)
        elif unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
            marks += 1
            if marks <= MARKS_LIMIT and out:
                out.append(char)
            continue
        else:
            out.append(char)
        marks = 0
    return out
