"""Where in the documents some words stand: titles first, then headings, then the text under them.

Pure; `screens/help.py` shows what is found. A text is taken as it is written: to set every document
for every key that is typed would hold the keys up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

TITLE, HEADING, TEXT = range(3)  # what is found in the first is shown before what is in the next
PLACES_LIMIT = 3  # of one document
BEFORE_CELLS = 24  # of a line, before the word that was found
_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*$")
_FENCE = re.compile(r"\s*(```|~~~)")
_MARKS = re.compile(r"[`*]|\]\([^)]*\)|\[|^\s*[-#>]+\s")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it, up to the next one."""

    heading: str
    number: int  # of the heading in its document; 0 is its title, -1 what stands before any
    lines: tuple[str, ...]
    lower: str  # the lines, to be looked through


@dataclass(frozen=True, slots=True)
class Place:
    """A section where the words stand, and the line of them; none where its heading has them."""

    heading: str
    number: int
    line: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found in one document: how near to its title, where, and in how many more."""

    rank: int
    places: tuple[Place, ...]
    more: int = 0


def sections_of(text: str) -> list[Section]:
    """A document's sections, in order."""
    found: list[Section] = []
    heading, number, lines = "", -1, list[str]()
    is_code = False
    for line in text.splitlines():
        if _FENCE.match(line):
            is_code = not is_code
        head = None if is_code else _HEADING.match(line)
        if head is None:
            lines.append(line)
            continue
        found.append(_section(heading, number, lines))
        heading, number, lines = plain(head[1]), number + 1, []
    return [*found, _section(heading, number, lines)]


def _section(heading: str, number: int, lines: list[str]) -> Section:
    return Section(heading, number, tuple(lines), "\n".join(lines).lower())


def plain(text: str) -> str:
    """A line without the marks of the markup."""
    return " ".join(_MARKS.sub("", text).replace("|", " ").split())


def look(title: str, sections: Sequence[Section], words: Sequence[str]) -> Hit | None:
    """Where a document has all of these words (in small letters); None where it has not."""
    in_title = _has_all(title.lower(), words)
    heads = [s for s in sections if s.number > 0 and _has_all(s.heading.lower(), words)]
    texts = [
        s for s in sections if s not in heads and _has_all(f"{s.heading.lower()}\n{s.lower}", words)
    ]
    places = [Place(s.heading, s.number) for s in heads]
    places += [Place(s.heading, s.number, _line_with(s, words)) for s in texts]
    if not places and not in_title and not _has_all("\n".join(s.lower for s in sections), words):
        return None
    rank = TITLE if in_title else HEADING if heads else TEXT
    return Hit(rank, tuple(places[:PLACES_LIMIT]), max(0, len(places) - PLACES_LIMIT))


def _has_all(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def _line_with(section: Section, words: Sequence[str]) -> str:
    """The line with most of the words, from shortly before the first of them."""
    best = max(section.lines, key=lambda line: sum(w in line.lower() for w in words), default="")
    text = plain(best)
    at = min((a for a in (text.lower().find(word) for word in words) if a >= 0), default=0)
    if at <= BEFORE_CELLS:
        return text
    cut = text.rfind(" ", 0, at - BEFORE_CELLS // 2) + 1
    return "… " + text[cut or at :]


def spans_of(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where the words stand in a line, in order, none over another."""
    lower, found = text.lower(), list[tuple[int, int]]()
    if len(lower) != len(text):
        return []  # a letter whose small form is longer
    for word in words:
        at = lower.find(word)
        while word and at >= 0:
            found.append((at, at + len(word)))
            at = lower.find(word, at + len(word))
    found.sort()
    kept: list[tuple[int, int]] = []
    for begin, end in found:
        if not kept or begin >= kept[-1][1]:
            kept.append((begin, end))
    return kept
