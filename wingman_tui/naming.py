"""What people call an execution, and its error in one line. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wingman_tui.sanitise import clean

Row = Mapping[str, Any]


def name_of(execution: Row) -> str:
    """What people call an execution: flow#number."""
    return f"{clean(str(execution.get('flow', '?')))}#{execution.get('number', '?')}"


def name_on(execution: Row) -> str:
    """The same where executions of several servers stand side by side: flow#number on prod."""
    server = execution.get("server")
    return f"{name_of(execution)} on {clean(str(server))}" if server else name_of(execution)


def error_line(error: Row, words: str = "") -> str:
    """An error in one line: where, and what the step said, else what kind and which message."""
    step = clean(str(error.get("step") or ""))
    if words:
        return f"{step}: {words}" if step else words
    kind = clean(str(error.get("type") or ""))
    lines = str(error.get("message") or "").strip().splitlines()
    message = clean(lines[0]) if lines else ""
    if kind == "cancelled" and message.startswith("cancel by "):
        message = message.removeprefix("cancel ")
    code = kind.partition(":")[2]
    if code and re.search(rf"\b{re.escape(code)}\b", message):
        kind = ""  # the message says the same in words
    return ": ".join(part for part in (step, kind, message) if part)
