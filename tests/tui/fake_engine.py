"""A small engine that is told what to show: the real protocol over a real Unix socket.

For the console's tests and for its pictures. It keeps plain rows, speaks docs/protocols.md
section 4 and remembers every request; it runs nothing. `python -m tests.tui.fake_engine HOME`
serves the demo.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.tui.fake_feed import Connection
from tests.tui.rows import Row, execution, step

EXPLAINED = ["events", "engine/log", "engine", "doctor", "audit", "audit/verify", "pools", "inbox/{id}"]
UNKNOWN = JSONResponse({"error": {"code": "unknown_reference", "message": "unknown"}}, 404)
LEVELS = ("debug", "info", "warning", "error")
MOMENT = {"at": "2026-11-28T02:00:00Z", "local": "2026-11-28T03:00:00+01:00"}


class FakeEngine:
    """Rows that a test changes, served until it is stopped."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.executions: list[Row] = []  # newest first
        self.of_newest: int | None = None
        self.steps: dict[str, list[Row]] = {}
        self.logs: dict[str, list[Row]] = {}
        self.flows: list[Row] = []
        self.asked: list[str] = []  # which of `explained` were
        self.requests: list[tuple[str, str, Row]] = []
        self.triggers: list[Row] = []
        self.ledgers: dict[str, list[Row]] = {}  # by name of the trigger
        self.inbox: list[Row] = []
        self.alerts: list[Row] = []
        self.told: list[Row] = []  # what channels deliver to the console
        self.machine: Row = {}  # a frame of the machine's window
        self.shares: dict[str, int] = {}  # percent of the machine that are in use
        self.explained: dict[str, Any] = {}  # why, timeline, diff, definition, events -> answer
        self.refusals: dict[str, tuple[int, Row]] = {}  # path ending -> status and error
        self.opened: list[Row] = []  # every message of the feed
        self.frame_pause_s = 0.02
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None

    # life

    def start(self) -> None:
        """Listen; returns when requests are answered."""
        run = self.home / "run"
        for path in (self.home, run, self.home / "logs", self.home / "flows"):
            path.mkdir(mode=0o700, exist_ok=True, parents=True)
        path = run / "engine.sock"
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen(16)
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(listener, ready), daemon=True)
        self._thread.start()
        assert ready.wait(20), "the fake engine did not start"

    def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        config = uvicorn.Config(
            self._app(),
            log_level="error",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        loop = asyncio.new_event_loop()
        self._loop = loop

        async def serve() -> None:
            assert self._server is not None
            loop.call_later(0.01, ready.set)
            await self._server.serve(sockets=[listener])

        loop.run_until_complete(serve())
        loop.close()

    def stop(self) -> None:
        """Hang up and go away, the socket with it."""
        if self._server is None or self._thread is None:
            return
        self._server.force_exit = True
        self._server.should_exit = True
        self._thread.join(10)
        listener = self.home / "run" / "engine.sock"
        with contextlib.suppress(FileNotFoundError):
            listener.unlink()
        self._server = None
        self._connections.clear()

    # what a test changes

    def changed(self) -> None:
        """Tell every window that rows are other ones now."""
        if self._loop is not None and not self._loop.is_closed():
            for connection in list(self._connections):
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(connection.dirty.set)

    def update(self, id_: str, **fields: Any) -> None:
        """Change an execution."""
        index = next(i for i, row in enumerate(self.executions) if row["id"] == id_)
        self.executions[index] = {**self.executions[index], **fields}
        self.changed()

    def update_step(self, id_: str, path: str, **fields: Any) -> None:
        """Change a step."""
        steps = self.steps[id_]
        index = next(i for i, step in enumerate(steps) if step["path"] == path)
        steps[index] = {**steps[index], **fields}
        self.changed()

    def add(self, execution: Row, steps: list[Row] | None = None) -> None:
        """A new execution, the newest."""
        self.executions.insert(0, execution)
        self.steps[execution["id"]] = steps or []
        self.changed()

    def log(self, id_: str, *lines: Row) -> None:
        """Append log lines."""
        held = self.logs.setdefault(id_, [])
        for line in lines:
            held.append({"cursor": f"{len(held)}:0", **line})
        self.changed()

    # what is asked

    def find(self, reference: str) -> Row | None:
        """The execution of a reference."""
        for row in self.executions:
            if reference in (row["id"], f"{row['flow']}#{row['number']}", "@last"):
                return row
        return None

    def matching(self, text: str) -> list[Row]:
        """The executions of a filter."""
        rows = self.executions
        for word in text.split():
            name, colon, value = word.partition(":")
            if colon and name in ("state", "flow", "type", "trigger"):
                rows = [row for row in rows if row.get(name) in value.split(",")]
            elif not colon:
                rows = [row for row in rows if word in row["flow"]]
        return rows

    def log_lines(self, id_: str, steps: list[str] | None, level: str, grep: str) -> list[Row]:
        """The lines of a log window."""
        least = LEVELS.index(level or "debug")
        return [
            line
            for line in self.logs.get(id_, [])
            if (not steps or any(f"{line['step']}/".startswith(f"{step}/") for step in steps))
            and LEVELS.index(line["level"]) >= least
            and (not grep or grep in line["text"])
        ]

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/healthz", lambda request: JSONResponse({"status": "ok"})),
                Route("/v1/executions", self._start, methods=["POST"]),
                Route("/v1/executions", self._list),
                Route("/v1/executions/{ref}/logs/lines", self._lines),
                Route("/v1/executions/{ref}/logs", self._log_text),
                Route("/v1/executions/{ref}/logs/find", self._find),
                Route("/v1/executions/{ref}/notes/{n}", self._changed, methods=["PUT", "DELETE"]),
                Route("/v1/executions/{ref}/{verb}", self._verb, methods=["POST"]),
                Route("/v1/executions/{ref}/{verb}", self._explain),
                Route("/v1/executions/{ref}", self._show),
                *(Route(f"/v1/{path}", self._explain) for path in EXPLAINED),
                Route("/v1/inbox/{id}/{verb}", self._changed, methods=["POST"]),
                Route("/v1/alerts/{id}/ack", self._changed, methods=["POST"]),
                Route("/v1/plan", self._explain, methods=["POST"]),
                Route("/v1/triggers/{name}/ledger", self._ledger),
                Route("/v1/triggers/{name}/next", lambda request: JSONResponse({"moments": [MOMENT]})),
                Route("/v1/triggers/{name}/{verb}", self._switch, methods=["POST"]),
                Route("/v1/flows/{name}/debug", self._debug, methods=["POST"]),
                Route("/v1/flows/{name}", self._flow),
                WebSocketRoute("/v1/feed", self._feed),
            ]
        )

    async def _note(self, request: Request) -> Row | JSONResponse:
        data = await request.body()
        body: Row = json.loads(data) if data else {}
        self.requests.append((request.method, unquote(request.url.path), body))
        for ending, (status, error) in self.refusals.items():
            if request.url.path.endswith(ending):
                return JSONResponse({"error": error}, status)
        return body

    async def _changed(self, request: Request) -> JSONResponse:
        return JSONResponse(await self._note(request))

    async def _start(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        number = 1 + max([r["number"] for r in self.executions if r["flow"] == body["flow"]] or [0])
        row = execution(body["flow"], number, "running", inputs=body.get("inputs", {}))
        self.add(row, [step("only", "running")])
        return JSONResponse({k: row[k] for k in ("id", "flow", "number", "state")}, 201)

    async def _list(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        query = dict(request.query_params)
        limit = int(query.pop("limit", 50))
        words = [query.pop("text", ""), *(f"{name}:{value}" for name, value in query.items())]
        rows = self.matching(" ".join(words))
        more = str(limit) if len(rows) > limit else None
        return JSONResponse({"executions": rows[:limit], "next": more})

    async def _verb(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        row = self.find(unquote(request.path_params["ref"]))
        if row is None:
            return JSONResponse({"error": {"code": "unknown_reference", "message": "none"}}, 404)
        verb = request.path_params["verb"]
        if verb == "rerun":
            number = 1 + max(r["number"] for r in self.executions if r["flow"] == row["flow"])
            row = execution(row["flow"], number, "queued", inputs=body.get("inputs", {}))
            self.add(row, [step("only", "pending")])
        state = {
            "cancel": "cancelled", "kill": "cancelled", "pause": "paused", "continue": "running",
            "retry": "queued",
        }.get(verb, row["state"])  # fmt: skip
        self.update(row["id"], state=state)
        return JSONResponse({**{k: row[k] for k in ("id", "flow", "number")}, "state": state})

    async def _explain(self, request: Request) -> Response:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        asked = f"?{request.url.query}" if request.url.query else ""
        what = request.url.path.rpartition("/")[2]
        answer = self.explained.get(what + asked, self.explained.get(what))
        if what + asked in self.explained:
            self.asked.append(what + asked)
        if answer is None:
            error = {"code": "unknown_reference", "message": "nobody knows"}
            return JSONResponse({"error": error}, 404)
        return PlainTextResponse(answer) if isinstance(answer, str) else JSONResponse(answer)

    async def _show(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        row = self.find(unquote(request.path_params["ref"]))
        if row is None:
            return UNKNOWN
        return JSONResponse({**row, "steps": self.steps.get(row["id"], [])})

    async def _lines(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        query = request.query_params
        row = self.find(unquote(request.path_params["ref"]))
        assert row is not None
        lines = self._wanted(row["id"], query)
        cursors = [line["cursor"] for line in lines]
        limit = int(query.get("limit", 50))
        if "after" not in query:
            end = cursors.index(query["before"]) if "before" in query else len(lines)
            page = lines[max(0, end - limit) : end]
            more = page[0]["cursor"] if page and end - limit > 0 else None
            return JSONResponse({"lines": page, "before": more, "more": False})
        start = cursors.index(query["after"]) + 1
        page = lines[start : start + limit]
        return JSONResponse({"lines": page, "before": None, "more": start + limit < len(lines)})

    def _wanted(self, id_: str, query: Any, **other: str) -> list[Row]:
        words = {**query, **other}
        return self.log_lines(
            id_, query.getlist("step"), words.get("level", ""), words.get("grep", "")
        )

    async def _log_text(self, request: Request) -> Response:
        row = self.find(unquote(request.path_params["ref"]))
        assert row is not None
        lines = self._wanted(row["id"], request.query_params)
        return PlainTextResponse("".join(f"{line['text']}\n" for line in lines))

    async def _find(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        query = request.query_params
        row = self.find(unquote(request.path_params["ref"]))
        assert row is not None
        sought = {"grep": query["find"]} if "find" in query else {"level": query["find_level"]}
        start, back = query.get("from"), "back" in query
        ahead = [
            line
            for line in self._wanted(row["id"], query, **sought)
            if start is None or (_at(line) < _at(start) if back else _at(line) > _at(start))
        ]
        if not ahead:
            return JSONResponse({"found": None, "lines": [], "go_on": None})
        found = ahead[-1 if back else 0]
        lines, half = self._wanted(row["id"], query), int(query["limit"]) // 2
        at = lines.index(found)
        return JSONResponse({
            "found": found["cursor"], "lines": lines[max(0, at - half) : at + half],
            "more_before": at > half, "more_after": at + half < len(lines), "go_on": None,
        })  # fmt: skip

    async def _ledger(self, request: Request) -> Response:
        start, count = (int(request.query_params.get(name, 0)) for name in ("before", "limit"))
        left = self.ledgers.get(request.path_params["name"], [])[start:]
        more = start + count if count < len(left) else None
        return JSONResponse({"occasions": left[:count], "next": more})

    async def _switch(self, request: Request) -> Response:
        name, verb = request.path_params["name"], request.path_params["verb"]
        self.asked.append(f"{verb} {name}")
        self.triggers = [dict(each) for each in self.triggers]
        row = next(row for row in self.triggers if row["name"] == name)
        paused = {"by": "ada", "at": "2026-11-27T11:00:00.000000Z", "reason": ""}
        row["paused"] = paused if verb == "pause" else None
        self.changed()
        return JSONResponse(row)

    async def _flow(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        name = unquote(request.path_params["name"])
        found = [flow for flow in self.flows if flow["name"] == name]
        return JSONResponse(found[0]) if found else UNKNOWN

    async def _debug(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        name = unquote(request.path_params["name"])
        self.flows = [
            {**flow, "debug": body["mode"]} if flow["name"] == name else flow for flow in self.flows
        ]
        self.changed()
        return JSONResponse({"name": name, "debug": body["mode"]})

    async def _feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        connection = Connection(self, websocket)
        self._connections.add(connection)
        sender = asyncio.create_task(connection.send_all())
        try:
            while True:
                message = json.loads(await websocket.receive_text())
                self.opened.append(message)
                connection.take(message)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._connections.discard(connection)
            sender.cancel()


def _at(line: Row | str) -> list[int]:
    return [int(part) for part in (line if isinstance(line, str) else line["cursor"]).split(":")]


if __name__ == "__main__":
    from tests.tui.demo import fill

    engine = FakeEngine(Path(sys.argv[1]))
    fill(engine, float(os.environ.get("WINGMAN_DEMO_NOW") or time.time()))
    engine.start()
    threading.Event().wait()
