"""Durations as people write them: 500ms, 10s, 5m, 2h, 1d, 1h30m. Standard library only."""

from __future__ import annotations

import re

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_ORDER = ("w", "d", "h", "m", "s", "ms")
PATTERN = (r"^(?=[0-9])(?:[0-9]{1,9}w)?(?:[0-9]{1,9}d)?(?:[0-9]{1,9}h)?(?:[0-9]{1,9}m)?"
           r"(?:[0-9]{1,9}(?:\.[0-9]{1,3})?s)?(?:[0-9]{1,9}ms)?$")
_WHOLE = re.compile(PATTERN)
_PART = re.compile(r"([0-9.]+)(ms|[wdhms])")
HINT = "write 500ms, 10s, 5m, 2h, 1d or 1h30m"


def seconds(text: str) -> float | None:
    """The duration in seconds, or None for a text that is none."""
    if len(text) > 60 or not _WHOLE.fullmatch(text):
        return None
    total = sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))
    return round(total, 3)


def written(duration_s: float) -> str:
    """A duration in its shortest form: 5400 → 1h30m."""
    rest = round(duration_s * 1000)
    parts = []
    for unit in _ORDER:
        size = round(_UNITS_S[unit] * 1000)
        if rest >= size and unit != "w":
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(parts) or "0s"
