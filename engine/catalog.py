"""The flows that can be started by name, as the API shows them. For routes, windows and `why`."""

from __future__ import annotations

import hashlib
from typing import Any

from engine.library import FlowFile
from engine.service import Service

NEWEST = 10  # how many results of a flow are told

Row = dict[str, Any]


async def all_flows(service: Service) -> list[Row]:
    """Every flow that can be started by name, with its last results."""
    files = await service.library.all()
    names = [file.name for file in files]
    last = await service.reader(lambda history: {n: history.newest(n, NEWEST) for n in names})
    return [_row(service, file, last[file.name]) for file in files]


async def one_flow(service: Service, name: str) -> Row:
    """One flow with its definition. Raises UnknownReference."""
    file = await service.library.find(name)
    last = await service.reader(lambda history: history.newest(name, NEWEST))
    return {**_row(service, file, last), "definition": file.text.decode("utf-8", "replace")}


def _row(service: Service, file: FlowFile, last: list[Row]) -> Row:
    compiled = file.compiled or {}
    return {
        "name": file.name,
        "version": compiled.get("version") or hashlib.sha256(file.text).hexdigest(),
        "description": compiled.get("description", ""),
        "type": compiled.get("type", ""),
        "tags": compiled.get("tags", []),
        "source": str(file.path),
        "standard": file.standard,
        "debug": service.debug_mode(file.name),
        "problems": file.problems,
        "inputs": compiled.get("inputs", []),
        "last": last,
    }
