"""Looks for what a flow requires: programs, files, hosts, flows. Never holds the engine up.

Called by the scheduler before the first step, and by the dry run. The disk is asked on a thread and
hosts are connected to at once, each with a bound; what does not answer in time is missing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable
from typing import Protocol

from engine.errors import UnknownReference, WingmanError
from engine.library import file_beside
from engine.probing import reason_of

DISK_S = 5.0
HOST_S = 3.0
MISSES_LIMIT = 50
Wanted = dict[str, list[str]]


class Flows(Protocol):
    """Where flows are found by their names: `engine.library.Library`."""

    async def find(self, name: str) -> object: ...


class Requirements:
    """What flows can require of the engine's machine."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows

    async def misses(self, wanted: Wanted, path: str, source: str) -> list[str]:
        """Everything that is not there, in words; `source` is the flow's file."""
        folder = os.path.dirname(source)
        found = await asyncio.gather(
            self._on_disk(wanted, path, folder),
            *(_host(host) for host in dict.fromkeys(wanted["hosts"])),
            *(self._flow(name, folder) for name in dict.fromkeys(wanted["flows"])),
        )
        misses = [miss for group in found for miss in group]
        more = len(misses) - MISSES_LIMIT
        return [*misses[:MISSES_LIMIT], f"and {more} more"] if more > 0 else misses

    async def _on_disk(self, wanted: Wanted, path: str, folder: str) -> list[str]:
        look = asyncio.to_thread(_missing_on_disk, wanted, path, folder)
        try:
            return await asyncio.wait_for(look, DISK_S)
        except TimeoutError:
            named = ", ".join([*wanted["programs"], *wanted["files"]][:3])
            return [f"the disk did not answer within {DISK_S:g} s (for {named})"]

    async def _flow(self, name: str, folder: str) -> list[str]:
        """What a call of a flow would miss: it is in the flow folders, or beside the caller."""
        try:
            await self._flows.find(name)
        except UnknownReference as error:
            if await asyncio.to_thread(file_beside, folder, name) is None:
                return [f"flow {name}: {error.message}"]
        except WingmanError as error:
            return [f"flow {name}: {error.message}"]
        return []


def _missing_on_disk(wanted: Wanted, path: str, folder: str) -> list[str]:
    return [*_programs(wanted["programs"], path), *_files(wanted["files"], folder)]


def _programs(names: Iterable[str], path: str) -> list[str]:
    return [
        f"program {name} is not on the PATH ({path})"
        if "/" not in name
        else f"program {name} is not there, or cannot be executed"
        for name in dict.fromkeys(names)
        if "\0" in name or shutil.which(name, path=path or os.defpath) is None
    ]


def _files(names: Iterable[str], folder: str) -> list[str]:
    misses = []
    for name in dict.fromkeys(names):
        place = os.path.join(folder, os.path.expanduser(name))
        try:
            if not os.path.isabs(place):
                misses.append(f"file {name} is relative, and the flow has no folder")
            else:
                os.stat(place)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            shown = place if place == name else f"{name} ({place})"
            misses.append(f"file {shown}: {reason}")
    return misses


async def _host(host: str) -> list[str]:
    name, _, port = host.rpartition(":")
    if not name or not port.isdigit() or not 0 < int(port) < 65536:
        return [f"host {host!r} is no name:port"]
    try:
        opening = asyncio.open_connection(name.strip("[]"), int(port))
        _, writer = await asyncio.wait_for(opening, HOST_S)
    except TimeoutError:
        return [f"host {host}: no answer within {HOST_S:g} s"]
    except (OSError, UnicodeError) as error:
        return [f"host {host}: {reason_of(error)}"]
    writer.close()
    return []
