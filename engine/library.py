"""The flows that can be started by name: those of the flow folders, and the standard ones.

Reads folders when asked, and remembers each file by its time and size, so that an edit counts at
once and nothing polls. Called by the service.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.errors import FlowFileError, UnknownReference, UsageError
from engine.sandbox.client import Sandbox

STANDARD_FOLDER = Path(__file__).parent / "standard"
FILE_LIMIT_BYTES = 1 << 20


@dataclass
class FlowFile:
    """One file of a flow folder, as last read."""

    path: Path
    stamp: tuple[int, int, int]
    text: bytes
    name: str
    standard: bool
    compiled: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)


class Library:
    """All flow folders of one engine."""

    def __init__(self, folders: list[Path], sandbox: Sandbox) -> None:
        self._folders = [*folders, STANDARD_FOLDER]
        self.sandbox = sandbox
        self._files: dict[Path, FlowFile] = {}
        self._compiled: dict[tuple[str, str], dict[str, Any]] = {}

    async def compile(self, text: bytes, source: str) -> dict[str, Any]:
        """The compiled flow of a file's text. Raises FlowFileError with all of its problems."""
        key = (hashlib.sha256(text).hexdigest(), source)
        found = self._compiled.get(key)
        if found is None:
            found = await self.sandbox.compile(text, source)
            if len(self._compiled) > 256:
                self._compiled.clear()
            self._compiled[key] = found
        return found

    def remember(self, version: str, source: str, compiled: dict[str, Any]) -> None:
        """A compiled flow that the journal has already."""
        self._compiled[version, source] = compiled

    async def all(self) -> list[FlowFile]:
        """Every flow file, by name; a file that cannot be compiled tells its problems."""
        files = await asyncio.to_thread(self._scan)
        for file in files:
            await self._load(file)
        by_name: dict[str, FlowFile] = {}
        for file in files:
            other = by_name.get(file.name)
            if other is None:
                by_name[file.name] = file
            elif file.standard == other.standard:
                both = f"two files are named {file.name}: {other.path} and {file.path}"
                by_name[file.name] = replace(other, problems=[both])  # until one of them is gone
        return sorted(by_name.values(), key=lambda file: file.name)

    async def own_files(self) -> list[FlowFile]:
        """The files of the flow folders as they are now, not compiled; no standard flows."""
        return [file for file in await asyncio.to_thread(self._scan) if not file.standard]

    def replace_folders(self, folders: list[Path]) -> None:
        """These are the flow folders from now on."""
        self._folders = [*folders, STANDARD_FOLDER]

    @property
    def folders(self) -> list[Path]:
        """The flow folders, without that of the standard flows."""
        return self._folders[:-1]

    async def find(self, name: str) -> FlowFile:
        """The flow of that name. Raises UnknownReference with the nearest, UsageError for two."""
        files = await asyncio.to_thread(self._scan)
        named = [file for file in files if await self._is_named(file, name)]
        own = [file for file in named if not file.standard]
        found = own or named
        if len(found) > 1:
            paths = " and ".join(str(file.path) for file in found)
            raise UsageError(f"two files are named {name}: {paths}", "rename one of them")
        if found:
            return found[0]
        near = difflib.get_close_matches(name, [file.name for file in files], 1)
        hint = f"did you mean {near[0]}?" if near else "`wingman flows` lists them"
        raise UnknownReference(f"there is no flow named {name}", hint)

    async def _is_named(self, file: FlowFile, name: str) -> bool:
        if file.path.stem != name and name.encode("utf-8", "replace") not in file.text:
            return False  # what does not hold the name at all need not be compiled
        await self._load(file)
        return file.name == name

    async def _load(self, file: FlowFile) -> None:
        if file.compiled is not None or file.problems:
            return
        try:
            file.compiled = await self.compile(file.text, str(file.path))
            file.name = file.compiled["name"]
        except FlowFileError as error:
            file.problems = str(error).splitlines()

    def _scan(self) -> list[FlowFile]:
        """The files as they are now: new and changed ones are read, those gone are forgotten.

        What others find at the same time may be older: `_files` is only to read less.
        """
        present: dict[Path, FlowFile] = {}
        for folder in self._folders:
            is_standard = folder == STANDARD_FOLDER
            for path in _flow_files(folder):
                known = self._files.get(path)
                try:
                    status = path.stat()
                    if not stat.S_ISREG(status.st_mode):
                        continue  # reading a pipe would wait for ever
                    stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                    if known is None or known.stamp != stamp:
                        name = readable(path.stem)
                        known = FlowFile(path, stamp, read_file(path), name, is_standard)
                except OSError:
                    continue  # vanished or unreadable between listing and reading
                present[path] = known
        self._files = present
        return list(present.values())


def read_file(path: str | Path) -> bytes:
    """What a flow file holds, up to what is refused as too large."""
    with open(path, "rb") as stream:
        return stream.read(FILE_LIMIT_BYTES + 1)


def readable(name: str) -> str:
    """A file's name as text, also where its bytes are none."""
    return name.encode("utf-8", "backslashreplace").decode()


def _flow_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(root, name) for name in sorted(names) if name.endswith((".yaml", ".yml"))]
    return found


def file_beside(folder: str, name: str) -> tuple[bytes, str] | None:
    """The text and the path of a flow's file in a folder; None where there is none."""
    for ending in (".yaml", ".yml") if folder and "/" not in name else ():
        path = Path(folder, f"{name}{ending}")
        if path.is_file():
            return read_file(path), str(path)
    return None
