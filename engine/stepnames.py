"""How people name a step: by its path, `checks/disk`, or by its id, which a flow has only once."""

from __future__ import annotations

from collections.abc import Iterable


def named(name: str, paths: Iterable[str]) -> str:
    """The path of a step that is named by path or id; the name itself where there is none."""
    found = name
    for path in paths:
        if path == name:
            return name
        if path.rpartition("/")[2] == name and not name.isdigit():  # batches have only numbers
            found = path
    return found
