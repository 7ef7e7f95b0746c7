"""The console's line to its engine: finds or starts it, keeps the feed up, carries requests.

One session for the whole app, on its event loop; blocking HTTP goes through threads. It tells the
app when the connection comes or goes, and keeps when it was last seen alive.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.client.console import Client, WingmanError, current, ensure_engine, quote, with_query
from engine.client.feed import Feed
from wingman_tui.lines import Lines, Refused, refusing

if TYPE_CHECKING:
    from engine.client.console import Home
    from wingman_tui.early import EarlyLook


EVENTS_LIMIT = 1000


class Session:
    """What the screens use of the engine: windows of the feed, and requests."""

    def __init__(
        self, home: Home, on_change: Callable[[], None], early: EarlyLook | None = None
    ) -> None:
        """`early` is an attempt to find the engine that is under way already."""
        self._home = home
        self._lines = Lines(home)
        self.early = early
        self._on_change = on_change
        self.feed = Feed(home.text("socket"), self._feed_changed)
        self.server = current()  # far away, or None for this machine's engine
        # an exported execution that somebody has opened
        self.is_archive = os.path.isfile(os.path.join(home.text("root"), "archive", "wingman.json"))
        self.me: dict[str, Any] = {}  # who we are there
        self.was_live = False
        self.last_seen: float | None = None  # wall clock of the moment the line was lost
        self.problem = ""

    @property
    def bytes_s(self) -> float:
        """What comes from a server far away; 0 on this machine, where it costs nobody anything."""
        return self.feed.pulse.bytes_s if self.feed.is_far else 0.0

    @property
    def is_live(self) -> bool:
        """Whether what is shown is the present."""
        return self.feed.is_live

    async def run(self) -> None:
        """Start the engine if there is none, then hold the feed until cancelled."""
        try:
            await self._run()
        finally:
            self._lines.close()

    async def _run(self) -> None:
        if self.early is None:
            await self.start_engine()
        else:
            await asyncio.to_thread(self.early.join)
            if self.early.problem is not None:
                self.problem = str(self.early.problem)
            self._on_change()
        await self.feed.run()

    async def start_engine(self) -> None:
        """Find or start the engine; a failure is shown, and the feed goes on trying."""
        try:
            await asyncio.to_thread(_ensure, self._home)
        except Refused as refused:
            self.problem = str(refused)
            self._on_change()
        self.feed.retry_now()

    def _feed_changed(self, live: bool, why: str) -> None:
        if live:
            self.was_live, self.last_seen, self.problem = True, None, ""
            if self.server is not None or self.is_archive:
                self._asking = asyncio.ensure_future(self._ask_who())
        elif self.was_live and self.last_seen is None:
            self.last_seen = time.time() - (self.feed.pulse.silent_s if self.feed.is_far else 0.0)
        self._on_change()

    async def _ask_who(self) -> None:
        """Who we are on a server far away, and what we may; it may have changed meanwhile."""
        try:
            self.me = await self.request("GET", "/v1/me")
        except Refused as refused:
            self.problem = str(refused)
        self._on_change()

    async def request(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One request; Refused with what the engine said, or that there is none.

        A change whose answer is lost is asked for again by itself, with the same key.
        """
        return await asyncio.to_thread(self._lines.request, method, path, body)

    async def act(self, id_: str, verb: str, **body: Any) -> dict[str, Any]:
        """A verb on an execution."""
        return await self.request("POST", f"/v1/executions/{quote(id_)}/{verb}", body)

    async def save_runbook(self, id_: str, text: str, version: str) -> dict[str, Any]:
        """The runbook of an execution's flow, where it is still that version."""
        path = f"/v1/executions/{quote(id_)}/runbook"
        return await self.request("PUT", path, {"text": text, "version": version})

    async def write_note(self, id_: str, text: str, step: str | None) -> dict[str, Any]:
        """A note beside an execution, or a step of it."""
        path = f"/v1/executions/{quote(id_)}/notes"
        return await self.request("POST", path, {"text": text, "step": step})

    async def edit_note(self, id_: str, note: int, text: str) -> dict[str, Any]:
        """Write a note anew."""
        path = f"/v1/executions/{quote(id_)}/notes/{note}"
        return await self.request("PUT", path, {"text": text})

    async def remove_note(self, id_: str, note: int) -> dict[str, Any]:
        """Take a note away."""
        return await self.request("DELETE", f"/v1/executions/{quote(id_)}/notes/{note}")

    async def start(self, flow: str, inputs: dict[str, Any], debug: bool) -> dict[str, Any]:
        """Start a flow by name."""
        body = {"flow": flow, "inputs": inputs, "debug": debug, "trigger": "manual"}
        return await self.request("POST", "/v1/executions", body)

    async def set_debug(self, flow: str, mode: str) -> dict[str, Any]:
        """Switch a flow's debug mode: on, once or off."""
        path = f"/v1/flows/{quote(flow)}/debug"
        return await self.request("POST", path, {"mode": mode})

    async def matching(self, query: dict[str, str], limit: int) -> dict[str, Any]:
        """The newest executions that fit a filter."""
        return await self.request("GET", with_query("/v1/executions", limit=limit, **query))

    async def flow(self, name: str) -> dict[str, Any]:
        """A flow with its inputs."""
        return await self.request("GET", f"/v1/flows/{quote(name)}")

    async def explain(self, id_: str, what: str) -> dict[str, Any]:
        """What the engine explains: why, timeline, diff; or values, definition, events."""
        path = f"/v1/executions/{quote(id_)}"
        if what == "values":
            return await self.request("GET", path)
        if what == "events":
            query = with_query("/v1/events", execution=id_, limit=EVENTS_LIMIT)
            return await self.request("GET", query)
        if what == "definition":
            return await asyncio.to_thread(self._lines.text, f"{path}/definition")
        return await self.request("GET", f"{path}/{what}")

    async def replay(self, id_: str, at: int | None) -> dict[str, Any]:
        """The execution as it was at a number of its journal, without one as it is now."""
        query = {} if at is None else {"at": at}
        path = f"/v1/executions/{quote(id_)}/replay"
        return await self.request("GET", with_query(path, **query) if query else path)

    async def probed(self, id_: str) -> dict[str, Any]:
        """Why, with what the server of a failed `http` step answers now."""
        return await self.request("GET", f"/v1/executions/{quote(id_)}/why?probe=true")

    async def plan_of(self, execution: Mapping[str, Any]) -> dict[str, Any]:
        """What each step of an execution runs, its values put in."""
        path = f"/v1/executions/{quote(str(execution['id']))}/definition"
        answer = await asyncio.to_thread(self._lines.text, path)
        body = {
            "text": answer["text"],
            "source": execution.get("source") or "",
            "inputs": execution.get("inputs") or {},
        }
        return await self.request("POST", "/v1/plan", body)

    async def system(self, what: str, level: str) -> dict[str, Any]:
        """What the engine tells of itself: its log, doctor, pools, or its facts."""
        if what == "log":
            return await self.request("GET", with_query("/v1/engine/log", level=level))
        return await self.request("GET", f"/v1/{what}")

    async def audit(self, text: str) -> dict[str, Any]:
        """The newest lines of the audit, those that hold a text."""
        return await self.request("GET", with_query("/v1/audit", text=text or None, limit=500))

    async def verify_audit(self) -> dict[str, Any]:
        """Whether the audit is whole."""
        return await self.request("GET", "/v1/audit/verify")

    async def log_page(self, id_: str, **parameters: Any) -> dict[str, Any]:
        """A page of log lines before or after a cursor."""
        path = f"/v1/executions/{quote(id_)}/logs/lines"
        return await self.request("GET", with_query(path, **parameters))

    async def log_find(self, id_: str, **parameters: Any) -> dict[str, Any]:
        """The next line that matches, with those around it; or where to go on looking."""
        path = f"/v1/executions/{quote(id_)}/logs/find"
        return await self.request("GET", with_query(path, **parameters))

    async def save_log(
        self, id_: str, name: str, replace: bool, **parameters: Any
    ) -> dict[str, Any]:
        """All of the chosen lines into a file: its path and size; FileIsThere without `replace`."""
        path = with_query(f"/v1/executions/{quote(id_)}/logs", **parameters)
        return await asyncio.to_thread(_save, self._home, path, name, replace)


def _save(home: Home, path: str, name: str, replace: bool) -> dict[str, Any]:
    from wingman_tui.save_log import FileIsThere, save

    client = Client(home)
    try:
        saved, size_bytes = save(
            refusing(lambda: client.stream("GET", path)), name, replace=replace
        )
    except FileIsThere:
        return {"is_there": True}
    except WingmanError as error:
        raise Refused(error.message, error.hint) from error
    except OSError as error:
        raise Refused(f"cannot write {name}: {error.strerror or error}") from error
    finally:
        client.close()
    return {"path": saved, "size_bytes": size_bytes}


def _ensure(home: Home) -> None:
    refusing(lambda: ensure_engine(home).close())
