"""The journal of an execution as lines, an event each. Called by the screen `details`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len

from wingman_tui.account import Found, Line, folded, title
from wingman_tui.format import count, fit, full_time
from wingman_tui.sanitise import clean

_HASH = re.compile(r"[0-9a-f]{64}")
HASH_CELLS = 12
TEXT_CHARS = 200


def event_lines(events: Sequence[Found], width: int, zone: Any = None) -> list[Line]:
    """The journal of an execution, an event a line, its day where that is another one."""
    lines: list[Line] = []
    day = ""
    number = max((len(str(event["seq"])) for event in events), default=1)
    names = max((cell_len(clean(event["type"])) for event in events), default=1)
    for event in events:
        at = full_time(event["at"], zone)
        if at[:10] != day:
            day = at[:10]
            lines.append(title(day))
        head: Line = [
            (f"{event['seq']:>{number}}  ", "muted"),
            (f"{at[11:]}  ", "log_time"),
            (fit(clean(event["type"]), names) + "  ", "accent"),
        ]
        facts = [
            part
            for name, value in event["data"].items()
            for part in ((f"{clean(str(name))}=", "muted"), (f"{_plainly(value)}  ", "text"))
        ]
        indent = number + 2 + 10 + 4
        lines += folded([*head, *facts], width, indent)
    return lines


def _plainly(value: Any) -> str:
    """A value of an event: a text as it is, all else as JSON; what nobody can read, in a word."""
    if isinstance(value, str):
        return clean(value[:HASH_CELLS] + "…" if _HASH.fullmatch(value) else _short(value))
    return clean(json.dumps(_unsealed(value), ensure_ascii=False))


def _unsealed(value: Any) -> Any:
    """The same with `(sealed)` for what only the engine can open, and large texts cut."""
    if isinstance(value, dict):
        if set(value) == {"$sealed"}:
            return "(sealed)"
        return {name: _unsealed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_unsealed(inner) for inner in value]
    return _short(value) if isinstance(value, str) else value


def _short(text: str) -> str:
    """A text, of a large one its begin and how long it is: `i` shows outputs whole."""
    if len(text) <= TEXT_CHARS:
        return text
    return f"{text[:TEXT_CHARS]}… ({count(len(text))} characters)"
