"""An execution as it was at any moment of its journal: states, attempts, pools, outputs so far.

The same reducers that make live executions make these: what is shown is what the engine knew then.
Called by `insight_routes`; reads one execution's events and changes nothing.
"""

from __future__ import annotations

import re
from typing import Any

from engine.core.state import Execution
from engine.errors import UnknownReference, UsageError
from engine.flowfile import durations
from engine.journal.history import History
from engine.journal.view import live_execution
from engine.narrate import narrate
from engine.recovery import replay
from engine.server.pools_then import pools_then
from engine.times import from_text, to_text

Row = dict[str, Any]
Events = list[tuple[int, int, str, Row]]
HINT = "a number of the journal, a time (RFC 3339), or +10s after the start"


def replayed(history: History, ord_: int, at: str | None) -> Row:
    """The execution at a moment, and which moment that is. Raises UsageError."""
    events = history.events(ord_)
    if not events:
        raise UnknownReference("this execution has no journal")
    index = _index(events, at)
    shown = history.rows([ord_])[0]
    execution = _until(history, ord_, shown, events[: index + 1])
    seq, at_us, type_, data = events[index]
    told = narrate(type_, data)
    return {
        "seq": seq,
        "at": to_text(at_us),
        "since_start_ms": (at_us - events[0][1]) / 1000,
        "type": type_,
        "text": told[1] if told else type_,
        "index": index + 1,
        "count": len(events),
        "first": events[0][0],
        "previous": events[index - 1][0] if index else None,
        "next": events[index + 1][0] if index + 1 < len(events) else None,
        "last": events[-1][0],
        "pools": pools_then(history, execution, seq, at_us),
        "execution": {**live_execution(execution, shown["inputs"]), "warnings": None},
    }


def _index(events: Events, at: str | None) -> int:
    """Which event is the last one at a moment; the first, where that is before all."""
    if at is None:
        return len(events) - 1
    text = at.strip()
    if re.fullmatch("[0-9]{1,18}", text):
        until = sum(seq <= int(text) for seq, *_ in events)
    else:
        moment_us = _moment_us(events, text)
        until = sum(at_us <= moment_us for _, at_us, *_ in events)
    return max(0, until - 1)


def _moment_us(events: Events, text: str) -> int:
    if text.startswith("+"):
        offset_s = durations.seconds(text[1:])
        if offset_s is not None:
            return events[0][1] + round(offset_s * 1e6)
    else:
        try:
            return from_text(text)
        except ValueError:
            pass
    raise UsageError(f"{text[:60]!r} is no moment", HINT)


def _until(history: History, ord_: int, shown: Row, events: Events) -> Execution:
    """The execution as these events made it; inputs as they may be shown."""
    data = events[0][3]
    definition = history.compiled_of(data["version"], data["source"])
    return replay(ord_, shown["id"], definition, shown["inputs"], events)
