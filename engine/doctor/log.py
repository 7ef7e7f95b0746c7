"""The engine's own log, as far as `wingman doctor` reads it. Standard library only."""

from __future__ import annotations

import json
import os
from pathlib import Path

TAIL_BYTES = 64 * 1024
BAD_LEVELS = frozenset(("error", "critical", "fatal"))
BAD_WORDS = (" error: ", "Traceback (most recent call last)")


def last_trouble(path: Path) -> str:
    """The last error of the log's last lines, with how many there are; nothing if none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    found = [text for line in lines if (text := _trouble(line))]
    if not found:
        return ""
    return f"{len(found)} errors in its last lines, the last: {found[-1][:200]}"


def _trouble(line: str) -> str:
    """The message of a line that reports an error, JSON or plain."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except ValueError:
            return ""
        is_bad = str(entry.get("level", "")).lower() in BAD_LEVELS
        return str(entry.get("message") or entry.get("event") or line) if is_bad else ""
    return line.strip() if any(word in line for word in BAD_WORDS) else ""
