"""Readers of lists and maps, each with a reader for what is in it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..names import PATTERNS
from ..yaml_tree import Mapping, Node, Scalar, Sequence
from .reader import WRONG, Reader, Reading


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
