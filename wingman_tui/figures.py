"""What each running step takes, as short histories: one sample a second, the newest last. Pure.

The engine sends a sample when it differs; a second without one was a second without processor time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HISTORY = 60


@dataclass
class History:
    """The last minute of one step."""

    cpu: list[float] = field(default_factory=list)  # shares of a core
    memory: list[float] = field(default_factory=list)  # bytes
    at: float = 0.0  # of the newest sample
    cpu_s: float = 0.0  # used until then

    def take(self, live: Mapping[str, Any], now: float) -> None:
        """A sample that came at a moment."""
        cpu_s, memory = float(live.get("cpu_s") or 0), float(live.get("rss_bytes") or 0)
        passed = now - self.at
        if self.at and passed < 0.5:  # the same second again
            return
        missed = min(HISTORY, max(0, round(passed) - 1)) if self.at else 0
        self.cpu += [0.0] * missed
        self.memory += self.memory[-1:] * missed
        if self.at:
            span = max(0.5, passed - missed)
            self.cpu.append(max(0.0, cpu_s - self.cpu_s) / span)
        self.memory.append(memory)
        del self.cpu[:-HISTORY], self.memory[:-HISTORY]
        self.at, self.cpu_s = now, cpu_s


class Figures:
    """The histories of the steps of one execution."""

    def __init__(self) -> None:
        self._of: dict[str, History] = {}

    def take(self, steps: Mapping[str, Mapping[str, Any]], changed: set[str], now: float) -> None:
        """What a frame told of the steps that run; what has ended has no history any more."""
        for path in changed:
            step = steps.get(path) or {}
            if step.get("state") == "running" and step.get("live"):
                self._of.setdefault(path, History()).take(step["live"], now)
            else:
                self._of.pop(path, None)

    def of(self, path: str) -> History | None:
        """The history of a step that runs."""
        return self._of.get(path)

    def clear(self) -> None:
        """Another execution is looked at."""
        self._of.clear()
