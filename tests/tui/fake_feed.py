"""The window feed of the fake engine: what each window of a console holds, and was told last."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.tui.rows import Row

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine


class Connection:
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
        held = self.windows.get(id_, {})
        self.windows[id_] = {**held, **message}
        if message["op"] == "open" or not {"burst", "at"} & set(message):
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
        changes = _difference(told, now, window.get("burst"))
        if not changes:
            self.told[id_]["version"] = version - 1
            return None
        return {**head, "kind": "update", **changes}

    def _executions(self, window: Row) -> Row:
        if "since:soon" in window.get("filter", ""):
            return {"error": {"code": "usage", "message": "'soon' is no time such as 2h"}}
        rows = self.engine.matching(window.get("filter", ""))
        by, is_reverse = window.get("sort", "started"), window.get("reverse", False)
        if by == "duration":
            rows = sorted(rows, key=lambda row: -(row["duration_ms"] or 0))
        elif by != "started":
            rows = sorted(rows, key=lambda row: str(row[by]))
        rows = rows[::-1] if is_reverse else rows
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
            "of_newest": self.engine.of_newest if by == "duration" else None,
        }

    def _execution(self, window: Row) -> Row:
        row = self.engine.find(window["ref"])
        if row is None:
            return {"error": {"code": "unknown_reference", "message": f"no {window['ref']}"}}
        opened = tuple(f"{path}/" for path in window.get("calls", ()))
        steps = [
            step
            for step in self.engine.steps.get(row["id"], [])
            if not step.get("of") or step["path"].startswith(opened)
        ]
        return {"execution": row, "steps": steps}

    def _log(self, window: Row) -> Row:
        row = self.engine.find(window["ref"])
        if row is None:
            return {"lines": [], "more_before": False, "all": 0}
        lines = self._lines_of(row["id"], window)
        limit = window.get("limit", 200)
        return {"lines": lines[-limit:], "more_before": len(lines) > limit, "all": len(lines)}

    def _lines_of(self, id_: str, window: Row) -> list[Row]:
        level, grep = window.get("level") or "debug", window.get("grep") or ""
        return self.engine.log_lines(id_, window.get("step"), level, grep)

    def _search(self, window: Row) -> Row:
        if window["grep"].startswith("(bad"):
            return {"error": {"code": "usage", "message": "the pattern cannot be used"}}
        row = self.engine.find(window["ref"])
        lines = [] if row is None else self._lines_of(row["id"], window)
        cursors = [line["cursor"] for line in lines]
        at = window.get("at")
        place = cursors.index(at) + 1 if at in cursors else None
        return {"matches": len(lines), "counted": True, "place": place}

    def _flows(self, window: Row) -> Row:
        return {"flows": list(self.engine.flows)}

    def _triggers(self, window: Row) -> Row:
        return {"triggers": list(self.engine.triggers)}

    def _inbox(self, window: Row) -> Row:
        rows = [row for row in self.engine.inbox if _is_shown(row, window)]
        counts: dict[str, int] = {}
        for row in self.engine.inbox:
            counts[row["state"]] = counts.get(row["state"], 0) + 1
        return {"rows": rows, "order": [row["id"] for row in rows], "counts": counts}

    def _alerts(self, window: Row) -> Row:
        rows = self.engine.alerts
        told = self.engine.told if window.get("terminal") else []
        return {"rows": rows, "order": [row["id"] for row in rows], "told": list(told)}

    def _machine(self, window: Row) -> Row:
        return dict(self.engine.machine)

    def _gauges(self, window: Row) -> Row:
        return {"shares": dict(self.engine.shares)}


def _is_shown(entry: Row, window: Row) -> bool:
    show, text = window.get("show", "open"), window.get("filter") or ""
    states = ("open", "acknowledged") if show == "open" else (show,)
    return entry["state"] in states and text in f"{entry['flow']} {entry['message']}"


def _difference(told: Row, now: Row, burst: int | None = None) -> Row:
    """What an update holds, after what was told last."""
    if "all" in now:  # a log: what was appended, the latest of it
        new = now["all"] - told["all"]
        if new <= 0:
            return {}
        lines = now["lines"][-new:] if new <= len(now["lines"]) else now["lines"]
        if burst is not None:
            lines = lines[-burst:] if burst else []
        return {"lines": lines, "skipped": new - len(lines)}
    changes: Row = {}
    for name in ("rows", "steps"):
        if name in now:
            key = "id" if name == "rows" else "path"
            old = {row[key]: row for row in told[name]}
            changed = [row for row in now[name] if old.get(row[key]) != row]
            if changed:
                changes[name] = changed
    for name in ("order", "total", "counts", "flows", "triggers", "execution",
                 "matches", "place", "told"):
        if name in now and now[name] != told[name]:
            changes[name] = now[name]
    return changes
