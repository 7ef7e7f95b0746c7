"""A search in the log as the console knows it: pattern, matches, which one is looked at. Pure.

The engine counts and finds; here is what its answers mean, and where a pattern stands in a line.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wingman_tui.format import count

Span = tuple[int, int]
SPANS_LIMIT = 50  # of one line


@dataclass
class LogSearch:
    """What is looked for; without a pattern nothing is."""

    pattern: str = ""
    hides: bool = False  # lines that do not match are not shown
    matches: int = 0
    is_counted: bool = False
    place: int | None = None  # of the match that is looked at, from 1

    def begin(self, pattern: str) -> None:
        """Look for something else from now on; hiding stays as it was."""
        self.pattern = pattern
        self.matches, self.is_counted, self.place = 0, False, None

    def end(self) -> None:
        """Look for nothing."""
        self.begin("")
        self.hides = False

    def apply(self, frame: dict[str, Any]) -> None:
        """Take in what the engine has counted."""
        self.matches = int(frame.get("matches", self.matches))
        self.is_counted = bool(frame.get("counted", self.is_counted))
        if "place" in frame:
            self.place = frame["place"]

    def words(self) -> str:
        """How many match, and which of them is looked at: `match 3 of 128+`."""
        if not self.pattern:
            return ""
        total = count(self.matches) + ("" if self.is_counted else "+")
        if not self.matches:
            return "no match" if self.is_counted else "counting"
        if self.place:
            return f"match {count(self.place)} of {total}"
        return f"{total} match" if self.matches == 1 else f"{total} matches"


@lru_cache(maxsize=8)
def finder(pattern: str) -> Callable[[str], list[Span]]:
    """Tells where a pattern stands in a line; nothing that a person types can hang it."""
    if not pattern:
        return lambda text: []
    compiled = _compiled(pattern)

    def find(text: str) -> list[Span]:
        spans: list[Span] = []
        for found in compiled.finditer(text):
            if found.end() > found.start():
                spans.append(found.span())
            if len(spans) >= SPANS_LIMIT:
                break
        return spans

    return find


def _compiled(pattern: str) -> Any:
    """The pattern as the engine's own RE2 has it; without RE2 the words as they stand."""
    try:
        re2 = importlib.import_module("re2")
    except ImportError:
        return re.compile(re.escape(pattern))
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:  # the engine says what is wrong with it
        return re.compile(re.escape(pattern))
