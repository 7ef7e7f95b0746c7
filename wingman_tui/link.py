"""One server as the console holds it: its feed, its lines for requests, who we are there.

Called by `session`, which has one of them, or several side by side. It tells when the connection
comes or goes, and keeps when the server was last seen alive.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from engine.client.console import (
    HERE,
    Client,
    Server,
    WingmanError,
    current,
    ensure_engine,
    find_among,
)
from engine.client.feed import Feed
from wingman_tui.action import ROLES
from wingman_tui.lines import Lines, Refused, refusing

if TYPE_CHECKING:
    from engine.client.console import Home
    from wingman_tui.early import EarlyLook

WANTS_A_PERSON = ("Permission denied", "verification failed")  # said by an ssh that may not ask


class Link:
    """The way to one server."""

    def __init__(
        self,
        home: Home,
        on_change: Callable[[], None],
        word: str | None,
        ids: Iterator[int],
        early: EarlyLook | None = None,
    ) -> None:
        """`word` names one of several; None means what the environment says, alone.

        `ids` number the windows of all links, `early` is an attempt to find the engine that is
        under way already.
        """
        self._home = home
        self._word = word
        self._on_change = on_change
        self.server = self._find()  # far away, or None for this machine's engine
        self.name = self.server.name if self.server is not None else HERE
        self.early = early
        self.lines = Lines(self.client)
        self.feed = Feed(home.text("socket"), self._feed_changed, self._find, ids)
        # an exported execution that somebody has opened
        archive = os.path.join(home.text("root"), "archive", "wingman.json")
        self.is_archive = self.server is None and os.path.isfile(archive)
        self.me: dict[str, Any] = {}  # who we are there, and what it is
        self.was_live = False
        self.last_seen: float | None = None  # wall clock of the moment the line was lost
        self.problem = ""
        self.trouble = ""  # what keeps a lost line from being found again, and what to do

    def _find(self) -> Server | None:
        """The server as its entry is now: a token or a certificate may be another one."""
        return current() if self._word is None else find_among([self._word])[0]

    def client(self) -> Client:
        """A new line for requests."""
        server = self._find()
        if server is None and self._word is not None:
            return ensure_engine(self._home, here=True)
        return Client(self._home, server.transport() if server is not None else None)

    @property
    def is_live(self) -> bool:
        """Whether what is shown is the present."""
        return self.feed.is_live

    @property
    def _is_ssh(self) -> bool:
        return self.server is not None and self.server.is_ssh

    @property
    def role(self) -> str:
        """What we are there; empty until it is known. Whoever opens an archive only looks."""
        return ROLES[0] if self.is_archive else str(self.me.get("role") or "")

    @property
    def is_production(self) -> bool:
        """Whether it is marked: here, or by its own configuration."""
        marked = self.server is not None and self.server.production
        return marked or bool(self.me.get("production"))

    @property
    def missing_words(self) -> str:
        """Why nothing can be changed while the line is down."""
        return "the line is lost" if self.server is not None else "no engine answers (S starts it)"

    async def run(self) -> None:
        """Start the engine if there is none, then hold the feed until cancelled."""
        try:
            if self.early is None:
                await self.start_engine()
            else:
                await asyncio.to_thread(self.early.join)
                if self.early.problem is not None:
                    self.problem = str(self.early.problem)
                self._on_change()
            await self.feed.run()
        finally:
            self.lines.close()

    async def start_engine(self) -> None:
        """Find or start the engine; a failure is shown, and the feed goes on trying."""
        try:
            await asyncio.to_thread(refusing, self._reach)
        except Refused as refused:
            self.problem = str(refused)
            self._on_change()
        self.feed.retry_now()

    def _reach(self) -> None:
        if self.server is None:
            ensure_engine(self._home, here=self._word is not None).close()
        else:
            client = self.client()
            client.connect()
            client.close()

    def _feed_changed(self, live: bool, why: str) -> None:
        if live:
            self.was_live, self.last_seen, self.problem, self.trouble = True, None, "", ""
            self._asking = asyncio.ensure_future(self._ask_who())
        elif self.was_live and self.last_seen is None:
            silent_s = self.feed.pulse.silent_s if self.feed.is_far else 0.0
            self.last_seen = time.time() - silent_s
        elif why and not self.problem and not self.was_live:
            self.problem = why
        elif self._is_ssh and any(word in why for word in WANTS_A_PERSON):
            self.trouble = "ssh cannot log in again without you: leave and attach once more"
        self._on_change()

    async def _ask_who(self) -> None:
        """Who we are there, what we may, and what it is; it may have changed meanwhile."""
        try:
            self.me = await self.request("GET", "/v1/me")
        except Refused as refused:
            if self.server is None:
                return  # an engine of an older version: we are its owner
            self.problem = str(refused)
        self._on_change()

    async def request(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One request; Refused with what the engine said, or that there is none.

        A change whose answer is lost is asked for again by itself, with the same key; one that is
        wanted while the line is down is refused: what was seen when it was meant may be over.
        """
        if method != "GET" and not self.is_live:
            raise Refused(f"that is not possible now: {self.missing_words}")
        return await asyncio.to_thread(self.lines.request, method, path, body)

    async def text(self, path: str) -> dict[str, Any]:
        """A text answer under the key `text`."""
        return await asyncio.to_thread(self.lines.text, path)

    async def save(self, path: str, name: str, replace: bool) -> dict[str, Any]:
        """A streamed answer into a file: its path and size, or that it is there already."""
        return await asyncio.to_thread(self._save, path, name, replace)

    def _save(self, path: str, name: str, replace: bool) -> dict[str, Any]:
        from wingman_tui.save_log import FileIsThere, save

        client = refusing(self.client)
        try:
            chunks = refusing(lambda: client.stream("GET", path))
            saved, size_bytes = save(chunks, name, replace=replace)
        except FileIsThere:
            return {"is_there": True}
        except WingmanError as error:
            raise Refused(error.message, error.hint) from error
        except OSError as error:
            raise Refused(f"cannot write {name}: {error.strerror or error}") from error
        finally:
            client.close()
        return {"path": saved, "size_bytes": size_bytes}
