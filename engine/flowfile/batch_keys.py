"""The key `batch` of a step: how it is read, and what is compiled of it. Called by `schema`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .fields import Fields, Key, Value, value_of
from .readers import WRONG, Choice, Number, Reader, Reading, TemplateText, TemplateTree
from .yaml_tree import Mapping, Node, Scalar, Sequence

FORMATS = ("lines", "json", "csv")
LIMIT_SIZE = 1_000_000


@dataclass(frozen=True)
class Tolerate(Reader):
    """How many items may fail: a count, or a share such as 5%."""

    def words(self) -> str:
        return "a count of items or a share such as 5%"

    def schema(self) -> dict[str, Any]:
        return {"type": ["integer", "string"], "minimum": 0, "pattern": r"^\d{1,3}(\.\d+)?%$"}

    def read(self, node: Node, reading: Reading) -> Any:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return {"count": value, "share": None}
        if isinstance(value, str) and re.fullmatch(r"\d{1,3}(\.\d+)?%", value):
            share = float(value[:-1]) / 100
            if share <= 1:
                return {"count": 0, "share": share}
        return self.expected(node, reading, "such as 3 or 5%")


_FILE = Fields("a file of items", (
    Key("file", TemplateText(place="items", form="a file", empty=False),
        "The file, relative to the working directory."),
    Key("format", Choice(FORMATS), "`lines`: each line is a text; `json`: one list, or a value a "
        "line; `csv`: rows as objects, named by the first row.",
        "by the name: .csv, .json, .jsonl, else lines"),
), required=("file",))


@dataclass(frozen=True)
class ItemsOf(Reader):
    """A list, an expression that is one, or a file."""

    def words(self) -> str:
        return "a list, `${{ … }}` or {file: …}"

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "array"}, {"type": "string", "pattern": r"^\s*\$\{\{"},
                          _FILE.schema()]}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Mapping):
            return _FILE.read(node, reading)
        if isinstance(node, Sequence):
            return TemplateTree(place="items").read(node, reading)
        text = node.text.strip() if isinstance(node, Scalar) else ""
        if not (text.startswith("${{") and text.endswith("}}") and text.count("${{") == 1):
            hint = "write ${{ steps.list.outputs.files }}, [a, b] or {file: items.txt}"
            return self.expected(node, reading, hint)
        value = TemplateText(place="items").read(node, reading)
        return WRONG if value is WRONG else value.strip()


BATCH = Fields("`batch`", (
    Key("items", ItemsOf(), "The items: texts, numbers or objects. A list, an expression that is "
        "one, or a file; what is long comes from a file."),
    Key("size", Number(1, LIMIT_SIZE, whole=True), "How many items one process gets.", "1"),
    Key("max_parallel", Number(1, 10_000, whole=True), "How many batches of this step run at "
        "once.", "that of the flow"),
    Key("tolerate", Tolerate(), "How many items may fail: within it the step is `partial`, beyond "
        "it `failed`.", "0"),
    Key("items_format", Choice(("json", "lines")), "How `$WINGMAN_ITEMS_FILE` is written: a JSON "
        "value a line, or each text as it is.", "json"),
), required=("items",))


def compiled_batch(value: Value | None, *, uses_items: bool) -> dict[str, Any] | None:
    """What the engine carries out; null for a step without batches."""
    if value is None:
        return None
    fields = value.value
    items = fields["items"].value if "items" in fields else []
    file = format_ = None
    if isinstance(items, dict):
        file = items["file"].value if "file" in items else ""
        format_ = items["format"].value if "format" in items else _format_of(file)
        items = None
    return {
        "items": items, "file": file, "format": format_,
        "size": value_of(fields, "size", 1), "max_parallel": value_of(fields, "max_parallel"),
        "tolerate": value_of(fields, "tolerate", {"count": 0, "share": None}),
        "items_format": value_of(fields, "items_format", "json"), "uses_items": uses_items,
    }


def _format_of(file: str) -> str:
    name = file.lower()
    if name.endswith(".csv"):
        return "csv"
    return "json" if name.endswith((".json", ".jsonl", ".ndjson")) else "lines"
