"""What tables of keys are made of: a key, a value that was read, a map with known keys.

The tables themselves are in `schema` and in the modules that it gathers (`http_keys`, …), one for
each part of the language that has many keys of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .familiar import called_here
from .readers import WRONG, Reader, Reading
from .yaml_tree import Mapping, Node, Scalar

BUILT, LATER = "built", "later"


@dataclass(frozen=True)
class Key:
    """One key: how it is read, what it means, and what holds when it is left out."""

    name: str
    reader: Reader
    doc: str
    default: str = ""
    status: str = BUILT
    hint: str = "remove it"  # what to do instead, where the status is LATER


@dataclass(frozen=True)
class Value:
    """A value that was read, with the places of its key and itself."""

    value: Any
    key: Scalar
    node: Node


Values = dict[str, Value]


def value_of(values: Values, name: str, default: Any = None) -> Any:
    """What was read at a key, or the default where it was left out or is wrong."""
    return values[name].value if name in values else default


@dataclass(frozen=True)
class Fields(Reader):
    """A map with known keys; an unknown one is a problem that names the nearest."""

    form: str = "a map"
    keys: tuple[Key, ...] = ()
    required: tuple[str, ...] = ()

    def words(self) -> str:
        return self.form

    def schema(self) -> dict[str, Any]:
        properties = {key.name: {**key.reader.schema(), "description": key.doc}
                      for key in self.keys}
        schema: dict[str, Any] = {"type": "object", "properties": properties,
                                  "additionalProperties": False}
        return {**schema, "required": list(self.required)} if self.required else schema

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Mapping):
            return self.expected(node, reading, "write `key: value`, one a line")
        for name in self.required:
            if name not in node.entries:
                reading.wrong(node, f"`{name}` is missing", "")
        return read_keys(node, self.table, reading, self.form)

    @cached_property
    def table(self) -> Map[str, Key]:
        """The keys by name."""
        return table_of(self.keys)


def table_of(keys: Iterable[Key]) -> dict[str, Key]:
    """Keys by name."""
    return {key.name: key for key in keys}


def read_keys(
    node: Mapping, table: Map[str, Key], reading: Reading, owner: str, hints: Map[str, str] = {}
) -> Values:
    """Read a map by a table; keys that are wrong in themselves are left out.

    `hints` are what to say about keys that do not belong here, in place of the nearest.
    """
    values: Values = {}
    for name, (key_node, item) in node.entries.items():
        key = table.get(name)
        if key is None:
            reading.wrong(key_node, f"{owner} has no key `{name[:60]}`",
                          hints.get(name) or called_here(name, table)
                          or reading.problems.one_of(name, table))
        elif key.status == LATER:
            reading.wrong(key_node, f"`{name}` cannot be carried out yet in this version", key.hint)
        else:
            value = key.reader.read(item, reading)
            if value is not WRONG:
                values[name] = Value(value, key_node, item)
    return values
