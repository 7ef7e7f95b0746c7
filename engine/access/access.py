"""The one place that decides whether a caller may: by role, and by what a flow's file says.

A flow's `permissions` replace the usual role for running or seeing it. What counts is the flow as
it is now: the file in a flow folder, else the version that was started last.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.access.roles import Caller, words_of
from engine.access.users import Users
from engine.clock import Clock
from engine.errors import NotAllowed, UnknownReference
from engine.journal.database import queries
from engine.journal.journal import Journal

Permissions = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route asks of its caller.

    `role` is the least one. `action` (view or run) is what is done to the flow that the request is
    about; `about` says where the request names it: `ref` (an execution), `name` (a flow), or "" for
    what the route itself has to ask about (a list, a body).
    """

    role: str
    action: str = ""
    about: str = ""


class Access:
    """Decisions about callers of one engine."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.users = Users(journal, clock)
        self._journal = journal
        self._permissions: dict[str, Permissions] = {}
        self.on_change: Callable[[str | None], None] = lambda user: None  # None: anybody
        self.users.on_change = lambda user: self.on_change(user)
        connection = journal.reader()
        try:
            for flow, text in connection.execute(queries()["flow_permissions"]):
                self._permissions[flow] = json.loads(text)
        finally:
            connection.close()

    def check_role(self, caller: Caller, needs: Needs) -> None:
        """Raises NotAllowed for a role that is too low, where no flow could say otherwise."""
        if not needs.about and not caller.is_at_least(needs.role):
            raise refused(caller, f"the role {needs.role}")

    def check_flow(self, caller: Caller, needs: Needs, flow: str) -> None:
        """Raises NotAllowed, or UnknownReference for a flow that the caller may not even see."""
        if not self.may(caller, "view", flow, "viewer"):
            raise UnknownReference(f"there is nothing of that name for {caller.name}")
        if whom := self.who_may(caller, needs, flow):
            raise refused(caller, whom)

    def who_may(self, caller: Caller, needs: Needs, flow: str) -> str:
        """Whom this is for, in words, where it is not for the caller; empty where it is."""
        if needs.action and not self.may(caller, needs.action, flow, needs.role):
            listed = self._permissions.get(flow, {}).get(needs.action)
            return words_of(listed) if listed is not None else f"the role {needs.role}"
        if not needs.action and not caller.is_at_least(needs.role):
            return f"the role {needs.role}"
        return ""

    def may(self, caller: Caller, action: str, flow: str, role: str) -> bool:
        """Whether a caller may do this to a flow: by its file, else by the role."""
        listed = self._permissions.get(flow, {}).get(action)
        return caller.is_at_least(role) if listed is None else caller.is_one_of(listed)

    def hidden(self, caller: Caller) -> frozenset[str]:
        """The flows that a caller may not see."""
        if caller.role == "admin" or not self._permissions:
            return frozenset()
        flows = self._permissions
        return frozenset(flow for flow in flows if not self.may(caller, "view", flow, "viewer"))

    def restricts(self, flow: str) -> bool:
        """Whether a flow says anything about who may."""
        return flow in self._permissions

    def learn(self, compiled: dict[str, Any]) -> None:
        """Take in what the present version of a flow allows to whom."""
        flow, found = compiled["name"], compiled.get("permissions") or {}
        if self._permissions.get(flow, {}) == found:
            return
        if found:
            self._permissions[flow] = found
            self._journal.add_row("upsert_flow_permissions", [flow, found])
        else:
            del self._permissions[flow]
            self._journal.add_row("delete_flow_permissions", [flow])
        self.on_change(None)


def refused(caller: Caller, needed: str) -> NotAllowed:
    """The error for a caller who may not."""
    return NotAllowed(
        f"{caller.name} ({caller.role}) may not do this: it is for {needed}",
        "ask an admin of this server",
    )
