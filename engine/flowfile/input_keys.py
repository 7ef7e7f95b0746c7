"""The keys of a declared input: of a flow, or of the form of an approval.

Gathered by `schema`; `declarations` checks what was read, `inputs` what is given.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from .fields import Key, read_keys, table_of
from .readers import Boolean, Choice, Reader, Reading, Text
from .yaml_tree import Mapping, Node

TYPES = ("string", "integer", "number", "boolean", "array", "object")
INPUT_KEYS: tuple[Key, ...] = (
    Key("type", Choice(TYPES), "The type of the value.", "the type of `default`, else string"),
    Key("default", Reader(), "Without one the input is required."),
    Key("sensitive", Boolean(), "Encrypted on disk, masked in every log, never shown.", "false"),
    Key("description", Text(), "What the form says beside it.", ""),
)
# the words of JSON Schema that are checked, by the type that they speak of ("" = any)
SCHEMA_WORDS: Map[str, tuple[str, str]] = {
    "title": ("", "A short name for the form."),
    "examples": ("", "Examples for the form."),
    "enum": ("", "The values that are allowed."),
    "const": ("", "The only value that is allowed."),
    "pattern": ("string", "A regular expression (RE2) that must be found in the text."),
    "minLength": ("string", "The fewest characters."),
    "maxLength": ("string", "The most characters."),
    "format": ("string", "date, time or date-time."),
    "minimum": ("number", "The least value."),
    "maximum": ("number", "The greatest value."),
    "exclusiveMinimum": ("number", "The value must be greater."),
    "exclusiveMaximum": ("number", "The value must be less."),
    "multipleOf": ("number", "The value must be a multiple of this."),
    "items": ("array", "What each element must be."),
    "minItems": ("array", "The fewest elements."),
    "maxItems": ("array", "The most elements."),
    "uniqueItems": ("array", "No element may be there twice."),
    "properties": ("object", "What the values under these names must be."),
    "required": ("object", "The names that must be there."),
    "additionalProperties": ("object", "false: no other names; or what their values must be."),
}


_INPUT_TABLE = table_of(INPUT_KEYS + tuple(
    Key(word, Reader(), doc) for word, (_, doc) in SCHEMA_WORDS.items()))


@dataclass(frozen=True)
class Input(Reader):
    """One declared input: its own keys and the words of JSON Schema."""

    def words(self) -> str:
        return "the declaration of an input"

    def schema(self) -> dict[str, Any]:
        own = {key.name: {**key.reader.schema(), "description": key.doc} for key in INPUT_KEYS}
        words = {word: {"description": doc} for word, (_, doc) in SCHEMA_WORDS.items()}
        return {"type": "object", "properties": {**own, **words}, "additionalProperties": False}

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Mapping):
            return self.expected(node, reading, "write {type: string, default: …}")
        return read_keys(node, _INPUT_TABLE, reading, "an input")
