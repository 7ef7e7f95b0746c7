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
_SGR = re.compile(r"(?:\x1b\[|\x9b)([0-9;:]*)m")
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


def clean_coloured(text: str, limit: int = MAX_CHARS) -> list[tuple[str, str]]:
    """The same text in pieces, each with the colours that its printer gave it, as a style's words.

    Every other control sequence is taken out as in `clean`.
    """
    if "\x1b" not in text and "\x9b" not in text:
        return [(clean(text, limit), "")]
    pieces = _after_last_return_of(_coloured_pieces(text[:limit]))
    out: list[tuple[str, str]] = []
    column, marks = 0, 0
    for piece, words in pieces:
        if "\t" in piece:
            spread = (" " * column + piece).expandtabs(TAB_CELLS)
            piece = spread[column:]
        start = max(piece.rfind("\n"), piece.rfind("\r"))
        column = column + len(piece) if start < 0 else len(piece) - start - 1
        if not (piece.isascii() and piece.isprintable()):
            safe, marks = _safe(piece, marks, bool(out))
            piece = "".join(safe)
        elif piece:
            marks = 0
        if piece:
            out.append((piece, words))
    return out or [("", "")]


def _coloured_pieces(text: str) -> list[tuple[str, str]]:
    from wingman_tui.sgr import PLAIN, after

    pieces: list[tuple[str, str]] = []
    pen, at = PLAIN, 0
    for found in _SEQUENCE.finditer(text):
        if found.start() > at:
            pieces.append((text[at : found.start()], pen.words))
        at = found.end()
        colours = _SGR.fullmatch(found[0])
        if colours is not None:
            pen = after(pen, colours[1])
    pieces.append((text[at:], pen.words))
    return pieces


def _after_last_return_of(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What `_after_last_return` leaves, of a line in pieces."""
    whole = "".join(text for text, _ in pieces)
    kept = _after_last_return(whole)
    end = len(whole.rstrip("\r\n"))
    start = end - len(kept)
    out: list[tuple[str, str]] = []
    at = 0
    for text, words in pieces:
        part = text[max(0, start - at) : max(0, end - at)]
        if part:
            out.append((part, words))
        at += len(text)
    return out


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
    return _safe(text, 0, False)[0]


def _safe(text: str, marks: int, follows: bool) -> tuple[list[str], int]:
    """The characters that may be shown, and how many marks the last one has.

    `marks` is that of the text before, if there is one that this text `follows`.
    """
    out: list[str] = []
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
            if marks <= MARKS_LIMIT and (out or follows):
                out.append(char)
            continue
        else:
            out.append(char)
        marks = 0
    return out, marks
