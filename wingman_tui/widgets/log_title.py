"""The title of the log pane: which lines these are, what is searched, whether the end is followed.

Where it is narrow, what matters least gives way first: the words of the levels, then the name.
Pure; the pane paints it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from wingman_tui import looks
from wingman_tui.format import count, fit, fit_middle
from wingman_tui.sanitise import clean
from wingman_tui.view import Part, View

LEVEL_WORDS = ("all", "info", "warn", "error")
NAME_LEAST = 6
PATTERN_CELLS = 24
RULE_LEAST = 5  # a shorter line divides nothing


@dataclass
class TitleFacts:
    """What the title tells."""

    name: str
    level: str
    pattern: str  # what is searched, empty without a search
    match_words: str
    hides: bool
    is_following: bool
    is_frozen: bool
    new: int  # lines that came while nothing moved
    has_focus: bool
    is_over: bool = False  # no line comes any more
    keys: Mapping[str, str] = field(default_factory=dict)  # by the names of the actions


def title_parts(facts: TitleFacts, view: View, width: int) -> list[Part]:
    """The title in exactly `width` cells."""
    mark = view.glyph("▌", "#") if facts.has_focus else " "
    head: list[Part] = [
        (mark, "focus"),
        ("log ", "focus" if facts.has_focus else "strong"),
    ]
    name = clean(facts.name)
    search, end = _search(facts), _end(facts, view)
    for levels in (_levels(facts, True), _levels(facts, False), []):
        room = width - _cells([*head, *levels, *search, *end]) - 4
        if room >= min(cell_len(name), NAME_LEAST * 2) or not levels:
            break
    shown = fit_middle(name, max(NAME_LEAST, room)).rstrip()
    left = [*head, (shown, "text"), ("  ", "text"), *levels, *search]
    gap = width - 1 - _cells(left) - _cells(end)
    if gap < RULE_LEAST:
        return [*left, (" " * max(1, gap), "text"), *end]
    return [*left, (" ", "text"), view.rule(gap - 2), (" ", "text"), *end]


def _levels(facts: TitleFacts, all_words: bool) -> list[Part]:
    parts: list[Part] = []
    for level, word in zip(looks.LEVELS, LEVEL_WORDS, strict=True):
        is_on = level == facts.level
        if all_words or is_on:
            key = facts.keys.get(f"level_{level}", "")
            parts.append((f" {key} {word} ", "chip_on" if is_on else "chip"))
    return parts


def _search(facts: TitleFacts) -> list[Part]:
    if not facts.pattern:
        return []
    pattern = fit(clean(facts.pattern), min(PATTERN_CELLS, cell_len(clean(facts.pattern))))
    sign = "&" if facts.hides else "/"
    return [(f"  {sign}", "key"), (pattern, "strong"), (f" {facts.match_words}", "accent")]


def _end(facts: TitleFacts, view: View) -> list[Part]:
    new = f"{count(facts.new)} new" if facts.new else ""
    if facts.is_frozen:
        goes_on = f"{facts.keys.get('freeze', '')} goes on"
        words = f" frozen, {new}; {goes_on} " if new else f" frozen; {goes_on} "
        return [(words, "chip_on")]
    if facts.is_following:
        return [(view.glyph("▾ ", "") + ("end" if facts.is_over else "following"), "muted")]
    follows = f"{facts.keys.get('follow', '')} follows"
    return [(f"{new}, {follows}", "warning")] if new else [(follows, "muted")]


def action_at(parts: Sequence[Part], x: int) -> str:
    """The name of the action that stands at a place of the title; empty where none does."""
    at = 0
    for text, role in parts:
        at += cell_len(text)
        if x < at:
            last = text.split()[-1] if text.strip() else ""
            if role in ("chip", "chip_on") and last in LEVEL_WORDS:
                return f"level_{looks.LEVELS[LEVEL_WORDS.index(last)]}"
            if role == "chip_on":
                return "freeze"
            return "follow" if last == "follows" else ""
    return ""


def _cells(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)
