"""Who waits for whom: dependents and first steps of a section. Pure."""

from __future__ import annotations

from typing import Any


def dependents_of(steps: list[dict[str, Any]]) -> dict[str, list[str]]:
    """For each path the paths of the steps that need it, in file order."""
    dependents: dict[str, list[str]] = {step["path"]: [] for step in steps}
    for step in steps:
        for need in step["needs"]:
            dependents[need].append(step["path"])
    return dependents
