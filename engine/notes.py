"""Notes: what people write beside executions and steps, found again when the same error comes back.

They are facts of their own, beside the events: an execution may have ended long ago. Called by
`engine.server.note_routes`; written with the journal's next commit, and audited.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.access.roles import Caller
from engine.errors import NotAllowed, UnknownReference, UsageError
from engine.journal.history import History
from engine.journal.note_rows import find_notes, last_note, notes_of
from engine.sensitive import mask_values, sensitive_names
from engine.service import Service
from engine.stepnames import named

TEXT_LIMIT = 8000
NOTES_LIMIT = 500  # of one execution
Row = dict[str, Any]


class Notes:
    """The notes of one engine."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._last: int | None = None
        self._numbering = asyncio.Lock()

    async def of(self, reference: str) -> list[Row]:
        """The notes of an execution and its steps, oldest first."""
        ord_, _ = await self._service.resolve(reference)
        return await self._service.reader(lambda history: notes_of(history, ord_))

    async def search(
        self, text: str, flow: str | None, limit: int, hidden: frozenset[str]
    ) -> list[Row]:
        """The newest notes that hold every word of a text, of flows that may be seen."""
        words = text.lower().split()

        def fits(note: Row) -> bool:
            if note["flow"] in hidden or flow not in (None, note["flow"]):
                return False
            name = f"{note['flow']}#{note['number']} {note['step'] or ''}"
            said = f"{name} {note['by']} {note['text']}".lower()
            return all(word in said for word in words)

        return await self._service.reader(lambda history: find_notes(history, fits, limit))

    async def add(self, reference: str, path: str | None, text: str, caller: Caller) -> Row:
        """Write a note beside an execution or a step of it. Raises UsageError, UnknownReference."""
        text = _checked(text)
        ord_, execution_id = await self._service.resolve(reference)
        found = await self._service.execution(ord_, execution_id)
        name = f"{found['flow']}#{found['number']}"
        error = found["error"]
        if path is not None:
            path = named(path, (step["path"] for step in found["steps"]))
            step = next((step for step in found["steps"] if step["path"] == path), None)
            if step is None:
                raise UnknownReference(f"{name} has no step {path!r}", "`wingman show` lists them")
            error = {**step["error"], "step": path} if step["error"] else None
        if len(await self.of(execution_id)) >= NOTES_LIMIT:
            raise UsageError(f"{name} has {NOTES_LIMIT} notes already", "edit one of them")
        text = await self._masked(ord_, execution_id, text)
        number, now_us = await self._number(), self._service.now_us()
        error = error or {}
        self._service.journal.add_row("insert_notes", [
            number, ord_, path, found["flow"], now_us, caller.name, text,
            error.get("step"), error.get("type"),
        ])  # fmt: skip
        return await self._done("note", execution_id, number, caller)

    async def edit(self, reference: str, number: int, text: str, caller: Caller) -> Row:
        """Write a note anew. Raises NotAllowed where it is somebody else's."""
        text = _checked(text)
        ord_, execution_id = await self._mine(reference, number, caller)
        text = await self._masked(ord_, execution_id, text)
        row = [number, text, self._service.now_us(), caller.name]
        self._service.journal.add_row("edit_notes", row)
        return await self._done("note edited", execution_id, number, caller)

    async def remove(self, reference: str, number: int, caller: Caller) -> None:
        """Take a note away. Raises NotAllowed where it is somebody else's."""
        _, execution_id = await self._mine(reference, number, caller)
        journal, now_us = self._service.journal, self._service.now_us()
        journal.add_row("delete_notes", [number])
        journal.add_audit(now_us, caller.name, "note removed", execution_id, str(number))
        await journal.durable()

    async def _number(self) -> int:
        async with self._numbering:
            if self._last is None:
                self._last = await self._service.reader(last_note)
            self._last += 1
            return self._last

    async def _mine(self, reference: str, number: int, caller: Caller) -> tuple[int, str]:
        ord_, execution_id = await self._service.resolve(reference)
        note = next((note for note in await self.of(execution_id) if note["id"] == number), None)
        if note is None:
            raise UnknownReference(f"{reference} has no note {number}", "`wingman note` lists them")
        if note["by"] != caller.name and not caller.is_at_least("admin"):
            raise NotAllowed(f"note {number} is {note['by']}'s", "write one of your own")
        return ord_, execution_id

    async def _done(self, action: str, execution_id: str, number: int, caller: Caller) -> Row:
        journal = self._service.journal
        journal.add_audit(self._service.now_us(), caller.name, action, execution_id, str(number))
        await journal.durable()
        note = next((note for note in await self.of(execution_id) if note["id"] == number), None)
        if note is None:
            raise UnknownReference(f"note {number} was removed meanwhile")
        return note

    async def _masked(self, ord_: int, execution_id: str, text: str) -> str:
        """The text without what the execution keeps secret."""
        live = self._service.scheduler.live.get(execution_id)
        if live is not None:
            mask = self._service.scheduler.mask_of(live)
            return str(mask(text)) if mask else text
        sensitive = self._service.sensitive

        def values(history: History) -> tuple[str, ...]:
            first = history.first_event(ord_)
            compiled = history.compiled_of(first["version"], first["source"])
            if not sensitive_names(compiled):
                return ()
            return mask_values(compiled, sensitive.open(compiled, first["inputs"], execution_id))

        hidden = await self._service.reader(values)
        if not hidden:
            return text
        from engine.runner.masking import Masker

        return str(Masker(list(hidden)).mask_json(text))


def _checked(text: str) -> str:
    text = text.strip()
    if not text:
        raise UsageError("the note is empty", "write what was found, or what helped")
    if len(text) > TEXT_LIMIT:
        raise UsageError(f"the note is longer than {TEXT_LIMIT} characters")
    return text
