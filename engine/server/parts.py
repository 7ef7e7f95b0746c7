"""What a view shows, part by part, and since which count each of them is so. Pure.

A count goes up with each look that found something new. Whoever has seen the parts at one count
gets what has changed since then and no more, however long ago that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Parts:
    """Parts by their keys."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Any, int]] = {}
        self._gone: dict[str, int] = {}

    def take(self, parts: Mapping[str, Any], count: int) -> bool:
        """The parts as they are now, all of them; whether any is new, changed or gone."""
        held, fresh = self._held, {}
        is_changed = False
        for key, value in parts.items():
            before = held.get(key)
            if before is not None and before[0] == value:
                fresh[key] = before
            else:
                fresh[key] = (value, count)
                is_changed = True
        for key in held:
            if key not in fresh:
                self._gone[key] = count
                is_changed = True
        for key in fresh.keys() & self._gone.keys():
            del self._gone[key]
        self._held = fresh
        return is_changed

    def since(self, count: int) -> dict[str, Any]:
        """What is new or different after a count, in order."""
        return {key: value for key, (value, at) in self._held.items() if at > count}

    def gone_since(self, count: int) -> list[str]:
        """The keys of what is not there any more, and was at some time after a count."""
        return [key for key, at in self._gone.items() if at > count]
