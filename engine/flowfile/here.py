"""What a right flow file wants of this home and this home has not. Called by `wingman validate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.model import SECTIONS

from .problems import Problems
from .yaml_tree import Mapping, Node, Scalar, Sequence, read_tree


def check_here(
    data: bytes, source: str, pools: dict[str, int], config_file: str, misses: Iterable[str] = ()
) -> None:
    """Raises FlowFileError with all that is not configured here, or too small.

    `misses` are the values of the environment that are not there, in words.
    """
    problems = Problems(source)
    root, _ = read_tree(data, problems)
    if not isinstance(root, Mapping):
        return
    for step in _steps_of(root):
        _check_pools(step, pools, config_file, problems)
    for miss in misses:
        problems.add(root, miss, f"set it under [environment] in {config_file}")
    if problems.count:
        problems.raise_all()


def _steps_of(root: Mapping) -> Iterator[Mapping]:
    """Every step, those in groups and handlers too."""
    stack: list[Node] = [root.entries[name][1] for name in SECTIONS if name in root.entries]
    while stack:
        node = stack.pop()
        for item in node.items if isinstance(node, Sequence) else ():
            if isinstance(item, Mapping):
                yield item
                stack += [item.entries[name][1] for name in _INNER if name in item.entries]


_INNER = ("parallel", "steps", "on_error")


def _check_pools(step: Mapping, pools: dict[str, int], config: str, problems: Problems) -> None:
    node: Any = step.entries["pools"][1] if "pools" in step.entries else None
    for name, (key, wanted) in node.entries.items() if isinstance(node, Mapping) else ():
        number = wanted.value if isinstance(wanted, Scalar) else 0
        if name not in pools:
            near = problems.nearest(name, pools)
            hint = near or f"set {name} = {number} under [pools] in {config}"
            problems.add(key, f"there is no pool `{name}` here", hint)
        elif isinstance(number, int) and number > pools[name]:
            what = f"pool `{name}` has {pools[name]} slots here, and the step wants {number}"
            problems.add(wanted, what, f"raise it under [pools] in {config}")
