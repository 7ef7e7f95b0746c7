"""What a failed step has said itself, where its error says no more than how it ended. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wingman_tui.sanitise import clean

TRACED = "+ "  # begins what bash prints in debug mode
_ENDED = re.compile(r"(?:exited with \d+|ended by SIG[A-Z0-9]+)$")


def says_little(error: Mapping[str, Any] | None) -> bool:
    """Whether an error tells an exit code alone, so that the log knows more."""
    message = str((error or {}).get("message") or "").strip()
    return _ENDED.search(message) is not None


def said(lines: Sequence[Mapping[str, Any]]) -> str:
    """The last error among a step's last lines, else its last words on stderr; without colours."""
    told = [line for line in lines if not str(line.get("text", "")).startswith(TRACED)]
    for fact, value in (("level", "error"), ("stream", "stderr")):
        for line in reversed(told):
            text = clean(str(line.get("text", ""))).strip()
            if text and line.get(fact) == value:
                return text
    return ""
