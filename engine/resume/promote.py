"""Saves the version that a resume has proved into the flow's file. Called by `resume_routes`.

Only where it still holds what the fix was made from; then it goes the way of every push, see
`engine.push`: the same checks, the former version kept, the file replaced whole or not at all.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import os
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Conflict
from engine.journal.history import History
from engine.library import STANDARD_FOLDER
from engine.push.push import Looked, Pushing
from engine.request import present_text
from engine.service import Service

CHAIN_LIMIT = 100
ENDINGS = (".yaml", ".yml")


@dataclass(slots=True)
class Fix:
    """A corrected version and the file that it would go into."""

    name: str
    flow: str
    id: str
    state: str
    path: str
    text: bytes
    present: bytes | None = None
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

    def __init__(self, service: Service, pushing: Pushing) -> None:
        self._service = service
        self._pushing = pushing

    async def look(self, reference: str) -> Fix:
        """What would be saved, and why it cannot be where it cannot."""
        fix, earlier = await self._service.reader(lambda history: _read(history, reference))
        present = fix.present = await asyncio.to_thread(present_text, fix.path)
        fix.refusal, fix.hint = _refusal(fix, earlier, present)
        if present is not None:
            before, after = (part.decode("utf-8", "replace") for part in (present, fix.text))
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
            fix.diff = list(lines)[2:]
        return fix

    async def save(self, reference: str, actor: str, reason: str = "") -> dict[str, Any]:
        """Replace the flow's file. Raises Conflict with what helps, and what a push raises."""
        fix = await self.look(reference)
        if fix.refusal:
            raise Conflict(f"{fix.path or fix.name}: {fix.refusal}", fix.hint)
        found = Looked(fix.flow, fix.path, fix.text, fix.present)
        await self._pushing.examine(found)
        found.check(allow_missing=False)
        why = f"proved by {fix.name}" + (f": {reason}" if reason else "")
        await self._pushing.write(found, actor, "save fix", why, subject=fix.flow)
        return {"path": fix.path, "version": found.version}


def _read(history: History, reference: str) -> tuple[Fix, set[str]]:
    """The fix, and the versions of the executions that it goes on from."""
    ord_ = history.find(reference)
    row, first = history.rows([ord_])[0], history.first_event(ord_)
    text = history.text_of(first["version"], first["source"]) or ""
    name = f"{row['flow']}#{row['number']}"
    fix = Fix(name, row["flow"], row["id"], row["state"], first["source"], text.encode())
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
