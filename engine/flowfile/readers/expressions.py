"""Readers of expressions, and of texts that hold some: each is put aside to be checked later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..yaml_tree import Node, Scalar, Sequence
from .reader import WRONG, Reader, Reading, Spot, plain
from .scalars import Text


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
