"""What failed steps said last, where their errors tell an exit code alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine.insight.answer import Row

TRACED = "+ "  # begins what bash prints in debug mode
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_ENDED = re.compile(r"(?:exited with \d+|ended by SIG[A-Z0-9]+)$")


def last_words(steps: Sequence[Row], pages: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    """By path, the last error among a failed step's last log lines."""
    found: dict[str, str] = {}
    for step in steps:
        message = str((step.get("error") or {}).get("message") or "")
        if step["path"] in pages and _ENDED.search(message):
            found[step["path"]] = _last_error(pages[step["path"]])
    return {path: words for path, words in found.items() if words}


def says_little(error: Row | None) -> bool:
    """Whether an error tells an exit code alone, so that the log knows more."""
    return _ENDED.search(str((error or {}).get("message") or "").strip()) is not None


def said(lines: Sequence[Row]) -> str:
    """The last error among a step's last lines, else its last words on stderr; without colours."""
    told = [line for line in lines if not str(line["text"]).startswith(TRACED)]
    for fact, value in (("level", "error"), ("stream", "stderr")):
        for line in reversed(told):
            text = _COLOURS.sub("", str(line["text"])).strip()
            if text and line[fact] == value:
                return text
    return ""


def _last_error(lines: Sequence[Row]) -> str:
    said = (str(line["text"]).strip() for line in reversed(lines) if line["level"] == "error")
    return next((text for text in said if text and not text.startswith(TRACED)), "")
