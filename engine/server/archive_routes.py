"""The route of `wingman export`: an execution as one file."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import IO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.archive.pack import facts_of, write
from engine.server.routes import context_of

CHUNK_BYTES = 1 << 18


async def export(request: Request) -> Response:
    """Written beside the logs first: what fails, fails before a byte has left."""
    context = context_of(request)
    ord_, execution_id = await context.service.resolve(request.path_params["ref"])
    await context.service.journal.durable()
    facts = await context.service.reader(lambda history: facts_of(history, ord_))
    file = tempfile.TemporaryFile(dir=context.home.text("run"))  # noqa: SIM115  sent, then closed
    try:
        await asyncio.to_thread(write, file, facts, context.home.logs / execution_id)
        size_bytes = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Length": str(size_bytes)}
    return StreamingResponse(_chunks(file), media_type="application/gzip", headers=headers)


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
