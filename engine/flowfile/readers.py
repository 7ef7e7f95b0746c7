"""Readers: one for each type of value in a flow file. Called through the tables of `schema`.

A reader turns a node into a value, or notes what is wrong and returns WRONG; and it knows its
JSON Schema and its name in words, so that checks, `wingman schema` and the reference never differ.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import durations
from .names import PATTERNS
from .problems import Place, Problems
from .yaml_tree import Mapping, Node, Scalar, Sequence, Unreadable

WRONG: Any = type("Wrong", (), {"__repr__": lambda self: "WRONG"})()


@dataclass
class Spot:
    """An expression or template in the file, where it stands and the step that owns it."""

    node: Scalar
    place: str
    bare: bool
    owner: Any


@dataclass
class Reading:
    """What is gathered while a file is read."""

    problems: Problems
    spots: list[Spot] = field(default_factory=list)
    pattern_work: int = 0  # spent on checking defaults
    owner: Any = None  # the step that is being read
    secrets: list[tuple[Node, str]] = field(default_factory=list)  # where one is named

    def wrong(self, node: Place, what: str, hint: str = "") -> Any:
        """Note a problem; gives WRONG to return."""
        self.problems.add(node, what, hint)
        return WRONG


@dataclass(frozen=True)
class Reader:
    """Reads one type of value."""

    def words(self) -> str:
        """The type in words, with its article."""
        return "a value"

    def schema(self) -> dict[str, Any]:
        """The type as JSON Schema."""
        return {}

    def read(self, node: Node, reading: Reading) -> Any:
        """The value of a node, or WRONG."""
        return plain(node, reading)

    def expected(self, node: Node, reading: Reading, hint: str = "") -> Any:
        """Note that this is not what should be here."""
        return reading.wrong(node, f"{self.words()} is expected, not {node_words(node)}", hint)


def node_words(node: Node) -> str:
    """What a node is, in words."""
    if isinstance(node, Mapping):
        return "a map"
    if isinstance(node, Sequence):
        return "a list"
    value = node.value
    if value is None:
        return "nothing" if not node.text else "null"
    if isinstance(value, bool):
        return f"{node.text}"
    if isinstance(value, int | float):
        return f"the number {node.text[:40]}"
    shown = node.text if len(node.text) <= 40 else node.text[:37] + "…"
    return f"the text `{shown}`" if "\n" not in shown else "a text"


def plain(node: Node, reading: Reading) -> Any:
    """Any YAML value as JSON."""
    if isinstance(node, Scalar):
        value = node.value
        if isinstance(value, Unreadable):
            return reading.wrong(node, f"`{node.text[:40]}` {value.why}", "put it in quotes")
        return value
    if isinstance(node, Sequence):
        items = [plain(item, reading) for item in node.items]
        return WRONG if any(item is WRONG for item in items) else items
    values = {key: plain(item, reading) for key, (_, item) in node.entries.items()}
    return WRONG if any(value is WRONG for value in values.values()) else values


@dataclass(frozen=True)
class Text(Reader):
    """A text; numbers and true/false are taken as written where `loose`."""

    pattern: str = ""
    form: str = "a text"  # in words
    hint: str = ""
    loose: bool = False
    empty: bool = True
    longest: int = 1 << 20

    def words(self) -> str:
        return self.form

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": ["string", "number", "boolean"] if self.loose
                                  else "string"}
        if self.pattern:
            schema["pattern"] = f"^(?:{self.pattern})$"
        if not self.empty:
            schema["minLength"] = 1
        return schema

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Scalar):
            return self.expected(node, reading, self.hint)
        value = node.value
        if not isinstance(value, str) and not (self.loose and value is not None):
            quotes = f'write "{node.text}"' if node.text and not self.pattern else self.hint
            return self.expected(node, reading, quotes)
        if not node.text.strip() and not self.empty:
            return reading.wrong(node, f"{self.form} is expected, not an empty one", self.hint)
        if len(node.text) > self.longest:
            return reading.wrong(node, f"{len(node.text):,} characters are too many",
                                 f"at most {self.longest:,}")
        if "\0" in node.text:
            return reading.wrong(node, "a text may not hold a NUL character", "")
        if self.pattern and not re.fullmatch(self.pattern, node.text):
            return self.expected(node, reading, self.hint)
        return node.text


@dataclass(frozen=True)
class Choice(Reader):
    """One of a few words."""

    options: tuple[str, ...] = ()

    def words(self) -> str:
        return " or ".join(f"`{option}`" for option in self.options)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Scalar) and node.text in self.options:
            return node.text
        near = (reading.problems.nearest(node.text, self.options)
                if isinstance(node, Scalar) else "")
        return self.expected(node, reading, near)


@dataclass(frozen=True)
class Boolean(Reader):
    """true or false."""

    def words(self) -> str:
        return "true or false"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        near = ""
        if isinstance(node, Scalar):
            near = {"yes": "write true", "on": "write true", "no": "write false",
                    "off": "write false"}.get(node.text.lower(), "")
        return self.expected(node, reading, near or "without quotes")


def _written(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


@dataclass(frozen=True)
class Number(Reader):
    """A number within bounds; a whole one where `whole`."""

    least: float | None = None
    most: float | None = None
    whole: bool = False

    def words(self) -> str:
        name = "a whole number" if self.whole else "a number"
        if self.least is not None and self.most is not None:
            return f"{name} from {_written(self.least)} to {_written(self.most)}"
        return f"{name} of {_written(self.least)} or more" if self.least is not None else name

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "integer" if self.whole else "number"}
        if self.least is not None:
            schema["minimum"] = self.least
        if self.most is not None:
            schema["maximum"] = self.most
        return schema

    def read(self, node: Node, reading: Reading) -> Any:
        value = node.value if isinstance(node, Scalar) else None
        kinds = (int,) if self.whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return self.expected(node, reading)
        if (self.least is not None and value < self.least) or (
                self.most is not None and value > self.most):
            return self.expected(node, reading)
        return value


@dataclass(frozen=True)
class Duration(Reader):
    """10s, 5m, 1h30m; read as seconds."""

    least_s: float = 0.0

    def words(self) -> str:
        return "a duration such as 10s, 5m or 1h30m"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": durations.PATTERN}

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Scalar):
            return self.expected(node, reading)
        duration_s = durations.seconds(node.text)
        if duration_s is None:
            number = node.text.isdigit()
            return self.expected(node, reading,
                                 f"write {node.text}s for seconds" if number else durations.HINT)
        if duration_s < self.least_s:
            return reading.wrong(node, f"`{node.text}` is too short",
                                 f"at least {durations.written(self.least_s)}")
        return duration_s


@dataclass(frozen=True)
class ListOf(Reader):
    """A list; where `or_one`, a single value stands for a list of one."""

    of: Reader = field(default_factory=Reader)
    or_one: bool = False
    least: int = 0
    form: str = "a list"

    def words(self) -> str:
        return self.form

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "array", "items": self.of.schema()}
        if self.least:
            schema["minItems"] = self.least
        return {"anyOf": [self.of.schema(), schema]} if self.or_one else schema

    def read(self, node: Node, reading: Reading) -> Any:
        if self.or_one and isinstance(node, Scalar) and node.value is not None:
            value = self.of.read(node, reading)
            return WRONG if value is WRONG else [value]
        if not isinstance(node, Sequence):
            return self.expected(node, reading, "write [a, b], or one entry a line after `- `")
        if len(node.items) < self.least:
            return reading.wrong(node, "the list is empty", "add an entry, or remove the key")
        values = [self.of.read(item, reading) for item in node.items]
        return WRONG if any(value is WRONG for value in values) else values


@dataclass(frozen=True)
class CommandLine(ListOf):
    """A program and its arguments: one text, read as a shell would, or a list of words."""

    def read(self, node: Node, reading: Reading) -> Any:
        value = super().read(node, reading)
        if value is not WRONG and len(value) == 1:
            try:
                shlex.split(value[0])
            except ValueError as error:
                return reading.wrong(node, f"the command line cannot be read: {error}",
                                     "close its quotes, or write a list of words")
        return value


@dataclass(frozen=True)
class MapOf(Reader):
    """A map of names to values; `name` checks each key and returns what is wrong with it."""

    of: Reader = field(default_factory=Reader)
    name: Callable[[str], tuple[str, str] | None] = lambda key: None
    form: str = "a map"

    def words(self) -> str:
        return self.form

    def schema(self) -> dict[str, Any]:
        schema = {"type": "object", "additionalProperties": self.of.schema()}
        pattern = PATTERNS.get(self.name)
        return {**schema, "propertyNames": {"pattern": pattern}} if pattern else schema

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Mapping):
            return self.expected(node, reading, "write `name: value`, one a line")
        values: dict[str, Any] = {}
        for key, (key_node, item) in node.entries.items():
            wrong = self.name(key)
            if wrong:
                reading.wrong(key_node, *wrong)
            values[key] = self.of.read(item, reading)
        return WRONG if any(value is WRONG for value in values.values()) else values


@dataclass(frozen=True)
class Expression(Reader):
    """A bare CEL expression."""

    place: str = ""

    def words(self) -> str:
        return "an expression"

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "boolean"]}

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Scalar) or not isinstance(node.value, str | bool):
            return self.expected(node, reading, 'such as inputs.keep > 0; with `: ` in quotes')
        if node.text.strip().startswith("${{"):
            return reading.wrong(node, "an expression stands here without `${{ }}`",
                                 "remove the `${{` and `}}`")
        if isinstance(node.value, bool):
            return "true" if node.value else "false"
        reading.spots.append(Spot(node, self.place, True, reading.owner))
        return node.text.strip()


@dataclass(frozen=True)
class TemplateText(Text):
    """A text that may hold `${{ expression }}`."""

    place: str = ""

    def read(self, node: Node, reading: Reading) -> Any:
        value = super().read(node, reading)
        if value is not WRONG and isinstance(node, Scalar) and "${{" in value:
            reading.spots.append(Spot(node, self.place, False, reading.owner))
        return value


@dataclass(frozen=True)
class TemplateTree(Reader):
    """Any value; texts in it may hold `${{ expression }}`."""

    place: str = ""

    def read(self, node: Node, reading: Reading) -> Any:
        value = plain(node, reading)
        for scalar in scalars_of(node):
            if "${{" in scalar.text:
                reading.spots.append(Spot(scalar, self.place, False, reading.owner))
        return value


def scalars_of(node: Node) -> Iterable[Scalar]:
    """Every value below a node that is a text or number (keys left out)."""
    stack: list[Node] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, Scalar):
            yield current
        elif isinstance(current, Sequence):
            stack.extend(current.items)
        else:
            stack.extend(item for _, item in current.entries.values())


@dataclass(frozen=True)
class NodesOf(Reader):
    """A list whose entries are read later, each by its kind; the value is the node."""

    form: str
    entry: str  # of the schema's definitions
    hint: str

    def words(self) -> str:
        return self.form

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"$ref": f"#/$defs/{self.entry}"}}

    def read(self, node: Node, reading: Reading) -> Any:
        return node if isinstance(node, Sequence) else self.expected(node, reading, self.hint)
