"""What the engine tells of itself, as lines: its log, what doctor finds, pools, facts.

Called by the screen `system`. Pure: JSON of the API in, lines of parts out; all of it is foreign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wingman_tui.account import folded
from wingman_tui.format import age, fit, full_time, parse_time, wrap
from wingman_tui.sanitise import clean
from wingman_tui.view import Part

Line = list[Part]
Found = Mapping[str, Any]
LEVEL_ROLES = {"debug": "muted", "info": "text", "warning": "level_warning", "error": "level_error"}
VERDICTS = {"ok": ("✓", "+", "good"), "warn": ("!", "!", "warning"), "fail": ("✗", "x", "error")}
NAME_CELLS = 13
TIME_CELLS = 19


def log_lines(found: Found, width: int, zone: Any = None) -> list[Line]:
    """A line of the log with its time; where there is none yet, what will be there."""
    lines: list[Line] = []
    for line in found["lines"]:
        at = f"{full_time(line['at'], zone) or '':<{TIME_CELLS}}  "
        text = (clean(line["text"]), LEVEL_ROLES.get(line["level"], "text"))
        lines += folded([(at, "log_time"), text], width, TIME_CELLS + 2)
    return lines or [[(f"nothing of this level in {clean(found['path'])}", "muted")]]


def doctor_lines(found: Found, width: int, ascii_only: bool = False) -> list[Line]:
    """A finding a row, with what helps under those that are not well."""
    lines: list[Line] = []
    for finding in found["findings"]:
        sign, twin, role = VERDICTS.get(finding["verdict"], VERDICTS["warn"])
        head: Line = [
            (f"{twin if ascii_only else sign} ", role),
            (fit(clean(finding["name"]), NAME_CELLS), "strong"),
        ]
        first, *rest = wrap(clean(finding["message"]), max(20, width - NAME_CELLS - 2))
        indent = " " * (NAME_CELLS + 2)
        lines.append([*head, (first, "text")])
        lines += [[(indent + text, "text")] for text in rest]
        if finding["hint"] and finding["verdict"] != "ok":
            wrapped = wrap(clean(finding["hint"]), max(20, width - NAME_CELLS - 2))
            lines += [[(indent + text, role)] for text in wrapped]
    return lines


def pool_lines(found: Found, now: float) -> list[Line]:
    """Each pool with who holds it and who waits for it, in the order of their turn."""
    lines: list[Line] = []
    if found.get("problem"):
        lines += [[(clean(found["problem"]), "error")], []]
    for pool in found["pools"]:
        capacity = "?" if pool["capacity"] is None else pool["capacity"]
        words = f"  {pool['used']} of {capacity} taken"
        full = pool["capacity"] is None or pool["used"] >= pool["capacity"]
        lines.append([(clean(pool["name"]), "strong"), (words, "warning" if full else "text")])
        for word, claims in (("holds", pool["holders"]), ("waits", pool["waiters"])):
            lines += [_claim(word, claim, now) for claim in claims]
    for group in found.get("groups", ()):
        full = len(group["holders"]) >= group["limit"]
        words = f"  concurrency group, {len(group['holders'])} of {group['limit']} run"
        lines.append([(clean(group["name"]), "strong"), (words, "warning" if full else "text")])
        for word, members in (("holds", group["holders"]), ("waits", group["waiters"])):
            lines += [_claim(word, member, now) for member in members]
    if not found["pools"] and not found.get("groups"):
        lines.append([("no pool is configured: [pools] in config.toml, db = 4", "muted")])
    return lines


def _claim(word: str, claim: Found, now: float) -> Line:
    since = parse_time(claim["since"]) if claim.get("since") else None
    name = f"{clean(claim['flow'])}#{claim['number']}"
    if "step" in claim:
        name += f" › {clean(claim['step'])}"
    for_ = f", for {age(now - since)}" if since is not None else ""
    return [
        (f"  {word} {claim.get('slots', '')}  ", "muted"),
        (name, "text"),
        (for_, "muted"),
    ]


def engine_lines(found: Found, now: float, zone: Any = None) -> list[Line]:
    """The engine's facts."""
    since = parse_time(found["started_at"])
    lines: list[Line] = []
    for name, value in found.items():
        text = full_time(value, zone) if name == "started_at" else clean(str(value))
        if name == "started_at" and since is not None:
            text += f", {age(now - since)} ago"
        lines.append([(fit(name.replace("_", " "), NAME_CELLS), "strong"), (text, "text")])
    return lines
