"""The route of `wingman support-bundle`: what helps somebody else to see what is wrong.

No output of steps, no inputs or outputs, no text of flows. All of it is masked by every secret
that the engine knows, those of executions in memory too.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tarfile
import time
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine import __version__
from engine.config import read_config
from engine.doctor import LIBRARIES, examine_server
from engine.errors import UsageError
from engine.filters import Filter
from engine.runner.masking import Masker
from engine.server.context import Context
from engine.server.routes import context_of
from engine.server.system_routes import LINES_LIMIT, last_lines
from engine.times import to_text

EXECUTIONS = 100
TOLD = (
    "id", "flow", "number", "state", "type", "trigger", "version", "attempt", "debug", "created_at",
    "started_at", "ended_at", "duration_ms", "progress", "parent", "resumed_from", "rerun_of",
)  # fmt: skip
Row = dict[str, Any]


async def bundle(request: Request) -> Response:
    context = context_of(request)
    page = await context.service.page(Filter(), None, EXECUTIONS)
    status = await context.status()
    values = known_values(context)
    data = await asyncio.to_thread(_pack, context, status, page.rows, values)
    return Response(data, media_type="application/gzip")


def known_values(context: Context) -> list[str]:
    """Every secret text that the engine can name now."""
    values = context.service.secrets.all_texts()
    for masks in context.service.scheduler.hidden.masks.values():
        values += masks
    return list(dict.fromkeys(values))


def _pack(context: Context, status: Row, rows: list[Row], values: list[str]) -> bytes:
    home = context.home
    lines = last_lines(home.system_log, 0, LINES_LIMIT)
    log = "".join(f"{line['at'] or ''} {line['text']}\n" for line in lines)
    files = {
        "versions.json": _json(_versions()),
        "engine.json": _json(status),
        "doctor.json": _json([finding.to_json() for finding in examine_server(home)]),
        "config.json": _json(_config(context)),
        "executions.json": _json([_told(row) for row in rows]),
        "engine.log": log.encode(),
    }
    mask = Masker(values).mask_bytes if values else bytes
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, text in files.items():
            masked = mask(text)
            entry = tarfile.TarInfo(f"wingman-support/{name}")
            entry.size, entry.mode, entry.mtime = len(masked), 0o600, int(time.time())
            tar.addfile(entry, io.BytesIO(masked))
    return target.getvalue()


def _told(row: Row) -> Row:
    """What tells nothing of what an execution works with: no values, no words of an error."""
    error = row["error"] or {}
    return {name: row[name] for name in TOLD} | {
        "error": {"step": error.get("step"), "type": error.get("type")} if error else None
    }


def _config(context: Context) -> Row:
    """What the engine reads of it, by its own keys: tables of others are left out."""
    try:
        return asdict(read_config(context.home.config_file))
    except UsageError as error:
        return {"problem": error.message}


def _versions() -> Row:
    from importlib.metadata import PackageNotFoundError, version

    found: Row = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return {
        "wingman": __version__,
        "made_at": to_text(time.time_ns() // 1000),
        "python": sys.version,
        "system": " ".join((os.uname().sysname, os.uname().release, os.uname().machine)),
        "libraries": found,
    }


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2) + b"\n"
