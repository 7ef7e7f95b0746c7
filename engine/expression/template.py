"""Finds the `${{ … }}` in a text. Called by `paste` and by the flow file's checks.

Imports only `scan`. A `}}` inside a text or a map literal of the expression does not close it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .scan import LIMIT_CHARACTERS, Problem, scan, tokens_of

OPENING = "${{"
LIMIT_EXPRESSIONS = 1_000  # in one text
_CACHED_CHARACTERS = 2_000


@dataclass(frozen=True)
class Part:
    """One expression of a template; `offset` is where its text starts in the template."""

    text: str
    offset: int


@dataclass(frozen=True)
class Template:
    """A text cut at its expressions: `literals` has one entry more than `expressions`."""

    literals: tuple[str, ...]
    expressions: tuple[Part, ...]
    problem: Problem | None = None

    @property
    def lone(self) -> bool:
        """Whether the text is one expression and nothing else, so that its type is kept."""
        return len(self.expressions) == 1 and not any(self.literals)


def is_template(text: str) -> bool:
    """Whether a text holds an expression at all."""
    return OPENING in text


def parts_of(text: str) -> Template:
    """Cut a template; an expression that is never closed is its `problem`."""
    return _cut_cached(text) if len(text) <= _CACHED_CHARACTERS else _cut(text)


@lru_cache(maxsize=512)
def _cut_cached(text: str) -> Template:
    return _cut(text)


def _cut(text: str) -> Template:
    literals: list[str] = []
    expressions: list[Part] = []
    position = 0
    while True:
        opening = text.find(OPENING, position)
        if len(expressions) > LIMIT_EXPRESSIONS:
            problem = Problem(opening, f"more than {LIMIT_EXPRESSIONS:,} expressions in one text",
                              "make the text in a step")
            return Template((*literals, text[position:]), tuple(expressions), problem)
        if opening < 0:
            literals.append(text[position:])
            return Template(tuple(literals), tuple(expressions))
        start = opening + len(OPENING)
        _, end = tokens_of(text, start, until_close=True)
        if not text.startswith("}}", end):
            problem = _unclosed(text, opening, start, end)
            return Template((*literals, text[position:]), tuple(expressions), problem)
        literals.append(text[position:opening])
        expressions.append(Part(text[start:end], start))
        position = end + 2


def _unclosed(text: str, opening: int, start: int, end: int) -> Problem:
    """Why no `}}` was found where one is needed."""
    closing = text.find("}}", start)
    if 0 <= closing - start <= LIMIT_CHARACTERS:  # something inside broke the reading
        inner = scan(text[start:closing]).problem
        if inner is not None:
            return Problem(start + inner.offset, inner.what, inner.hint)
    if end - start > LIMIT_CHARACTERS:
        return Problem(opening, f"an expression of more than {LIMIT_CHARACTERS:,} characters",
                       "compute it in a step")
    return Problem(opening, "`${{` is never closed", "add `}}`")


def references(text: str) -> set[str]:
    """The values that an expression, or a template with `${{ }}`, reads: {"steps.a.outputs.x"}."""
    if not is_template(text):
        return {reference.text for reference in scan(text).references}
    return {
        reference.text
        for part in parts_of(text).expressions
        for reference in scan(part.text).references
    }
