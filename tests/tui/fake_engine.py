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
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

Row = dict[str, Any]
LEVELS = ("debug", "info", "warning", "error")


class FakeEngine:
    """Rows that a test changes, served until it is stopped."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.executions: list[Row] = []  # newest first
        self.steps: dict[str, list[Row]] = {}
        self.logs: dict[str, list[Row]] = {}
        self.flows: list[Row] = []
        self.requests: list[tuple[str, str, Row]] = []
        self.refusals: dict[str, tuple[int, Row]] = {}  # path ending -> status and error
        self.opened: list[Row] = []  # every message of the feed
        self.frame_pause_s = 0.02
        self._connections: set[_Connection] = set()
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

    def log_lines(self, id_: str, step: str | None, level: str, grep: str | None) -> list[Row]:
        """The lines of a log window."""
        least = LEVELS.index(level)
        return [
            line
            for line in self.logs.get(id_, [])
            if (step is None or line["step"] == step)
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
                Route("/v1/executions/{ref}/{verb}", self._verb, methods=["POST"]),
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
        limit = int(request.query_params.get("limit", 50))
        more = str(limit) if len(self.executions) > limit else None
        return JSONResponse({"executions": self.executions[:limit], "next": more})

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
            "cancel": "cancelled",
            "kill": "cancelled",
            "pause": "paused",
            "continue": "running",
            "retry": "queued",
        }.get(verb, row["state"])
        self.update(row["id"], state=state)
        return JSONResponse({**{k: row[k] for k in ("id", "flow", "number")}, "state": state})

    async def _lines(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        query = request.query_params
        row = self.find(unquote(request.path_params["ref"]))
        assert row is not None
        lines = self.log_lines(
            row["id"], query.get("step"), query.get("level", "debug"), query.get("grep")
        )
        cursors = [line["cursor"] for line in lines]
        limit = int(query.get("limit", 50))
        if "before" in query:
            end = cursors.index(query["before"])
            page = lines[max(0, end - limit) : end]
            more = page[0]["cursor"] if page and end - limit > 0 else None
            return JSONResponse({"lines": page, "before": more, "after": None})
        start = cursors.index(query["after"]) + 1
        page = lines[start : start + limit]
        more = page[-1]["cursor"] if start + limit < len(lines) else None
        return JSONResponse({"lines": page, "before": None, "after": more})

    async def _flow(self, request: Request) -> JSONResponse:
        body = await self._note(request)
        if isinstance(body, JSONResponse):
            return body
        name = unquote(request.path_params["name"])
        found = [flow for flow in self.flows if flow["name"] == name]
        if not found:
            error = {"code": "unknown_reference", "message": f"there is no flow {name}"}
            return JSONResponse({"error": error}, 404)
        return JSONResponse(found[0])

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
        connection = _Connection(self, websocket)
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


class _Connection:
    """One console: its windows, and what each was told last."""

    def __init__(self, engine: FakeEngine, websocket: WebSocket) -> None:
        self.engine = engine
        self.websocket = websocket
        self.windows: dict[int, Row] = {}
        self.told: dict[int, Row] = {}
        self.dirty = asyncio.Event()

    def take(self, message: Row) -> None:
        """A message of the console."""
        id_ = message["id"]
        if message["op"] == "close":
            self.windows.pop(id_, None)
            return
        self.windows[id_] = {**self.windows.get(id_, {}), **message}
        self.told.pop(id_, None)
        self.dirty.set()

    async def send_all(self) -> None:
        """Send what changed, whenever something did."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await self.dirty.wait()
                self.dirty.clear()
                for id_, window in list(self.windows.items()):
                    frame = self._frame(id_, window)
                    if frame is not None:
                        await self.websocket.send_text(json.dumps(frame))
                await asyncio.sleep(self.engine.frame_pause_s)

    def _frame(self, id_: int, window: Row) -> Row | None:
        now = getattr(self, "_" + window["window"])(window)
        told = self.told.get(id_)
        if "error" in now:
            self.told[id_] = {**now, "version": 0}
            return {"id": id_, "kind": "error", **now} if told is None else None
        version = (told or {}).get("version", 0) + 1
        self.told[id_] = {**now, "version": version}
        head = {"id": id_, "version": version}
        if told is None:
            return {**head, "kind": "snapshot", **now}
        changes = _difference(told, now)
        if not changes:
            self.told[id_]["version"] = version - 1
            return None
        return {**head, "kind": "update", **changes}

    def _executions(self, window: Row) -> Row:
        rows = self.engine.matching(window.get("filter", ""))
        offset = window.get("offset", 0)
        held = rows[offset : offset + window.get("limit", 60)]
        counts: dict[str, int] = {}
        for row in self.engine.executions:
            counts[row["state"]] = counts.get(row["state"], 0) + 1
        return {
            "rows": held,
            "order": [row["id"] for row in held],
            "total": len(rows),
            "total_exact": True,
            "counts": counts,
            "offset": offset,
        }

    def _execution(self, window: Row) -> Row:
        row = self.engine.find(window["ref"])
        if row is None:
            return {"error": {"code": "unknown_reference", "message": f"no {window['ref']}"}}
        return {"execution": row, "steps": self.engine.steps.get(row["id"], [])}

    def _log(self, window: Row) -> Row:
        row = self.engine.find(window["ref"])
        if row is None:
            return {"lines": [], "more_before": False, "all": 0}
        lines = self.engine.log_lines(
            row["id"], window.get("step"), window.get("level", "debug"), window.get("grep")
        )
        limit = window.get("limit", 200)
        return {"lines": lines[-limit:], "more_before": len(lines) > limit, "all": len(lines)}

    def _flows(self, window: Row) -> Row:
        return {"flows": self.engine.flows}

    def _machine(self, window: Row) -> Row:
        return {"gauges": {}}


def _difference(told: Row, now: Row) -> Row:
    """What an update holds, after what was told last."""
    if "all" in now:  # a log: what was appended, the latest of it
        new = now["all"] - told["all"]
        if new <= 0:
            return {}
        lines = now["lines"][-new:] if new <= len(now["lines"]) else now["lines"]
        return {"lines": lines, "skipped": new - len(lines)}
    changes: Row = {}
    for name in ("rows", "steps"):
        if name in now:
            key = "id" if name == "rows" else "path"
            old = {row[key]: row for row in told[name]}
            changed = [row for row in now[name] if old.get(row[key]) != row]
            if changed:
                changes[name] = changed
    for name in ("order", "total", "counts", "flows", "execution"):
        if name in now and now[name] != told[name]:
            changes[name] = now[name]
    return changes


# rows


def stamp(seconds: float) -> str:
    """A time of the wire, from seconds since the epoch."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1_000_000):06d}Z"


def execution(flow: str, number: int, state: str, **fields: Any) -> Row:
    """An execution's row, complete."""
    return {
        "id": f"0193-{flow}-{number:06d}",
        "flow": flow,
        "number": number,
        "state": state,
        "type": "",
        "tags": [],
        "trigger": "manual",
        "actor": "ops",
        "version": "0" * 64,
        "attempt": 1,
        "debug": False,
        "started_at": None,
        "ended_at": None,
        "duration_ms": None,
        "inputs": {},
        "outputs": {},
        "warnings": None,
        "waiting_for": None,
        "resumed_from": None,
        "rerun_of": None,
        "error": None,
        "progress": {"ended": 0, "running": 0, "total": 0},
        **fields,
    }


def step(path: str, state: str, **fields: Any) -> Row:
    """A step's row, complete."""
    return {
        "id": path.rpartition("/")[2],
        "path": path,
        "state": state,
        "attempts": 1,
        "started_at": None,
        "ended_at": None,
        "duration_ms": None,
        "exit_code": None,
        "error": None,
        "outputs": {},
        "warnings": None,
        "cpu_s": None,
        "max_rss_bytes": None,
        "section": "steps",
        **fields,
    }


def line(at: float, step_: str, level: str, text: str, stream: str = "stdout") -> Row:
    """A log line, without its cursor."""
    return {
        "time": stamp(at),
        "step": step_,
        "attempt": 1,
        "stream": stream,
        "level": level,
        "text": text,
    }


if __name__ == "__main__":
    from tests.tui.demo import fill

    engine = FakeEngine(Path(sys.argv[1]))
    fill(engine, float(os.environ.get("WINGMAN_DEMO_NOW") or time.time()))
    engine.start()
    threading.Event().wait()
