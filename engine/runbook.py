"""A flow's runbook as text: what to do when it fails. Called where a failure is explained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from engine.request import present_text

LINES = 40


def runbook_of(compiled: Mapping[str, Any]) -> tuple[str, list[str]]:
    """(where it stands, its lines); of a file as it is now, beside the flow's own.

    A runbook of one line that names a file is that file; nothing where the flow has none.
    """
    text, path = str(compiled["runbook"]).strip(), ""
    if text and "\n" not in text and compiled["source"]:
        path = os.path.join(os.path.dirname(compiled["source"]), text)
        read = present_text(path)
        path, text = (path, read.decode("utf-8", "replace")) if read is not None else ("", text)
    lines = text.splitlines()
    if len(lines) > LINES:
        more = len(lines) - LINES
        lines = [*lines[:LINES], f"… {more} more lines{f' in {path}' if path else ''}"]
    return path or "the flow's file", lines
