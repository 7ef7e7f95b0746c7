"""What each running step takes, as short histories: one sample a second, the newest last. Pure.

The engine sends a sample when it differs; a second without one was a second without processor time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wingman_tui.format import size
from wingman_tui.sparkline import scale, spark
from wingman_tui.view import Part

HISTORY = 60
LEAST_CELLS = 8  # of a history beside others; a smaller one tells nothing
WORDS_CELLS = 17  # around one: its name and its present value
LEAST_RATE = 64 << 10  # bytes a second that fill the lowest scale


@dataclass
class History:
    """The last minute of one step."""

    cpu: list[float] = field(default_factory=list)  # shares of a core
    memory: list[float] = field(default_factory=list)  # bytes
    disk: list[float] = field(default_factory=list)  # bytes read and written in a second
    at: float = 0.0  # of the newest sample
    cpu_s: float = 0.0  # used until then
    disk_bytes: float = 0.0

    def take(self, live: Mapping[str, Any], now: float) -> None:
        """A sample that came at a moment."""
        cpu_s, memory, read, written = (
            float(live.get(name) or 0)
            for name in ("cpu_s", "rss_bytes", "read_bytes", "write_bytes")
        )
        passed = now - self.at
        if self.at and passed < 0.5:  # the same second again
            return
        missed = min(HISTORY, max(0, round(passed) - 1)) if self.at else 0
        self.cpu += [0.0] * missed
        self.disk += [0.0] * missed
        self.memory += self.memory[-1:] * missed
        if self.at:
            span = max(0.5, passed - missed)
            self.cpu.append(max(0.0, cpu_s - self.cpu_s) / span)
            self.disk.append(max(0.0, read + written - self.disk_bytes) / span)
        self.memory.append(memory)
        del self.cpu[:-HISTORY], self.memory[:-HISTORY], self.disk[:-HISTORY]
        self.at, self.cpu_s, self.disk_bytes = now, cpu_s, read + written

    def lines(self, width: int, rows: int, ascii_only: bool = False) -> list[list[Part]]:
        """Processor, memory and disk: a line each where there are `rows` for it, else in one."""
        if not self.cpu:
            return []
        drawn = [
            ("cpu", self.cpu, 1.0, f"{self.cpu[-1]:.0%}"),
            ("memory", self.memory, float(1 << 20), size(self.memory[-1])),
        ]
        if any(self.disk):
            drawn.append(("I/O", self.disk, LEAST_RATE, f"{size(self.disk[-1]) or '0'}/s"))
        many = 1 if rows >= len(drawn) else len(drawn)
        while (cells := width // many - WORDS_CELLS) < LEAST_CELLS and many > 1:
            many -= 1  # the last one leaves
        lines: list[list[Part]] = []
        for at, (name, values, least, now) in enumerate(drawn):
            signs = spark(values, min(HISTORY, cells), scale(values, least), ascii_only)
            if len(lines) * many <= at:
                if rows < len(drawn) and lines:
                    break
                lines.append([])
            name = f"{name:<6} " if many == 1 else f"{name} "
            lines[-1] += [(name, "muted"), (signs, "accent"), (f" {now:<9}", "text")]
        return lines


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
