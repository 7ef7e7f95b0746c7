"""A YAML file's plain value, by the rules of flow files; for files of inputs."""

from __future__ import annotations

import contextlib
from typing import Any

from .problems import Enough, Problems
from .yaml_tree import Mapping, Node, Scalar, Unreadable, read_tree


def plain_value(data: bytes, source: str) -> Any:
    """The value; FlowFileError with every problem, as `file:line:column: what (hint)`."""
    problems = Problems(source)
    value = None
    with contextlib.suppress(Enough):
        root, _ = read_tree(data, problems)
        value = None if root is None else _value(root, problems)
    if problems.count:
        problems.raise_all()
    return value


def _value(node: Node, problems: Problems) -> Any:
    if isinstance(node, Mapping):
        return {key: _value(value, problems) for key, (_, value) in node.entries.items()}
    if not isinstance(node, Scalar):
        return [_value(item, problems) for item in node.items]
    value = node.value
    if isinstance(value, Unreadable):
        problems.add(node, f"`{node.text}` {value.why}", "write it as a text, in quotes")
        return None
    return value
