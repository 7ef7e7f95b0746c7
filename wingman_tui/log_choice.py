"""Which lines of an execution's log are shown, as a request and in words. Pure; frozen.

The screen makes one from the tree's selection, levels and search; whoever asks the engine for lines
sends it along, so that the pane, its pages, a search and a saved file are about the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ALL_LEVELS = "debug"


@dataclass(frozen=True)
class LogChoice:
    """Steps (none named: all of them), one attempt or every one, a least level, a pattern."""

    steps: tuple[str, ...] = ()
    name: str = "all steps"  # how the title says it
    is_single: bool = False  # the lines of one step: no need to name it in each
    attempt: int | None = None  # counted through the execution
    level: str = ALL_LEVELS
    grep: str = ""  # other lines are hidden

    @property
    def leaves_out(self) -> bool:
        """Whether lines are left out for what they say."""
        return bool(self.grep) or self.level != ALL_LEVELS

    def request(self) -> dict[str, Any]:
        """The same for the engine."""
        return {
            "step": list(self.steps) or None,
            "attempt": self.attempt,
            "level": self.level,
            "grep": self.grep or None,
        }
