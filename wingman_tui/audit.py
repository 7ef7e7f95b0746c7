"""Lines of the audit as the console shows them. Pure: JSON of the API in, lines of parts out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len

from wingman_tui.account import folded
from wingman_tui.format import fit, full_time
from wingman_tui.sanitise import clean
from wingman_tui.view import Part

Line = list[Part]
TIME_CELLS, CELLS_MOST = 10, 20


def lines(found: Mapping[str, Any], width: int, zone: Any = None) -> list[Line]:
    """A row for each, its day where that is another one: when, who, what; from where and why.

    That goes on below only where it does not fit beside what was done.
    """
    shown: list[Line] = []
    actors = min(
        CELLS_MOST, max((cell_len(clean(each["actor"])) for each in found["lines"]), default=0)
    )
    actions = min(
        CELLS_MOST, max((cell_len(clean(each["action"])) for each in found["lines"]), default=0)
    )
    day = ""
    for line in found["lines"]:
        at = full_time(line["at"], zone)
        if at[:10] != day:
            day = at[:10]
            shown.append([(day, "focus")])
        role = "level_warning" if line["action"] == "refused" else "text"
        head: Line = [
            (f"{at[11:]}  ", "log_time"),
            (fit(clean(line["actor"]), actors) + "  ", "strong"),
            (fit(clean(line["action"]), actions) + "  ", role),
            (clean(line.get("execution") or line["subject"]), "text"),
        ]
        where = "" if line["origin"] in ("", "socket", "engine") else f"from {line['origin']}"
        reason = str(line["reason"])
        if line["action"].startswith("note") and reason.isdigit():
            reason = f"the note {reason}"
        more = clean("; ".join(part for part in (where, reason) if part))
        indent = TIME_CELLS + actors + actions + 4
        shown += folded([*head, (f"  {more}" if more else "", "muted")], width, indent)
    return shown or [[("nothing of that is in the audit", "muted")]]


def verdict(found: Mapping[str, Any]) -> Line:
    """What the check of the whole record says, in one line."""
    problems = found["problems"]
    if not problems:
        words = f"whole: {found['lines']} lines, {found['checkpoints']} signed checkpoints"
        return [(words, "good")]
    more = f" (and {len(problems) - 1} more: wingman audit verify)" if len(problems) > 1 else ""
    return [(clean(problems[0]) + more, "error")]
