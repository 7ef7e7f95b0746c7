"""An execution at one moment of its journal, as lines: its steps then, its outputs so far.

Called by the screen `details`. Pure: JSON of `GET …/replay` in, lines of parts out.
"""

from __future__ import annotations

from typing import Any

from wingman_tui.account import Found, Line, title, value_lines
from wingman_tui.format import full_time, wrap
from wingman_tui.looks import look_of
from wingman_tui.naming import name_of
from wingman_tui.sanitise import clean, clean_lines

TEXT_LINES = 40  # of what an event says


def replay_lines(
    found: Found, width: int, zone: Any = None, ascii_only: bool = False
) -> list[Line]:
    """The execution at one moment of its journal: where that is, its steps, its outputs so far."""
    execution = found["execution"]
    room = max(10, min(width, 60))
    at = round((found["index"] - 1) / max(1, found["count"] - 1) * (room - 1))
    done, here, rest = ("=", "O", "-") if ascii_only else ("━", "●", "─")
    since_s = found["since_start_ms"] / 1000
    look = look_of(str(execution["state"]))
    lines: list[Line] = [
        [(done * at, "bar_done"), (here, "focus"), (rest * (room - 1 - at), "bar_rest")],
        [
            (f"{found['index']} of {found['count']}", "strong"),
            (f"  {full_time(found['at'], zone)}  +{since_s:.3f} s  ", "muted"),
            (f"{look.sign(ascii_only)} {look.word}", look.role),
        ],
        *([(row, "text")] for text in clean_lines(found["text"], TEXT_LINES)
          for row in wrap(text, width)),
        [],
        title("Steps"),
    ]
    for step in execution["steps"]:
        look = look_of(str(step["state"]))
        note = error_text(step) or (f"attempt {step['attempts']}" if step["attempts"] > 1 else "")
        lines.append([
            (f"  {look.sign(ascii_only)} {look.word:<12}", look.role),
            (clean(step["path"]), "text"),
            (f"  {clean(note)}" if note else "", "muted"),
        ])  # fmt: skip
    lines += _pool_lines(found.get("pools") or [])
    for step in execution["steps"]:
        if step.get("outputs"):
            lines += [[], title(f"Outputs of {clean(step['path'])}")]
            lines += value_lines(step["outputs"], width)
    if execution.get("outputs"):
        lines += [[], title("Outputs"), *value_lines(execution["outputs"], width)]
    return lines


def _pool_lines(pools: list[Found]) -> list[Line]:
    """Who held slots of the pools then, over all executions, and who waited."""
    lines: list[Line] = []
    for pool in pools:
        taken = f"  {pool['used']} slots taken"
        lines += [[], [(f"Pool {clean(pool['name'])}", "strong"), (taken, "muted")]]
        for word, role, claims in (
            ("holds", "state_running", pool["holders"]), ("waits", "warning", pool["waiters"])
        ):  # fmt: skip
            lines += [
                [
                    (f"  {word} {claim['slots']}  ", role),
                    (f"{name_of(claim)} {clean(claim['step'])}", "text"),
                ]
                for claim in claims
            ]
    return lines


def error_text(step: Found) -> str:
    """A step's error in one line, or why it waits or was skipped."""
    error = step.get("error") or {}
    return str(error.get("message") or step.get("reason") or "").partition("\n")[0]
