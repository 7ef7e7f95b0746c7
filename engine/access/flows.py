"""What flows allow to whom, known as their files are now. The file in a flow folder goes first."""

from __future__ import annotations

from typing import Any

from engine.access.access import Access
from engine.errors import UsageError
from engine.library import Library


class FlowPermissions:
    """Keeps the decisions' facts about flows up to date."""

    def __init__(self, access: Access, library: Library) -> None:
        self.access = access
        self._library = library

    async def learn(self, flow: str | None = None) -> None:
        """Know what the files of the flow folders, or the one of a flow, say now."""
        if flow is None:
            files = await self._library.all()
        else:
            try:
                files = [await self._library.find(flow)]
            except UsageError:
                return  # no file, or two: what was known of it holds
        for file in files:
            if file.compiled is not None and not file.problems:
                self.access.learn(file.compiled)

    async def learn_from(self, compiled: dict[str, Any]) -> None:
        """Know what a version that was started says, where no file of its flow says otherwise."""
        if compiled["permissions"] or self.access.restricts(compiled["name"]):
            self.access.learn(compiled)
            await self.learn(compiled["name"])
