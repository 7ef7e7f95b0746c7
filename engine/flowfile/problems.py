"""Collects everything that is wrong with a flow file, and turns it into one error.

Called by every reading and checking module of this package; imports only the error tree.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, NoReturn, Protocol

from engine.errors import FlowFileError

LIMIT_PROBLEMS = 100  # checking stops there: more would hide the first ones, and cost time
_LONGEST = 800  # characters of one sentence
_NEAREST_BUDGET = 3_000  # names compared per file


class Place(Protocol):
    """Anything with a position: lines and columns count from 1."""

    line: int
    column: int


class At:
    """A bare position."""

    __slots__ = ("column", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


class Enough(Exception):
    """So much is wrong that checking stops."""


class Problems:
    """The problems of one file, in the order of their places."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.stopped = False
        self._found: dict[tuple[int, int, str], dict[str, Any]] = {}
        self._budget = _NEAREST_BUDGET

    def add(self, place: Place, what: str, hint: str = "") -> None:
        """Note one problem; the same one at the same place is noted once."""
        what, hint = one_line(what), one_line(hint)
        problem = {"line": place.line, "column": place.column, "what": what, "hint": hint}
        self._found.setdefault((place.line, place.column, what), problem)
        if len(self._found) >= LIMIT_PROBLEMS:
            self.stop()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._found)

    def stop(self) -> NoReturn:
        """End the checking here: what follows would only cost time."""
        self.stopped = True
        raise Enough

    def nearest(self, word: str, candidates: Iterable[str]) -> str:
        """`did you mean …?` for a word that is none of the candidates, or nothing."""
        names = list(candidates)
        if self._budget < len(names) or len(word) > 100:
            return ""
        self._budget -= len(names)
        close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
        return f"did you mean `{close[0]}`?" if close else ""

    def one_of(self, word: str, candidates: Iterable[str]) -> str:
        """The nearest name, else the list of those there are."""
        names = list(candidates)
        if len(names) < 100:  # many keep the order of the file
            names.sort()
        listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        return self.nearest(word, names) or (f"one of {listed}" if names else "")

    def sorted(self) -> list[dict[str, Any]]:
        """All problems by their place, and a last line when there were too many."""
        found = [self._found[place] for place in sorted(self._found)]
        if self.stopped and found:
            found.append({"line": found[-1]["line"], "column": found[-1]["column"],
                          "what": "checking stopped here; there may be more problems",
                          "hint": "mend these first"})
        return found

    def raise_all(self) -> NoReturn:
        """The error that lists everything."""
        found = self.sorted()
        raise FlowFileError("\n".join(line_of(self.source, problem) for problem in found),
                            problems=found)


def one_line(text: str) -> str:
    """A sentence that stays on its line and moves no terminal, whatever names it quotes."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    if text.isprintable():
        return text
    return "".join(character if character.isprintable()
                   else character.encode("unicode_escape").decode() for character in text)


def line_of(source: str, problem: dict[str, Any]) -> str:
    """`file:line:column: what (hint)`."""
    hint = f" ({problem['hint']})" if problem["hint"] else ""
    where = f"{source or '<flow>'}:{problem['line']}:{problem['column']}"
    return f"{where}: {problem['what']}{hint}"
