"""The step tree as flat rows: paths become branches, `finally` a group of its own. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

ROOT = ""  # the key of the execution itself, the tree's first row
Step = Mapping[str, Any]


class TreeRow(NamedTuple):
    """One visible row: a step, or a group that only its children make."""

    key: str
    label: str
    guides: tuple[bool, ...]  # per level above: does its branch go on below
    last: bool
    children: int
    folded: bool


class Branch:
    """A step or a group, with what is below it; only the folding is not in it."""

    __slots__ = ("key", "label", "nodes")

    def __init__(self, key: str, label: str) -> None:
        self.key = key
        self.label = label
        self.nodes: dict[str, Branch] = {}


def tree_rows(steps: Mapping[str, Step], folded: Collection[str]) -> list[TreeRow]:
    """Every visible row under the execution, in the file's order."""
    return visible_rows(branches(steps), folded)


def branches(steps: Mapping[str, Step]) -> Branch:
    """The whole tree of the steps; it stays the same while they only change their states."""
    root = Branch(ROOT, "")
    for path, step in steps.items():
        node = root
        section = step.get("section", "steps")
        if section not in ("steps", "", None):
            node = node.nodes.setdefault(f"\0{section}", Branch(f"\0{section}", str(section)))
        parts = path.split("/")
        for depth, part in enumerate(parts):
            key = "/".join(parts[: depth + 1])
            below = node.nodes.get(part)
            if below is None:
                below = node.nodes[part] = Branch(key, part)
            node = below
    return root


def visible_rows(root: Branch, folded: Collection[str]) -> list[TreeRow]:
    """Every row that no folded group hides."""
    rows: list[TreeRow] = []
    _flatten(root, (), folded, rows)
    return rows


def group_keys(root: Branch) -> set[str]:
    """The keys of all that can be folded."""
    found: set[str] = set()
    stack = [root]
    while stack:
        for node in stack.pop().nodes.values():
            if node.nodes:
                found.add(node.key)
                stack.append(node)
    return found


def _flatten(
    root: Branch, guides: tuple[bool, ...], folded: Collection[str], rows: list[TreeRow]
) -> None:
    # a stack of our own: a path of a hostile flow may be deeper than Python's
    stack = _below(root, guides)
    while stack:
        node, above, last = stack.pop()
        nodes, is_folded = node.nodes, node.key in folded
        rows.append(TreeRow(node.key, node.label, above, last, len(nodes), is_folded))
        if nodes and not is_folded:
            stack += _below(node, (*above, not last))


def _below(node: Branch, guides: tuple[bool, ...]) -> list[tuple[Branch, tuple[bool, ...], bool]]:
    """The nodes of a branch with their guides, whether each is its last one; the first one last."""
    found = [(child, guides, False) for child in reversed(node.nodes.values())]
    if found:
        found[0] = (found[0][0], guides, True)
    return found


def steps_below(steps: Mapping[str, Step], key: str) -> list[str]:
    """The paths of the steps in a group, or in a section such as `finally`."""
    if key.startswith("\0"):
        return [path for path, step in steps.items() if step.get("section") == key[1:]]
    return [path for path in steps if path.startswith(f"{key}/")]


def guide_text(row: TreeRow, ascii_only: bool) -> str:
    """The branches drawn before a row's sign."""
    through, empty = ("| ", "  ") if ascii_only else ("│ ", "  ")
    turn, on = ("`-", "|-") if ascii_only else ("└─", "├─")
    above = "".join(through if goes_on else empty for goes_on in row.guides)
    return above + (turn if row.last else on)


def batch_words(batch: Mapping[str, Any]) -> str:
    """How far a batch step is: batches that have ended, and items that failed."""
    words = f"{batch['ended']}/{batch['batches']} batches"
    failed = batch.get("failed_items")
    if not failed:
        return words
    return f"{words} · {failed} item{'s' if failed > 1 else ''} failed"
