"""Readers of what a flow says about access: the secrets it is given, who may run and see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.access.roles import ROLES, USER, USER_NAME

from .fields import Fields, Key
from .names import NAME, wrong_secret_name
from .readers import ListOf, Reader, Reading
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


@dataclass(frozen=True)
class RoleName(Reader):
    """A role, which includes those above it, or `user:NAME`."""

    def words(self) -> str:
        return "a role or user:NAME"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{'|'.join(ROLES)}|{USER}{USER_NAME})$"}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.text in ROLES or re.fullmatch(USER + USER_NAME, node.text):
                return node.text
            near = reading.problems.nearest(node.text, ROLES)
        else:
            near = ""
        return self.expected(node, reading, near or f"{', '.join(ROLES)}, or user:NAME")


_LISTED = ListOf(RoleName(), or_one=True, form="a list of roles")
PERMISSIONS = Fields("`permissions`", (
    Key("run", _LISTED, "Who may start, retry, cancel, pause and debug it.", "[operator]"),
    Key("view", _LISTED, "Who may see it: its executions, their logs and outputs.", "[viewer]"),
))
