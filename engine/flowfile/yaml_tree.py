"""YAML 1.2 with positions and limits: events of libyaml into a tree of our own nodes.

Called by `compile`. Anchors, aliases, merge keys, tags, directives, duplicate keys and further
documents are refused where they stand, so that no input can grow or loop. Plain scalars follow
the core schema of YAML 1.2: `on` is a text, 010 is ten, 1_000 is a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .problems import At, Problems

LIMIT_BYTES = 1 << 20
LIMIT_DEPTH = 64
LIMIT_NODES = 100_000
_INT64 = 2**63
_ALIGNED_CHARACTERS = 5_000  # further in, a folded text's place is that of its start

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}


class Unreadable:
    """A plain scalar that YAML takes for a number which JSON and CEL cannot hold."""

    def __init__(self, why: str) -> None:
        self.why = why


class Scalar:
    """A text as written; `value` is what it means."""

    __slots__ = ("column", "end", "line", "start", "style", "text")

    def __init__(self, text: str, style: str, line: int, column: int, start: int, end: int) -> None:
        self.text, self.style = text, style
        self.line, self.column, self.start, self.end = line, column, start, end

    @property
    def value(self) -> Any:
        return self.text if self.style else core_value(self.text)


class Mapping:
    """Keys with their nodes, in order."""

    __slots__ = ("column", "entries", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line, self.column = line, column
        self.entries: dict[str, tuple[Scalar, Node]] = {}


class Sequence:
    """A list of nodes."""

    __slots__ = ("column", "items", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line, self.column = line, column
        self.items: list[Node] = []


Node = Scalar | Mapping | Sequence


def core_value(text: str) -> Any:
    """What a plain scalar means in YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 400 or not (text[0].isdigit() or text[0] in "+-."):
        return text
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        number = int(text[2:] if base != 10 else text, base)
        return number if -_INT64 <= number < _INT64 else Unreadable("is beyond 64 bits")
    if _FLOAT.fullmatch(text):
        decimal = float(text)
        return decimal if abs(decimal) != float("inf") else Unreadable("is too large a number")
    return Unreadable("is no finite number") if _NOT_FINITE.fullmatch(text) else text


def read_tree(data: bytes, problems: Problems) -> tuple[Node | None, str]:
    """The tree of a file and its text; what is wrong goes to `problems`."""
    text = _decode(data, problems)
    if text is None or _has_directive(text, problems):
        return None, text or ""
    return _Composer(text, problems).compose(), text


def _decode(data: bytes, problems: Problems) -> str | None:
    start = At(1, 1)
    if len(data) > LIMIT_BYTES:
        problems.add(start, f"the file has {len(data):,} bytes",
                     f"at most {LIMIT_BYTES:,}; keep data in files beside it")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        problems.add(At(line, column), "this is no UTF-8 text", "save the file as UTF-8")
        return None


def _has_directive(text: str, problems: Problems) -> bool:
    """Refuse `%TAG` and `%YAML` before libyaml sees them: thousands cost it a second."""
    found = re.search(r"^%", text, re.MULTILINE)
    if found is None:
        return False
    problems.add(At(text.count("\n", 0, found.start()) + 1, 1),
                 "YAML directives are not taken", "remove the line that begins with %")
    return True


class _Composer:
    """Builds the tree from libyaml's events with a stack of its own (no recursion)."""

    def __init__(self, text: str, problems: Problems) -> None:
        from yaml.cyaml import CParser  # type: ignore[import-untyped]

        self.problems, self.text = problems, text
        self.parser = CParser(text)
        self.stack: list[Mapping | Sequence] = []
        self.keys: list[Scalar | None] = []  # the key that waits for its value, one a level
        self.root: Node | None = None
        self.documents = 0
        self.nodes = 0

    def compose(self) -> Node | None:
        """The root node, or None where reading could not go on."""
        import yaml  # type: ignore[import-untyped]

        try:
            get_event, takes, is_more = self.parser.get_event, self._takes(), True
            while is_more:
                event = get_event()
                take = takes.get(type(event))
                is_more = take is None or take(event)
        except yaml.reader.ReaderError as error:
            self._unprintable(_code(error))
            return None
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
            return None
        return self.root

    def _takes(self) -> dict[type, Callable[[Any], bool]]:
        """What takes an event, by its kind; False ends the reading."""
        from yaml import events

        return {
            events.ScalarEvent: self._scalar,
            events.MappingStartEvent: self._mapping,
            events.SequenceStartEvent: self._sequence,
            events.MappingEndEvent: self._end,
            events.SequenceEndEvent: self._end,
            events.AliasEvent: self._alias,
            events.DocumentStartEvent: self._document,
            events.StreamEndEvent: lambda event: False,
        }

    def _end(self, event: Any) -> bool:
        self.stack.pop()
        self.keys.pop()
        return True

    def _alias(self, event: Any) -> bool:
        self.problems.add(_at(event), f"the alias `*{event.anchor}` is not taken",
                          "write the value out; aliases can make a file explode")
        return self._place(Scalar("", "'", *_position(event)))

    def _document(self, event: Any) -> bool:
        self.documents += 1
        if self.documents > 1:
            self.problems.add(_at(event), "a second document starts here",
                              "one flow a file: move it to a file of its own")
        return self.documents == 1

    def _scalar(self, event: Any) -> bool:
        self._refuse_marks(event)
        start, end = event.start_mark, event.end_mark
        return self._place(Scalar(event.value, event.style or "", start.line + 1, start.column + 1,
                                  start.index, end.index))

    def _mapping(self, event: Any) -> bool:
        return self._start(event, Mapping(event.start_mark.line + 1, event.start_mark.column + 1))

    def _sequence(self, event: Any) -> bool:
        return self._start(event, Sequence(event.start_mark.line + 1, event.start_mark.column + 1))

    def _start(self, event: Any, node: Mapping | Sequence) -> bool:
        self._refuse_marks(event)
        if len(self.stack) >= LIMIT_DEPTH:
            self.problems.add(node, f"nested more than {LIMIT_DEPTH} levels deep", "flatten it")
            return False
        if not self._place(node):
            return False
        self.stack.append(node)
        self.keys.append(None)
        return True

    def _refuse_marks(self, event: Any) -> None:
        tag = event.tag
        if event.anchor is not None:
            self.problems.add(_at(event), f"the anchor `&{event.anchor}` is not taken",
                              "write the value out where it is used")
        if tag is not None:
            self.problems.add(_at(event), f"the tag `{_short(tag)}` is not taken",
                              "put a text in quotes; leave other values as they are")

    def _place(self, node: Node) -> bool:
        """Hang a node where it belongs; False when there are too many."""
        self.nodes += 1
        if self.nodes > LIMIT_NODES:
            self.problems.add(node, f"more than {LIMIT_NODES:,} values",
                              "keep data in files beside the flow")
            return False
        if not self.stack:
            self.root = node
        elif isinstance(parent := self.stack[-1], Sequence):
            parent.items.append(node)
        elif (key := self.keys[-1]) is None:
            self.keys[-1] = self._key(parent, node)
        else:
            self.keys[-1] = None
            parent.entries.setdefault(key.text, (key, node))
        return True

    def _key(self, parent: Mapping, node: Node) -> Scalar:
        """A key: a text, not seen before in its mapping."""
        if not isinstance(node, Scalar):
            self.problems.add(node, "a key must be a text", "put the value after the colon")
            return Scalar(f"\x00{self.nodes}", "'", node.line, node.column, 0, 0)
        if node.text == "<<" and not node.style:
            self.problems.add(node, "the merge key `<<` is not taken", "write the keys out")
        elif node.text in parent.entries:
            first = parent.entries[node.text][0]
            self.problems.add(node, f"the key `{_short(node.text)}` is there twice",
                              f"the first is in line {first.line}")
        return node

    def _unprintable(self, code: int) -> None:
        """libyaml reads ahead and does not tell where: it is the first of its kind."""
        at = max(self.text.find(chr(code)), 0)
        place = At(self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at))
        self.problems.add(place, f"the character U+{code:04X} is not allowed",
                          "remove control characters")

    def _syntax(self, error: Any) -> None:
        mark = error.problem_mark or error.context_mark
        what, hint = _SYNTAX.get(error.problem, (error.problem or "not YAML", ""))
        context = error.context_mark
        if not hint and context is not None:
            hint = f"it began in line {context.line + 1}, column {context.column + 1}"
        self.problems.add(At(mark.line + 1, mark.column + 1) if mark else At(1, 1), what, hint)


# libyaml's words → ours
_SYNTAX = {
    "mapping values are not allowed in this context":
        ("a `: ` where none can be", "put texts with `: ` in quotes, or check the indentation"),
    "found character that cannot start any token":
        ("a character that cannot begin a value",
         "indent with spaces, not tabs; put texts that begin with @ ` or % in quotes"),
    "found unexpected end of stream": ("the file ends inside a text", "add the closing quote"),
    "did not find expected ',' or '}'": ("a `,` or `}` is missing", ""),
    "did not find expected ',' or ']'": ("a `,` or `]` is missing", ""),
    "did not find expected key": ("a key is missing or wrongly indented",
                                  "keys of one block stand in the same column"),
    "did not find expected '-' indicator": ("an entry of this list is missing its `-`",
                                            "or is wrongly indented"),
    "could not find expected ':'": ("a `:` is missing after a key", "write `key: value`"),
    "did not find expected node content": ("a value is missing", ""),
    "block sequence entries are not allowed in this context":
        ("a list cannot begin here", "begin it on a new line below its key"),
    "found unknown escape character": ("an unknown escape in a text in double quotes",
                                       "use single quotes, or write `\\\\`"),
    "did not find expected <document start>": ("more text after the end of the flow",
                                               "one flow a file"),
}


def _code(error: Any) -> int:
    character = error.character
    return character if isinstance(character, int) else ord(character[:1] or "\0")


def _at(event: Any) -> At:
    return At(event.start_mark.line + 1, event.start_mark.column + 1)


def _position(event: Any) -> tuple[int, int, int, int]:
    start, end = event.start_mark, event.end_mark
    return start.line + 1, start.column + 1, start.index, end.index


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


class Source:
    """A file's text with its lines, to find places inside scalars."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """A line by its number, from 1, without its end."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def place(self, node: Scalar, offset: int) -> At:
        """Where in the file the character at `offset` of a scalar's text stands."""
        if node.style == "|":
            return self._in_block(node, offset)
        if offset > _ALIGNED_CHARACTERS:
            return At(node.line, node.column)
        position = node.start + (1 if node.style else 0)
        if node.style == ">":
            position = self.text.find("\n", node.start) + 1
        for character in node.text[:offset]:
            if not character.isspace():  # white space may be folded or escaped
                found = self.text.find(character, position, node.end)
                position = found + 1 if found >= 0 else position
        following = node.text[offset: offset + 1]
        if following and not following.isspace():
            found = self.text.find(following, position, node.end)
            position = found if found >= 0 else position
        before = self.text.rfind("\n", 0, position)
        return At(self.text.count("\n", 0, position) + 1, position - before)

    def _in_block(self, node: Scalar, offset: int) -> At:
        number = node.line + 1 + node.text.count("\n", 0, offset)
        start = node.text.rfind("\n", 0, offset) + 1
        end = node.text.find("\n", start)
        written = node.text[start: end if end >= 0 else None]
        return At(number, max(len(self.line(number)) - len(written), 0) + offset - start + 1)
