"""Roles, and whether a caller is among those that something is for. Pure.

Roles are ordered: each includes those before it. `user:NAME` names one user, whatever the role.
"""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("viewer", "operator", "editor", "admin")
USER = "user:"
USER_NAME = r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,62}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user with a role, from where, by which token ("" for a user of this machine)."""

    name: str
    role: str
    origin: str = "socket"
    token: str = ""
    is_owner: bool = False  # the engine's user, or root, on its own socket

    def is_at_least(self, role: str) -> bool:
        """Whether the caller's role includes this one."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def is_one_of(self, listed: list[str]) -> bool:
        """Whether a list of roles and `user:NAME` is for this caller; an admin always may."""
        return self.role == "admin" or any(self._is(entry) for entry in listed)

    def _is(self, entry: str) -> bool:
        if entry.startswith(USER):
            return entry.removeprefix(USER) == self.name
        return entry in ROLES and self.is_at_least(entry)


ENGINE = Caller("engine", "admin", "engine")


def words_of(listed: list[str]) -> str:
    """The list in words: `operator or user:anna`."""
    return " or ".join(listed) or "nobody"
