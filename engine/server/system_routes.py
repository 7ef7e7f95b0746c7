"""Routes about the engine itself: the end of its own log, and what `doctor` finds where it runs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.doctor import examine_server
from engine.errors import UsageError
from engine.logs.levels import LEVEL_NAMES, level_of
from engine.server.app import Json
from engine.server.routes import context_of, limit_of

READ_BYTES = 1 << 19  # of the log's end
LINES_LIMIT = 1000
_STAMPED = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z) (.*)", re.DOTALL)


async def log(request: Request) -> Response:
    """The last lines of the engine's log, of a level and what is worse."""
    least = request.query_params.get("level", "debug")
    if least not in LEVEL_NAMES:
        raise UsageError(f"there is no level {least!r}", ", ".join(LEVEL_NAMES))
    limit = limit_of(request, 200, LINES_LIMIT)
    path = context_of(request).home.system_log
    lines = await asyncio.to_thread(last_lines, path, LEVEL_NAMES.index(least), limit)
    return Json({"lines": lines, "path": str(path)})


def last_lines(path: Path, least: int, limit: int) -> list[dict[str, Any]]:
    """The newest lines of a log file, the oldest of them first; what has no time goes with it."""
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, 2)
            file.seek(max(0, size_bytes - READ_BYTES))
            rows = file.read(READ_BYTES).split(b"\n")
    except OSError:
        return []
    if size_bytes > READ_BYTES:
        del rows[0]  # the middle of a line
    found: list[dict[str, Any]] = []
    for row in reversed(rows):
        level = level_of(row)
        if not row or level < least:
            continue
        stamped = _STAMPED.fullmatch(row)
        at, text = stamped.groups() if stamped else (b"", row)
        found.append(
            {
                "at": at.decode() or None,
                "level": LEVEL_NAMES[level],
                "text": text.decode("utf-8", "replace"),
            }
        )
        if len(found) == limit:
            break
    return found[::-1]


async def doctor(request: Request) -> Response:
    """What `wingman doctor` finds on the machine where the engine runs."""
    findings = await asyncio.to_thread(examine_server, context_of(request).home)
    return Json({"findings": [finding.to_json() for finding in findings]})
