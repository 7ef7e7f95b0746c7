"""Reads an expression's text without evaluating it: words, references, calls, bounds.

Called by everything else in this package, and by the flow file's checks. Standard library only;
CEL never sees a text that has not passed `scan`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

LIMIT_CHARACTERS = 2_000
LIMIT_LEVELS = 64

# methods that walk a list with a name of their own: e.map(x, …)
COMPREHENSIONS = frozenset(
    {"all", "exists", "exists_one", "existsOne", "filter", "map",
     "transformList", "transformMap", "transformMapEntry", "bind"}
)
_LITERALS = frozenset({"true", "false", "null"})
# what type() answers, as CEL names it: words of an expression that calls it, no references
TYPE_NAMES = frozenset(
    {"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"}
)

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n\f]+|//[^\n]*)
    | (?P<text>(?:[bB]?[rR]|[rR][bB])(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\r\n]*'|"[^"\r\n]*")
              |[bB]?(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"
                     |'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*"))
    | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[uU]?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_TEXT = re.compile(r"""'([^'\\\n]*)'|"([^"\\\n]*)\"""")
_PLAIN_PATH = re.compile(
    r"[A-Za-z_][A-Za-z0-9_]*"
    r"""(?:\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]{1,9}\]|\['[^'\\\n]*'\]|\["[^"\\\n]*"\])*"""
)
_PATH_PART = re.compile(
    r"""\.?([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]{1,9})\]|\['([^'\\\n]*)'\]|\["([^"\\\n]*)"\]"""
)

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong with an expression or a template, and where in its text."""

    offset: int
    what: str
    hint: str = ""


class Token(NamedTuple):
    """One word, text, number or sign of an expression."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True)
class Reference:
    """A value that an expression reads: `path` as far as it is written out, `calls` around it."""

    path: Path
    start: int
    end: int
    calls: tuple[str, ...] = ()  # names of the functions whose brackets hold it, innermost last

    @property
    def text(self) -> str:
        return path_text(self.path)


@dataclass(frozen=True)
class Call:
    """A function or method that an expression names."""

    name: str
    start: int
    method: bool


@dataclass(frozen=True, eq=False)
class Scan:
    """All that is known of an expression before CEL sees it."""

    text: str
    path: Path | None = None  # set when the whole expression is a plain path
    words: int = 0  # names, texts, numbers and signs: a measure of its cost
    references: tuple[Reference, ...] = ()
    calls: tuple[Call, ...] = ()
    comprehensions: int = 0
    problem: Problem | None = None


def path_text(path: Path) -> str:
    """A path as it is written: steps.a.outputs["x-y"][0]."""
    parts = [str(path[0])]
    for key in path[1:]:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            parts.append(f".{key}")
        else:
            parts.append(f'["{key}"]')
    return "".join(parts)


def plain_path(text: str) -> Path | None:
    """The keys of a text that is a plain path and nothing else, else None."""
    text = text.strip(" \t\r\n")
    if not _PLAIN_PATH.fullmatch(text):
        return None
    keys: list[str | int] = []
    for match in _PATH_PART.finditer(text):
        word, index, single, double = match.groups()
        keys.append(int(index) if index is not None else
                    next(part for part in (word, single, double) if part is not None))
    return None if keys[0] in _LITERALS or keys[0] == "in" else tuple(keys)


def tokens_of(text: str, start: int = 0, *, until_close: bool = False) -> tuple[list[Token], int]:
    """The tokens from `start`, and where reading ended: the text's end, a stray character, or,
    with `until_close`, the `}}` that closes a template's expression."""
    tokens: list[Token] = []
    position, braces = start, 0
    while position < len(text):
        if until_close and braces == 0 and text.startswith("}}", position):
            break
        match = _TOKEN.match(text, position)
        if match is None:
            break
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "space":
            continue
        word = match.group()
        braces += (word == "{") - (word == "}")
        tokens.append(Token(kind, word, match.start()))
        if until_close and position - start > LIMIT_CHARACTERS:
            break
    return tokens, position


@lru_cache(maxsize=1024)
def scan(text: str) -> Scan:
    """Read an expression; a text that may not go to CEL has its `problem` set."""
    if len(text) > LIMIT_CHARACTERS:
        return Scan(text[:80], problem=Problem(
            0, f"an expression of {len(text):,} characters is too long",
            f"{LIMIT_CHARACTERS:,} are allowed; compute it in a step"))
    path = plain_path(text)
    if path is not None:
        start = len(text) - len(text.lstrip())
        reference = Reference(path, start, len(text.rstrip()))
        return Scan(text, path=path, references=(reference,))
    if not text.strip():
        return Scan(text, problem=Problem(0, "the expression is empty", "write a value or a path"))
    tokens, end = tokens_of(text)
    if end < len(text):
        return Scan(text, problem=_stray(text, end))
    return _Reader(text, tokens).read()


def _stray(text: str, offset: int) -> Problem:
    """The problem of a character that starts nothing."""
    character = text[offset]
    if character in "'\"":
        return Problem(offset, "a text is never closed", f"add the closing {character}")
    hints = {"=": "compare with ==", "&": "and is &&", "|": "or is ||",
             "$": "an expression inside an expression needs no ${{ }}"}
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return Problem(offset, f"`{shown}` means nothing here", hints.get(character, ""))


@dataclass
class _Bracket:
    sign: str
    call: str = ""
    bound: str = ""  # the name that a comprehension binds inside


@dataclass
class _Reader:
    """One pass over the tokens: brackets, references, calls, comprehensions."""

    text: str
    tokens: list[Token]
    at: int = 0
    open: list[_Bracket] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    comprehensions: int = 0
    problem: Problem | None = None

    def read(self) -> Scan:
        """Walk all tokens; stop at the first problem."""
        run = 0  # of unary signs and conditions: each is a level of nesting
        conditions = 0
        while self.at < len(self.tokens) and self.problem is None:
            token = self.tokens[self.at]
            run = run + 1 if token.text in ("!", "-") else 0
            conditions += token.text == "?"
            if max(run, conditions) > LIMIT_LEVELS:
                self._too_deep(token)
            elif token.kind == "word":
                self._word(token)
            else:
                self._sign(token)
                self.at += 1
        if self.problem is None and self.open:
            self.problem = Problem(
                len(self.text.rstrip()), f"`{self.open[-1].sign}` is never closed", "")
        return Scan(self.text, None, len(self.tokens), self._references(),
                    tuple(self.calls), self.comprehensions, self.problem)

    def _references(self) -> tuple[Reference, ...]:
        """Those of names; beside type() the names of types are none."""
        if all(call.name != "type" for call in self.calls):
            return tuple(self.references)
        return tuple(each for each in self.references
                     if len(each.path) > 1 or each.path[0] not in TYPE_NAMES)

    def _too_deep(self, token: Token) -> None:
        self.problem = Problem(token.start, f"more than {LIMIT_LEVELS} levels of nesting",
                               "compute it in a step")

    def _sign(self, token: Token) -> None:
        if token.kind != "sign":
            return
        if token.text == "." and not self._after_value():
            self.problem = Problem(token.start, "unexpected `.`", "a path begins with a name")
        elif token.text in "([{":
            if len(self.open) >= LIMIT_LEVELS:
                self._too_deep(token)
            self.open.append(_Bracket(token.text))
        elif token.text in ")]}":
            opening = {")": "(", "]": "[", "}": "{"}[token.text]
            if not self.open or self.open.pop().sign != opening:
                self.problem = Problem(token.start, f"`{token.text}` closes nothing", "")

    def _after_value(self) -> bool:
        """Whether what stands before is a value, so that a `.` may follow."""
        return (self._kind(-1) in ("word", "text") and self._peek(-1) != "in") or (
            self._kind(-1) == "sign" and self._peek(-1) in ")]}")

    def _peek(self, ahead: int) -> str:
        index = self.at + ahead
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def _kind(self, ahead: int) -> str:
        index = self.at + ahead
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else ""

    def _word(self, token: Token) -> None:
        after_dot = self._peek(-1) == "."
        if after_dot and self._peek(1) == "(":
            self._method(token)
        elif after_dot or token.text in _LITERALS or token.text == "in":
            self.at += 1
        elif self._peek(1) == "(":
            self._call(token.text, token.start, words=1)
        elif any(bracket.bound == token.text for bracket in self.open):
            self.at += 1
        else:
            self._reference(token)

    def _method(self, token: Token) -> None:
        binds = (token.text in COMPREHENSIONS and self._kind(2) == "word" and self._peek(3) == ",")
        if binds:
            self.comprehensions += 1
            if any(bracket.bound for bracket in self.open):
                self.problem = Problem(
                    token.start, f"`{token.text}` inside another comprehension",
                    "its cost has no bound; prepare one of the lists in a step")
                return
        elif token.text not in COMPREHENSIONS:
            self.calls.append(Call(token.text, token.start, method=True))
        bound = self._peek(2) if binds else ""
        self._open_call(_Bracket("(", token.text, bound), token, words=3 if binds else 1)

    def _call(self, name: str, start: int, *, words: int) -> None:
        self.calls.append(Call(name, start, method=False))
        self._open_call(_Bracket("(", name), self.tokens[self.at], words=words)

    def _open_call(self, bracket: _Bracket, token: Token, *, words: int) -> None:
        if len(self.open) >= LIMIT_LEVELS:
            self._too_deep(token)
        self.open.append(bracket)
        self.at += words + 1

    def _reference(self, token: Token) -> None:
        keys: list[str | int] = [token.text]
        ahead, end = 1, token.end
        while True:
            if self._peek(ahead) == "." and self._kind(ahead + 1) == "word":
                name = self._peek(ahead + 1)
                if self._peek(ahead + 2) == "(":
                    break
                keys.append(name)
                ahead += 2
            elif self._peek(ahead) == "[" and self._peek(ahead + 2) == "]":
                key = self._literal_key(ahead + 1)
                if key is None:
                    break
                keys.append(key)
                ahead += 3
            else:
                break
            end = self.tokens[self.at + ahead - 1].end
        calls = tuple(bracket.call for bracket in self.open if bracket.call)
        # a dotted function such as math.greatest(…) is no reference
        if self._peek(ahead) == "." and self._peek(ahead + 2) == "(":
            dotted = ".".join(str(key) for key in (*keys, self._peek(ahead + 1)))
            if dotted in NAMESPACED:
                self._call(dotted, token.start, words=ahead + 2)
                return
        self.references.append(Reference(tuple(keys), token.start, end, calls))
        self.at += ahead

    def _literal_key(self, ahead: int) -> str | int | None:
        text = self._peek(ahead)
        if self._kind(ahead) == "number" and text.isdigit() and len(text) < 10:
            return int(text)
        match = _PLAIN_TEXT.fullmatch(text)
        if match is None:
            return None
        return match.group(1) if match.group(1) is not None else match.group(2)


# functions whose name has a dot; the full table is in functions.py
NAMESPACED = frozenset(
    [f"math.{name}" for name in (
        "greatest", "least", "abs", "sign", "ceil", "floor", "round", "trunc", "isNaN", "isInf",
        "isFinite", "sqrt", "bitOr", "bitAnd", "bitXor", "bitNot", "bitShiftLeft",
        "bitShiftRight")]
    + ["sets.contains", "sets.equivalent", "sets.intersects", "base64.encode", "base64.decode",
       "lists.range", "strings.quote", "python.quote", "optional.of", "optional.none",
       "optional.ofNonZeroValue"]
)

