"""The console's lines to its engines: one, or several servers side by side.

One session for the whole app, on its event loop. One link is meant at a time: that of the server
whose execution is selected; what a screen asks goes there, and its windows stay where they were
opened. A request is bound to its link when it is made, not when it is sent.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from engine.client.console import find_among, meant, quote, with_query
from wingman_tui.lines import Refused
from wingman_tui.link import Link

if TYPE_CHECKING:
    from engine.client.console import Home, Server
    from wingman_tui.early import EarlyLook

Asked = Coroutine[Any, Any, dict[str, Any]]
EVENTS_LIMIT = 1000


class Feeds:
    """The feeds of all links as one: a window is opened where it is meant, and stays there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._where: dict[int, Link] = {}

    @property
    def is_live(self) -> bool:
        """Whether the link that is meant is up."""
        return self._session.link.feed.is_live

    def open(
        self,
        request: dict[str, Any],
        on_frame: Callable[[dict[str, Any]], None],
        link: Link | None = None,
    ) -> int:
        """Open a window on the link that is meant, or on this one. Returns its id."""
        where = link or self._session.link
        id_ = where.feed.open(request, on_frame)
        self._where[id_] = where
        return id_

    def move(self, id_: int, **fields: Any) -> None:
        """Change what a window shows; a snapshot follows."""
        if id_ in self._where:
            self._where[id_].feed.move(id_, **fields)

    def close(self, id_: int) -> None:
        """Close a window."""
        if id_ in self._where:
            self._where.pop(id_).feed.close(id_)

    def retry_now(self) -> None:
        """Do not wait for the next attempt to connect."""
        self._session.link.feed.retry_now()


class Session:
    """What the screens use of the engines: windows of the feed, and requests."""

    def __init__(
        self, home: Home, on_change: Callable[[], None], early: EarlyLook | None = None
    ) -> None:
        """`early` is an attempt to find the engine that is under way already.

        Raises UsageError for servers that there are not.
        """
        ids = itertools.count(1)
        words = meant()
        if len(words) > 1:
            find_among(words)  # what is wrong with them together
            self.links = [Link(home, on_change, word, ids) for word in words]
        else:
            self.links = [Link(home, on_change, None, ids, early)]
        self.link = self.links[0]
        self.feed = Feeds(self)
        self.shown = [link.name for link in self.links]  # whose executions are listed

    # which server

    @property
    def is_several(self) -> bool:
        """Whether servers are seen side by side."""
        return len(self.links) > 1

    def named(self, name: object) -> Link:
        """The link of a server's name, else the one that is meant."""
        return next((link for link in self.links if link.name == name), self.link)

    def mean(self, name: object) -> bool:
        """What is asked from now on goes to this server; False where it did already."""
        before, self.link = self.link, self.named(name)
        return self.link is not before

    def bound(self) -> Session:
        """The same, for what goes on with the server that is meant now whatever is meant then."""
        return copy(self)

    def at(self, link: Link) -> Session:
        """The same, for what goes on with this server."""
        found = copy(self)
        found.link = link
        return found

    @property
    def server(self) -> Server | None:
        """The server far away, or None for this machine's engine."""
        return self.link.server

    @property
    def option(self) -> str:
        """What a command line has to say so that it means this server."""
        return f" --server {self.link.name}" if self.link.server is not None else ""

    @property
    def where(self) -> str:
        """` on prod` where it could be another one."""
        return f" on {self.link.name}" if self.is_several else ""

    @property
    def is_archive(self) -> bool:
        """Whether it shows an exported execution."""
        return self.link.is_archive

    @property
    def me(self) -> dict[str, Any]:
        """Who we are there."""
        return self.link.me

    @property
    def bytes_s(self) -> float:
        """What comes from servers far away; 0 on this machine, where it costs nobody anything."""
        return sum(link.feed.pulse.bytes_s for link in self.links if link.feed.is_far)

    @property
    def is_live(self) -> bool:
        """Whether what is shown is the present."""
        return self.link.is_live

    @property
    def may_answer(self) -> bool:
        """Whether what is asked now is answered soon: it is live, or about to be."""
        return self.is_live or not (self.was_live or self.problem)

    @property
    def was_live(self) -> bool:
        """Whether it ever was."""
        return self.link.was_live

    @property
    def last_seen(self) -> float | None:
        """The wall clock of the moment the line was lost."""
        return self.link.last_seen

    @property
    def problem(self) -> str:
        """Why there is no line."""
        return self.link.problem

    @property
    def early(self) -> EarlyLook | None:
        """The attempt to find the engine that began before the console."""
        return self.link.early

    async def run(self) -> None:
        """Hold all links until cancelled."""
        await asyncio.gather(*(link.run() for link in self.links))

    async def start_engine(self) -> None:
        """Find or start the engine that is meant."""
        await self.link.start_engine()

    # what is asked

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Asked:
        """One request to the server that is meant now; Refused with what it said."""
        return self.link.request(method, path, body)

    def act(self, id_: str, verb: str, **body: Any) -> Asked:
        """A verb on an execution."""
        return self.request("POST", f"/v1/executions/{quote(id_)}/{verb}", body)

    def save_runbook(self, id_: str, text: str, version: str) -> Asked:
        """The runbook of an execution's flow, where it is still that version."""
        path = f"/v1/executions/{quote(id_)}/runbook"
        return self.request("PUT", path, {"text": text, "version": version})

    def write_note(self, id_: str, text: str, step: str | None) -> Asked:
        """A note beside an execution, or a step of it."""
        path = f"/v1/executions/{quote(id_)}/notes"
        return self.request("POST", path, {"text": text, "step": step})

    def edit_note(self, id_: str, note: int, text: str) -> Asked:
        """Write a note anew."""
        path = f"/v1/executions/{quote(id_)}/notes/{note}"
        return self.request("PUT", path, {"text": text})

    def remove_note(self, id_: str, note: int) -> Asked:
        """Take a note away."""
        return self.request("DELETE", f"/v1/executions/{quote(id_)}/notes/{note}")

    def start(self, flow: str, inputs: dict[str, Any], debug: bool) -> Asked:
        """Start a flow by name."""
        body = {"flow": flow, "inputs": inputs, "debug": debug, "trigger": "manual"}
        return self.request("POST", "/v1/executions", body)

    def set_debug(self, flow: str, mode: str) -> Asked:
        """Switch a flow's debug mode: on, once or off."""
        path = f"/v1/flows/{quote(flow)}/debug"
        return self.request("POST", path, {"mode": mode})

    def matching(self, query: dict[str, str], limit: int) -> Asked:
        """The newest executions that fit a filter, on all servers that are shown."""
        path = with_query("/v1/executions", limit=limit, **query)
        if not self.is_several:
            return self.request("GET", path)
        return _of_all([link for link in self.links if link.name in self.shown], path)

    def flow(self, name: str) -> Asked:
        """A flow with its inputs."""
        return self.request("GET", f"/v1/flows/{quote(name)}")

    def explain(self, id_: str, what: str) -> Asked:
        """What the engine explains: why, timeline, diff; or values, definition, events."""
        path = f"/v1/executions/{quote(id_)}"
        if what == "values":
            return self.request("GET", path)
        if what == "events":
            query = with_query("/v1/events", execution=id_, limit=EVENTS_LIMIT)
            return self.request("GET", query)
        if what == "definition":
            return self.link.text(f"{path}/definition")
        return self.request("GET", f"{path}/{what}")

    def replay(self, id_: str, at: int | None) -> Asked:
        """The execution as it was at a number of its journal, without one as it is now."""
        query = {} if at is None else {"at": at}
        path = f"/v1/executions/{quote(id_)}/replay"
        return self.request("GET", with_query(path, **query) if query else path)

    def probed(self, id_: str) -> Asked:
        """Why, with what the server of a failed `http` step answers now."""
        return self.request("GET", f"/v1/executions/{quote(id_)}/why?probe=true")

    def plan_of(self, execution: Mapping[str, Any]) -> Asked:
        """What each step of an execution runs, its values put in."""
        return _plan_of(self.link, execution)

    def system(self, what: str, level: str) -> Asked:
        """What the engine tells of itself: its log, doctor, pools, or its facts."""
        if what == "log":
            return self.request("GET", with_query("/v1/engine/log", level=level))
        return self.request("GET", f"/v1/{what}")

    def audit(self, text: str) -> Asked:
        """The newest lines of the audit, those that hold a text."""
        return self.request("GET", with_query("/v1/audit", text=text or None, limit=500))

    def verify_audit(self) -> Asked:
        """Whether the audit is whole."""
        return self.request("GET", "/v1/audit/verify")

    def log_page(self, id_: str, **parameters: Any) -> Asked:
        """A page of log lines before or after a cursor."""
        path = f"/v1/executions/{quote(id_)}/logs/lines"
        return self.request("GET", with_query(path, **parameters))

    def log_find(self, id_: str, **parameters: Any) -> Asked:
        """The next line that matches, with those around it; or where to go on looking."""
        path = f"/v1/executions/{quote(id_)}/logs/find"
        return self.request("GET", with_query(path, **parameters))

    def save_log(
        self, id_: str, name: str, replace: bool, **parameters: Any
    ) -> Asked:
        """All of the chosen lines into a file: its path and size; FileIsThere without `replace`."""
        path = with_query(f"/v1/executions/{quote(id_)}/logs", **parameters)
        return self.link.save(path, name, replace)


async def _plan_of(link: Link, execution: Mapping[str, Any]) -> dict[str, Any]:
    answer = await link.text(f"/v1/executions/{quote(str(execution['id']))}/definition")
    body = {
        "text": answer["text"],
        "source": execution.get("source") or "",
        "inputs": execution.get("inputs") or {},
    }
    return await link.request("POST", "/v1/plan", body)


async def _of_all(links: list[Link], path: str) -> dict[str, Any]:
    """The executions of several servers, each told apart; raises the refusal of who answers."""
    from wingman_tui.merged import told_apart

    answers = await asyncio.gather(
        *(link.request("GET", path) for link in links), return_exceptions=True
    )
    rows, more, refusals = [], None, []
    for link, answer in zip(links, answers, strict=True):
        if isinstance(answer, BaseException):
            if not isinstance(answer, Refused):
                raise answer
            refusals.append(answer)
            continue
        rows += [told_apart(row, link.name) for row in answer["executions"]]
        more = answer.get("next") or more
    if refusals and len(refusals) == len(links):
        raise refusals[0]
    return {"executions": rows, "next": more}
