"""What every reader is: it turns a node into a value, or notes what is wrong and gives WRONG.

And it knows its JSON Schema and its name in words, so that checks, `wingman schema` and the
reference never differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..problems import Place, Problems
from ..yaml_tree import Mapping, Node, Scalar, Sequence, Unreadable

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
