"""When something should end, and whether it hangs, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wingman_tui.format import age, parse_time
from wingman_tui.sanitise import clean

Row = Mapping[str, Any]


def left(row: Row, now: float) -> str:
    """How much time is left, in one coarse word: `~3m`; empty where nobody can say."""
    end = (row.get("expected") or {}).get("end_at")
    moment = parse_time(end) if end else None
    if moment is None or row.get("ended_at") or moment <= now:
        return ""
    return f"~{age(moment - now)}"


def stuck_words(row: Row) -> str:
    """Why something that runs may be stuck; empty where it is not."""
    stuck = row.get("stuck")
    if not stuck:
        return ""
    step = clean(str(stuck["step"])) if stuck.get("step") and "path" not in row else ""
    return ": ".join(part for part in (step, clean(str(stuck["reason"]))) if part)
