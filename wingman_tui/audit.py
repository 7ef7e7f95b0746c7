"""Lines of the audit as the console shows them. Pure: JSON of the API in, lines of parts out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wingman_tui.format import fit, full_time, wrap
from wingman_tui.sanitise import clean
from wingman_tui.view import Part

Line = list[Part]
TIME_CELLS, ACTOR_CELLS, ACTION_CELLS = 21, 14, 14


def lines(found: Mapping[str, Any], width: int, zone: Any = None) -> list[Line]:
    """A row for each: when, who, what; from where and why under it, where that says more."""
    shown: list[Line] = []
    for line in found["lines"]:
        role = "level_warning" if line["action"] == "refused" else "text"
        head: Line = [
            (fit(full_time(line["at"], zone) or "", TIME_CELLS), "log_time"),
            (fit(clean(line["actor"]), ACTOR_CELLS), "strong"),
            (fit(clean(line["action"]), ACTION_CELLS), role),
        ]
        rest = max(20, width - TIME_CELLS - ACTOR_CELLS - ACTION_CELLS)
        shown.append([*head, (fit(clean(line["subject"]), rest).rstrip(), "text")])
        where = "" if line["origin"] in ("", "socket", "engine") else f"from {line['origin']}"
        more = "; ".join(part for part in (where, line["reason"]) if part)
        shown += [
            [(" " * TIME_CELLS + text, "muted")]
            for text in (wrap(clean(more), max(20, width - TIME_CELLS)) if more else [])
        ]
    return shown or [[("nothing of that is in the audit", "muted")]]


def verdict(found: Mapping[str, Any]) -> Line:
    """What the check of the whole record says, in one line."""
    problems = found["problems"]
    if not problems:
        words = f"whole: {found['lines']} lines, {found['checkpoints']} signed checkpoints"
        return [(words, "good")]
    more = f" (and {len(problems) - 1} more: wingman audit verify)" if len(problems) > 1 else ""
    return [(clean(problems[0]) + more, "error")]
