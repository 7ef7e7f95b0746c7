"""Who waits for whom in a section. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def dependents_of(steps: list[dict[str, Any]]) -> dict[str, list[str]]:
    """For each path the paths of the steps that need it, in file order."""
    dependents: dict[str, list[str]] = {step["path"]: [] for step in steps}
    for step in steps:
        for need in step["needs"]:
            dependents[need].append(step["path"])
    return dependents


def before_each(steps: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By path, all that comes before a step: what it needs with what is inside, what it is inside
    of; for what handles a failure of a group, the group's steps, too."""
    inside: dict[str, list[Mapping[str, Any]]] = {}
    for step in steps:
        if step["parent"] is not None:
            inside.setdefault(step["parent"], []).append(step)

    def whole(path: str, all_of_it: bool = True) -> Iterator[str]:
        yield path
        for child in inside.get(path, ()):
            if all_of_it or child["clause"] is None:
                yield from whole(child["path"])

    found: dict[str, list[str]] = {}
    for step in steps:
        before = [each for need in step["needs"] for each in whole(need)]
        if step["clause"] is not None:
            before += whole(step["parent"], all_of_it=False)
        elif step["parent"] is not None:
            before.append(step["parent"])
        found[step["path"]] = list(dict.fromkeys(before))
    return found


def in_order(needs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The paths, each after all that comes before it."""
    left = {path: len(before) for path, before in needs.items()}
    dependents: dict[str, list[str]] = {}
    for path, before in needs.items():
        for need in before:
            dependents.setdefault(need, []).append(path)
    ready = [path for path, count in left.items() if not count]
    while ready:
        path = ready.pop()
        yield path
        for dependent in dependents.get(path, ()):
            left[dependent] -= 1
            if not left[dependent]:
                ready.append(dependent)
