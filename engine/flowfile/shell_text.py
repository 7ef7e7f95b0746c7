"""Finds where in a shell's text an expression stands: free, in quotes, in a comment, …

Called by `check`: quote() makes one safe word only where the shell reads plain words. Inside
double quotes `"${{ quote(x) }}"` would execute a `$(…)` in x; in a comment, what follows a line
feed in x. Follows what POSIX shells agree on; in doubt a place is not free.
"""

from __future__ import annotations

import re

SHELLS = frozenset({"bash", "dash", "ksh", "sh", "zsh"})
FREE, SINGLE, DOUBLE, ANSI, BACKTICKS, HERE, COMMENT, JOINED = (
    "", "'", '"', "$'", "`", "<<", "#", "\\")
WORDS = {SINGLE: "quotes", DOUBLE: "quotes", ANSI: "quotes", BACKTICKS: "backticks",
         HERE: "a here-document", COMMENT: "a comment", JOINED: "what `\\`, `$` or `<<` begin"}

_HERE = re.compile(r"<<-?[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([A-Za-z0-9_.+-]+))")


class _Walk:
    """The state of reading: which quotes and brackets are open."""

    def __init__(self) -> None:
        self.open: list[str] = []  # ' " $' ` or ( for $( and ( inside it
        self.awaited: list[str] = []  # here-documents that begin after this line
        self.here: str = ""  # the word that ends the present here-document
        self.line = ""  # of the present here-document, as far as it was read
        self.word_start = True
        self.comment = False
        self.joined = False  # the last sign changes what the next one means

    def place(self) -> str:
        """Where the next character stands."""
        if self.here:
            return HERE
        if self.comment:
            return COMMENT
        if BACKTICKS in self.open:
            return BACKTICKS
        inside = self.inside()
        return JOINED if self.joined and not inside else inside

    def inside(self) -> str:
        """The innermost quotes, or FREE in brackets and outside of all."""
        return self.open[-1] if self.open and self.open[-1] != "(" else FREE

    def take(self, text: str) -> None:
        """Read on over a piece of text."""
        position = 0
        while position < len(text):
            self.joined = False
            if self.here:
                position = self._in_here(text, position)
            elif self.comment:
                end = text.find("\n", position)
                self.comment, position = end < 0, end if end >= 0 else len(text)
            else:
                position = self._character(text, position)

    def _in_here(self, text: str, position: int) -> int:
        end = text.find("\n", position)
        self.line += text[position: end if end >= 0 else len(text)]
        if end < 0:
            return len(text)
        if self.line.strip("\t") == self.here:
            self.here = self.awaited.pop(0) if self.awaited else ""
        self.line = ""
        return end + 1

    def _character(self, text: str, position: int) -> int:
        """Read one sign; the position after it."""
        sign, inside = text[position], self.inside()
        if inside == SINGLE:
            if sign == "'":
                self.open.pop()
            return position + 1
        if sign == "\\":
            self.word_start, self.joined = False, position + 1 == len(text)
            return position + 2
        if inside == ANSI:
            if sign == "'":
                self.open.pop()
            return position + 1
        if inside in (DOUBLE, BACKTICKS) and sign == inside:
            self.open.pop()
        elif text.startswith("$(", position):
            self.open.append("(")
            return position + 2
        elif sign in ('"', "`"):
            self.open.append(sign)
        elif inside != DOUBLE:
            return self._free(text, position, sign)
        self.word_start = False
        return position + 1

    def _free(self, text: str, position: int, sign: str) -> int:
        """Read one sign outside quotes."""
        if sign == "#" and self.word_start:
            self.comment = True
            return position + 1
        if text.startswith("$'", position):
            self.open.append(ANSI)
            return position + 2
        self.joined = sign == "$" or text[position:].strip() in ("<<", "<<-", "<")
        here = _HERE.match(text, position) if sign == "<" else None
        if here and not text.startswith("<<<", position):
            self.awaited.append(next(word for word in here.groups() if word))
            return here.end()
        if text.startswith("<<<", position):
            return position + 3
        if sign == "'":
            self.open.append("'")
        elif sign == "(" and self.open:
            self.open.append("(")
        elif sign == ")" and self.open and self.open[-1] == "(":
            self.open.pop()
        elif sign == "\n" and self.awaited:
            self.here = self.awaited.pop(0)
        self.word_start = sign in " \t\n;&|()"
        return position + 1


def places(literals: tuple[str, ...]) -> list[str]:
    """For each expression of a template, where it stands: FREE, or one of WORDS."""
    walk, found = _Walk(), []
    for literal in literals[:-1]:
        walk.take(literal)
        found.append(walk.place())
        walk.word_start = walk.joined = False
        walk.line += "\0" if walk.here else ""  # a line with an expression ends no here-document
    return found
