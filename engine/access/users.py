"""Users and tokens of one engine: changed by admins, journaled before it is answered."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from engine.access import tokens
from engine.access.roles import ENGINE, ROLES, USER_NAME, Caller
from engine.clock import Clock
from engine.errors import NotAllowed, Unauthenticated, UnknownReference, UsageError
from engine.journal.database import queries
from engine.journal.journal import Journal
from engine.times import to_text

DAY_US = 86_400_000_000
LONGEST_DAYS = 3650
USED_US = 600_000_000  # how often at most the last use is written down


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token."""

    id: str
    user: str
    digest: str
    label: str
    made_at_us: int
    made_by: str
    expires_at_us: int
    revoked_at_us: int | None = None
    used_at_us: int | None = None

    def row(self) -> list[Any]:
        return [
            self.id, self.user, self.digest, self.label, self.made_at_us, self.made_by,
            self.expires_at_us, self.revoked_at_us, self.used_at_us,
        ]  # fmt: skip


class Users:
    """Who there is. `on_change` hears the name of a user who may do less from now on."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._users: dict[str, tuple[str, int, str]] = {}  # role, set at, set by
        self._tokens: dict[str, Token] = {}
        self.on_change: Callable[[str], None] = lambda user: None
        connection = journal.reader()
        try:
            for name, *rest in connection.execute(queries()["users"]):
                self._users[name] = (rest[0], rest[1], rest[2])
            for row in connection.execute(queries()["tokens"]):
                self._tokens[row[0]] = Token(*row)
        finally:
            connection.close()

    # -- who asks --------------------------------------------------------------------------

    def by_token(self, text: str, origin: str) -> Caller:
        """The caller whom a token names. Raises Unauthenticated, the same for all that is wrong."""
        parts = tokens.parts_of(text)
        id_, secret = parts or ("", "")
        token = self._tokens.get(id_)
        fits = tokens.is_digest(secret, token.digest if token else tokens.NOBODYS)
        now_us = self._clock.now_us()
        if token is None or not fits or token.revoked_at_us is not None:
            raise Unauthenticated("the token is not valid", "wingman token create makes one")
        if token.expires_at_us <= now_us:
            raise Unauthenticated(
                f"the token has expired: {to_text(token.expires_at_us)}",
                "ask an admin for another: wingman token create",
            )
        if token.user not in self._users:
            raise Unauthenticated("the token is not valid", "wingman token create makes one")
        self._note_use(token, now_us)
        return Caller(token.user, self._users[token.user][0], origin, token.id)

    def by_uid(self, uid: int, name: str) -> Caller:
        """The caller on the engine's own socket: its owner and root may all, others by name."""
        if uid in (os.geteuid(), 0):
            return Caller(name, "admin", is_owner=True)
        if name not in self._users:
            raise NotAllowed(
                f"{name} is no user of this engine",
                f"its owner can allow it: wingman user set {name} --role viewer",
            )
        return Caller(name, self._users[name][0])

    def by_actor(self, actor: str) -> Caller:
        """Who has started an execution, with the role of now: by the name that it keeps.

        Triggers are the engine's own, and the engine's user may all; who is gone may nothing.
        """
        if ":" in actor:  # flow:schedule and the like; no user is called so
            return ENGINE
        if actor in self._users:
            return Caller(actor, self._users[actor][0])
        return Caller(actor, "admin" if actor in _owners() else "viewer")

    def _note_use(self, token: Token, now_us: int) -> None:
        if now_us - (token.used_at_us or 0) > USED_US:
            self._keep(replace(token, used_at_us=now_us))

    # -- users -----------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Every user, with how many tokens work."""
        return [
            {
                "name": name,
                "role": role,
                "set_at": to_text(at_us),
                "set_by": by,
                "tokens": sum(self._works(token) for token in self._of(name)),
            }
            for name, (role, at_us, by) in sorted(self._users.items())
        ]

    async def set(self, name: str, role: str, actor: str) -> dict[str, Any]:
        """Give a user a role; it holds from the next request on."""
        if not re.fullmatch(USER_NAME, name):
            raise UsageError(f"{name!r} is no name of a user", "letters, digits, . _ @ and -")
        if role not in ROLES:
            raise UsageError(f"there is no role {role!r}", f"one of {', '.join(ROLES)}")
        now_us = self._clock.now_us()
        self._users[name] = (role, now_us, actor)
        self._journal.add_row("upsert_user", [name, role, now_us, actor])
        self._journal.add_audit(now_us, actor, "user set", name, role)
        self.on_change(name)
        await self._journal.durable()
        return {"name": name, "role": role}

    async def remove(self, name: str, actor: str) -> dict[str, Any]:
        """Take a user and every token of theirs away."""
        if name not in self._users:
            raise UnknownReference(f"there is no user {name!r}", "wingman user list")
        now_us = self._clock.now_us()
        del self._users[name]
        self._journal.add_row("delete_user", [name])
        for token in self._of(name):
            self._keep(replace(token, revoked_at_us=token.revoked_at_us or now_us))
        self._journal.add_audit(now_us, actor, "user rm", name, "")
        self.on_change(name)
        await self._journal.durable()
        return {"name": name}

    # -- tokens ----------------------------------------------------------------------------

    def token_rows(self) -> list[dict[str, Any]]:
        """Every token, newest first; nothing that opens anything."""
        return [
            {
                "id": token.id,
                "user": token.user,
                "label": token.label,
                "made_at": to_text(token.made_at_us),
                "made_by": token.made_by,
                "expires_at": to_text(token.expires_at_us),
                "revoked_at": to_text(token.revoked_at_us),
                "used_at": to_text(token.used_at_us),
                "works": self._works(token),
            }
            for token in sorted(self._tokens.values(), key=lambda token: -token.made_at_us)
        ]

    async def create(self, user: str, days: float, label: str, actor: str) -> dict[str, Any]:
        """A new token of a user; the answer is the only place where its text ever stands."""
        if user not in self._users:
            raise UnknownReference(
                f"there is no user {user!r}", f"wingman user set {user} --role operator"
            )
        if not 0 < days <= LONGEST_DAYS:
            raise UsageError("a token works for a time", f"more than 0 and at most {LONGEST_DAYS}d")
        if len(label) > 200:
            raise UsageError("a label has at most 200 characters")
        id_, text, digest = tokens.new_token()
        now_us = self._clock.now_us()
        token = Token(id_, user, digest, label, now_us, actor, now_us + int(days * DAY_US))
        self._keep(token)
        self._journal.add_audit(now_us, actor, "token create", f"{user} {id_}", label)
        await self._journal.durable()
        return {"id": id_, "user": user, "token": text, "expires_at": to_text(token.expires_at_us)}

    async def revoke(self, id_: str, actor: str) -> dict[str, Any]:
        """End a token at once, with all that is open by it."""
        token = self._tokens.get(id_)
        if token is None:
            raise UnknownReference(f"there is no token {id_!r}", "wingman token list")
        now_us = self._clock.now_us()
        if token.revoked_at_us is None:
            self._keep(replace(token, revoked_at_us=now_us))
            self._journal.add_audit(now_us, actor, "token revoke", f"{token.user} {id_}", "")
        self.on_change(token.user)
        await self._journal.durable()
        return {"id": id_, "user": token.user}

    def demand_somebody(self) -> None:
        """Raises UsageError where no token works: nobody could be told apart from anybody."""
        if not any(self._works(token) for token in self._tokens.values()):
            raise UsageError(
                "nobody has a token yet, so nobody could be let in",
                "wingman user set NAME --role operator, then wingman token create NAME",
            )

    def still(self, caller: Caller) -> bool:
        """Whether a caller is still the same: the token, if it is by one, works; the role holds."""
        role = self._users.get(caller.name, ("", 0, ""))[0]
        if role != caller.role:
            return False
        token = self._tokens.get(caller.token)
        return not caller.token or (token is not None and self._works(token))

    def expires_in_s(self, caller: Caller) -> float | None:
        """How long a caller's token works; None for who needs none."""
        if not caller.token:
            return None
        return max(0.0, (self._tokens[caller.token].expires_at_us - self._clock.now_us()) / 1e6)

    def _of(self, user: str) -> list[Token]:
        return [token for token in self._tokens.values() if token.user == user]

    def _works(self, token: Token) -> bool:
        return token.revoked_at_us is None and token.expires_at_us > self._clock.now_us()

    def _keep(self, token: Token) -> None:
        self._tokens[token.id] = token
        self._journal.add_row("upsert_token", token.row())


@cache
def _owners() -> frozenset[str]:
    """Who may all: the engine's own user, and root."""
    return frozenset(name_of(uid) for uid in (0, os.geteuid()))


def name_of(uid: int) -> str:
    """What a user of this machine is called; the number where it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
