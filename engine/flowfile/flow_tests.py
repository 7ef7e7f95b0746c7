"""The `tests:` of a flow file: what was read, checked against the flow, as compiled tests.

Called by `compile`. A test that names a step or an input that is not there would prove nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from .fields import Value, Values, value_of
from .readers import Reading
from .yaml_tree import Mapping, Node, Sequence


def compiled_tests(
    value: Value, steps: Collection[str], inputs: list[dict[str, Any]], reading: Reading
) -> list[dict[str, Any]]:
    """The tests with every key; problems go to `reading`."""
    nodes = value.node.items if isinstance(value.node, Sequence) else []
    declared = {one["name"] for one in inputs}
    seen: set[str] = set()
    found = []
    for fields, node in zip(value.value, nodes, strict=False):
        test = _compiled(fields)
        if test["name"] in seen:
            reading.wrong(node, f"two tests are named `{test['name'][:60]}`", "rename one")
        seen.add(test["name"])
        for name, place in _keys(node, "inputs"):
            if name not in declared:
                _unknown(reading, place, "input", name, declared)
        for name, place in [*_keys(node, "mock"), *_keys(node, "expect", "steps")]:
            if name.rpartition("/")[2] not in steps:
                _unknown(reading, place, "step", name, steps)
        found.append(test)
    return found


def _unknown(reading: Reading, node: Node, kind: str, name: str, known: Collection[str]) -> None:
    reading.wrong(
        node, f"there is no {kind} `{name[:60]}`", reading.problems.one_of(name, known)
    )


def _keys(node: Node, *path: str) -> Iterator[tuple[str, Node]]:
    """The keys of a map inside a test, with their places."""
    for name in path:
        if not isinstance(node, Mapping) or name not in node.entries:
            return
        node = node.entries[name][1]
    if isinstance(node, Mapping):
        for name, (key, _) in node.entries.items():
            yield name, key


def _compiled(fields: Values) -> dict[str, Any]:
    expect: Values = fields["expect"].value if "expect" in fields else {}
    mocks: dict[str, Values] = value_of(fields, "mock", {})
    return {
        "name": value_of(fields, "name", ""),
        "inputs": value_of(fields, "inputs", {}),
        "environment": value_of(fields, "environment", {}),
        "mock": {
            name: {
                "outputs": value_of(mock, "outputs", {}),
                "error": value_of(mock, "error"),
                "message": value_of(mock, "message", ""),
                "times": value_of(mock, "times"),
                "items": value_of(mock, "items"),
                "failed_items": value_of(mock, "failed_items", []),
            }
            for name, mock in mocks.items()
        },
        "expect": {
            "state": value_of(expect, "state", "" if expect else "completed"),
            "steps": value_of(expect, "steps", {}),
            "outputs": value_of(expect, "outputs", {}),
            "error": value_of(expect, "error"),
        },
    }
