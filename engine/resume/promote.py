"""Saves the version that a resume has proved into the flow's file. Called by `resume_routes`.

The file is replaced only where it still holds what the fix was made from, and whole or not at all.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import os
import stat
from dataclasses import dataclass, field
from typing import Any

from engine.clock import Clock
from engine.errors import Conflict, StorageError
from engine.journal.history import History
from engine.library import STANDARD_FOLDER
from engine.request import present_text
from engine.service import Service

CHAIN_LIMIT = 100
ENDINGS = (".yaml", ".yml")


@dataclass(slots=True)
class Fix:
    """A corrected version and the file that it would go into."""

    name: str
    id: str
    state: str
    path: str
    text: bytes
    refusal: str = ""
    hint: str = ""
    diff: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "execution": self.name,
            "path": self.path,
            "can_save": not self.refusal,
            "reason": self.refusal,
            "hint": self.hint,
            "diff": self.diff,
        }


class Promotion:
    """The fixes of one engine's executions."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def look(self, reference: str) -> Fix:
        """What would be saved, and why it cannot be where it cannot."""
        fix, earlier = await self._service.reader(lambda history: _read(history, reference))
        present = await asyncio.to_thread(present_text, fix.path)
        fix.refusal, fix.hint = _refusal(fix, earlier, present)
        if present is not None:
            before, after = (part.decode("utf-8", "replace") for part in (present, fix.text))
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
            fix.diff = list(lines)[2:]
        return fix

    async def save(self, reference: str, actor: str) -> dict[str, Any]:
        """Replace the flow's file. Raises Conflict with what to do instead."""
        fix = await self.look(reference)
        if fix.refusal:
            raise Conflict(f"{fix.path or fix.name}: {fix.refusal}", fix.hint)
        expected = await asyncio.to_thread(present_text, fix.path)
        try:
            await asyncio.to_thread(replace_file, fix.path, fix.text, expected)
        except OSError as error:
            raise StorageError(
                f"{fix.path} cannot be written: {error.strerror or error}",
                f"save it by hand: wingman show {fix.name} --definition",
            ) from error
        journal = self._service.journal
        journal.add_audit(Clock().now_us(), actor, "save fix", fix.id, fix.path)
        await journal.durable()
        return {"path": fix.path, "version": hashlib.sha256(fix.text).hexdigest()}


def _read(history: History, reference: str) -> tuple[Fix, set[str]]:
    """The fix, and the versions of the executions that it goes on from."""
    ord_ = history.find(reference)
    row, first = history.rows([ord_])[0], history.first_event(ord_)
    text = history.text_of(first["version"], first["source"]) or ""
    name = f"{row['flow']}#{row['number']}"
    fix = Fix(name, row["id"], row["state"], first["source"], text.encode())
    earlier: set[str] = set()
    origin = row["resumed_from"]
    while origin and len(earlier) < CHAIN_LIMIT:
        before = history.rows([history.find(origin)])[0]
        earlier.add(before["version"])
        origin = before["resumed_from"]
    return fix, earlier


def _refusal(fix: Fix, earlier: set[str], present: bytes | None) -> tuple[str, str]:
    """Why the file cannot be replaced, and what helps; empty where it can."""
    by_hand = f"take it from: wingman show {fix.name} --definition"
    if not earlier:
        return "this execution resumes none", "a fix comes of: wingman resume REF --file FILE"
    if fix.state != "completed":
        return f"the fix is not proved: {fix.name} is {fix.state}", "save it once it completes"
    if present is None or not fix.path.endswith(ENDINGS):
        return "there is no flow file to save it into", by_hand
    if os.path.commonpath([os.path.realpath(fix.path), STANDARD_FOLDER]) == str(STANDARD_FOLDER):
        return "it is a standard flow", f"keep your own version in a flow folder; {by_hand}"
    found = hashlib.sha256(present).hexdigest()
    if found == hashlib.sha256(fix.text).hexdigest():
        return "the file has this version already", ""
    if found not in earlier:
        return "the file has changed meanwhile", f"merge by hand; {by_hand}"
    return "", ""


def replace_file(path: str, text: bytes, expected: bytes | None) -> None:
    """Put the text in the place of the file, if it still is as expected. Raises OSError."""
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".{os.path.basename(path)}.{os.urandom(6).hex()}")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if present_text(path) != expected:
            raise OSError("it has changed just now")
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
