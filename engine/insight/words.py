"""What failed steps said last, where their errors tell an exit code alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine.insight.answer import Row

TRACED = "+ "  # begins what bash prints in debug mode
_ENDED = re.compile(r"(?:exited with \d+|ended by SIG[A-Z0-9]+)$")


def last_words(steps: Sequence[Row], pages: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    """By path, the last error among a failed step's last log lines."""
    found: dict[str, str] = {}
    for step in steps:
        message = str((step.get("error") or {}).get("message") or "")
        if step["path"] in pages and _ENDED.search(message):
            found[step["path"]] = _last_error(pages[step["path"]])
    return {path: words for path, words in found.items() if words}


def _last_error(lines: Sequence[Row]) -> str:
    said = (str(line["text"]).strip() for line in reversed(lines) if line["level"] == "error")
    return next((text for text in said if text and not text.startswith(TRACED)), "")
