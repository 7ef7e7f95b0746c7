"""A flow's runbook: what to do when it fails, as text, and kept up to date where it is learned.

Called where a failure is explained, and by `engine.server.runbook_routes`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from engine.errors import Conflict, StorageError, UsageError
from engine.push.place import replace_file
from engine.request import present_text

LINES = 40
TEXT_LIMIT_BYTES = 1 << 20


def whole_runbook(compiled: Mapping[str, Any]) -> tuple[str, str]:
    """(text, path of its file): the path is empty where the text stands in the flow's own file.

    A runbook of one line that names a file is that file, as it is now, beside the flow's own.
    """
    text = str(compiled["runbook"]).strip()
    if text and "\n" not in text and compiled["source"]:
        path = os.path.join(os.path.dirname(compiled["source"]), text)
        read = present_text(path)
        if read is not None:
            return read.decode("utf-8", "replace"), path
    return text, ""


def runbook_of(compiled: Mapping[str, Any]) -> tuple[str, list[str]]:
    """(where it stands, its first lines); no lines where the flow has none."""
    text, path = whole_runbook(compiled)
    lines = text.splitlines()
    if len(lines) > LINES:
        more = len(lines) - LINES
        lines = [*lines[:LINES], f"… {more} more lines{f' in {path}' if path else ''}"]
    return path or "the flow's file", lines


def version_of(text: str) -> str:
    """What tells two texts apart."""
    return hashlib.sha256(text.encode()).hexdigest()


def save_runbook(compiled: Mapping[str, Any], text: str, version: str) -> str:
    """Replace the runbook's file, if it is still that version. Raises Conflict, StorageError."""
    before, path = whole_runbook(compiled)
    if not path:
        what = "stands in the flow's file" if before else "is not there"
        name = compiled["name"]
        hint = f"write a file beside the flow's, and name it there: runbook: {name}.md"
        raise Conflict(f"the runbook of {name} {what}", hint)
    folder = os.path.realpath(os.path.dirname(compiled["source"]))
    if os.path.commonpath([folder, os.path.realpath(path)]) != folder:
        raise Conflict(f"{path} is not in the flow's folder", "edit it where it is")
    if len(text.encode()) > TEXT_LIMIT_BYTES:
        raise UsageError("the runbook is larger than 1 MiB")
    if version_of(before) != version:
        raise Conflict(f"{path} has changed meanwhile", "look at it again")
    try:
        replace_file(path, text.encode(), before.encode())
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
