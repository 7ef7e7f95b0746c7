"""Readers of what a flow says about access: the secrets it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .names import NAME, wrong_secret_name
from .readers import Reader, Reading
from .yaml_tree import Node, Scalar


@dataclass(frozen=True)
class SecretName(Reader):
    """The name of a secret, which becomes an environment variable."""

    def words(self) -> str:
        return "the name of a secret"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{NAME}$"}

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return self.expected(node, reading, "such as DB_PASSWORD")
        wrong = wrong_secret_name(node.text)
        return reading.wrong(node, *wrong) if wrong else node.text
