"""The window feed: a client opens windows on what it looks at, and gets whole rows as they change.

Windows converge: an event only marks a window dirty, and what is sent is the state at the moment of
sending. So there is no queue that could grow, and a slow client costs nothing but its own frames.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.access.roles import Caller
from engine.core.state import Execution
from engine.errors import UsageError, WingmanError
from engine.jsontext import encode
from engine.model import Event
from engine.server.context import Context
from engine.server.gate import caller_of
from engine.server.window import ViewWindow, Window
from engine.server.windows import open_window

WINDOWS_LIMIT = 32
FAR_BYTES_S = 256 << 10  # of frames, before they are compressed, to one who is far away
FAR_BURST_BYTES = 1 << 20
LARGEST_ID = 1 << 53  # what JavaScript counts exactly


async def endpoint(websocket: WebSocket) -> None:
    """One client's connection."""
    await websocket.accept()
    context, caller = websocket.app.state.context, caller_of(websocket)
    connection = Connection(websocket, context, caller)
    await connection.run()


class Connection:
    """The windows of one client and the task that feeds them."""

    def __init__(self, websocket: WebSocket, context: Context, caller: Caller) -> None:
        self._websocket = websocket
        self._caller = caller
        self._context = context
        self._windows: dict[int, Window] = {}
        self._own: list[Window] = []  # those that are no views
        self._wake = asyncio.Event()
        self._pace = context.views.pace
        self._is_near = "uid" in websocket.scope["state"]  # on this machine
        self._free_at = 0.0  # when one far away has had time for what was sent

    async def run(self) -> None:
        """Until the client leaves."""
        scheduler = self._context.service.scheduler
        scheduler.observers.append(self._changed)
        self._context.removal_observers.append(self._removed)
        self._context.growth_observers.append(self._grew)
        self._context.sample_observers.append(self._sampled)
        sender = asyncio.create_task(self._send_frames())
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                await self._receive(message.get("text"))
        except (WebSocketDisconnect, RuntimeError):
            pass  # gone while it was answered
        finally:
            sender.cancel()
            scheduler.observers.remove(self._changed)
            self._context.removal_observers.remove(self._removed)
            self._context.growth_observers.remove(self._grew)
            self._context.sample_observers.remove(self._sampled)
            for window_id in list(self._windows):
                self._close(window_id)

    async def _receive(self, text: str | None) -> None:
        window_id: Any = None
        try:
            message = _message_of(text)
            window_id = message["id"]
            await self._handle(window_id, message)
        except (WingmanError, msgspec.DecodeError) as error:
            await self._refuse(window_id, error)
        except Exception as error:  # a fault of ours: told, and the other windows go on
            traceback.print_exc()
            await self._refuse(window_id, WingmanError(f"{type(error).__name__}: {error}"))
        self._wake.set()

    async def _handle(self, window_id: int, message: dict[str, Any]) -> None:
        op = message.get("op")
        if op == "open":
            if len(self._windows) >= WINDOWS_LIMIT and window_id not in self._windows:
                raise UsageError(f"more than {WINDOWS_LIMIT} windows at once")
            await self._open(window_id, message)
        elif op == "move":
            window = self._windows.get(window_id)
            if window is None:
                raise UsageError(f"there is no open window {window_id}")
            wanted = {**window.request, **message, "op": "open"}
            changes = {name: value for name, value in message.items() if name not in ("id", "op")}
            if window.moved(changes):
                window.request = wanted
                return
            await self._open(window_id, wanted)
        elif op == "close":
            self._close(window_id)
        else:
            raise UsageError(f"{op!r} is no operation", "open, move or close")

    async def _open(self, window_id: int, request: dict[str, Any]) -> None:
        before = self._windows.pop(window_id, None)  # silent while the other is being opened
        try:
            window = await open_window(self._context, request, self._caller)
        except BaseException:
            if before is not None:  # what is refused changes nothing
                self._windows[window_id] = before
            raise
        self._release(before)
        window.wake = self._wake.set
        self._windows[window_id] = window
        self._pace.followers += window.weight
        self._own = [each for each in self._windows.values() if not isinstance(each, ViewWindow)]

    def _close(self, window_id: int) -> None:
        self._release(self._windows.pop(window_id, None))

    def _release(self, window: Window | None) -> None:
        if window is not None:
            window.close()
            self._pace.followers -= window.weight
            self._own = [each for each in self._own if each is not window]

    async def _refuse(self, window_id: Any, error: Exception) -> None:
        failed = error if isinstance(error, WingmanError) else UsageError(str(error))
        frame = {"id": window_id, "kind": "error", "error": failed.to_json()}
        await self._websocket.send_text(encode(frame).decode())

    # -- what happens, from the scheduler's side: only marks ---------------------------------

    def _changed(self, execution: Execution, events: list[Event]) -> None:
        self._mark(lambda window: window.changed(execution, events))

    def _removed(self) -> None:
        self._mark(lambda window: window.removed())

    def _grew(self, executions: list[str]) -> None:
        self._mark(lambda window: window.grew(executions))

    def _sampled(self, samples: dict[str, dict[str, float]]) -> None:
        self._mark(lambda window: window.sampled(samples))

    def _mark(self, tell: Callable[[Window], None]) -> None:
        """Tell the windows that nobody shares; only one that was not dirty yet wakes the sender."""
        for window in self._own:
            was_dirty = window.is_dirty
            tell(window)
            if window.is_dirty and not was_dirty:
                self._wake.set()

    # -- the sender --------------------------------------------------------------------------

    async def _send_frames(self) -> None:
        """Send each dirty window when its pace allows; sleep until something is dirty."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._wake.clear()
                pause_s = await self._send_due(loop.time())
                timer = None if pause_s is None else loop.call_later(pause_s, self._wake.set)
                try:
                    await self._wake.wait()
                finally:
                    if timer is not None:
                        timer.cancel()
        except (WebSocketDisconnect, RuntimeError):
            return  # the client is gone; `run` notices by itself

    async def _send_due(self, now: float) -> float | None:
        """Send what is due; how long to sleep when nothing wakes us, None for ever."""
        if self._free_at > now:
            return self._free_at - now
        for window_id, window in list(self._windows.items()):
            if window.refresh_at is not None and window.refresh_at <= now:
                window.is_dirty = True
            if not window.is_dirty or window.due_at > now:
                continue
            window.is_dirty = False
            window.due_at = now + (window.pace_s and self._pace.at_least(window.pace_s))
            window.plan_refresh(now)
            await self._send_window(window_id, window)
        moments = [w.due_at for w in self._windows.values() if w.is_dirty]
        moments += [w.refresh_at for w in self._windows.values() if w.refresh_at is not None]
        if not moments:
            return None
        return max(0.0, min(moments) - asyncio.get_running_loop().time())

    async def _send_window(self, window_id: int, window: Window) -> None:
        try:
            content = await window.content()
        except WingmanError as error:
            await self._refuse(window_id, error)
            return
        except Exception as error:  # a fault of ours: told, and the other windows go on
            traceback.print_exc()
            await self._refuse(window_id, WingmanError(f"{type(error).__name__}: {error}"))
            return
        if content is None or self._windows.get(window_id) is not window:
            return
        kind = "update" if window.version else "snapshot"
        window.version += 1
        began_s = time.thread_time()
        data = content if isinstance(content, bytes) else encode(content)
        head = f'{{"id":{window_id},"kind":"{kind}","version":{window.version},'
        await self._websocket.send_text(head + data[1:].decode())
        self._pace.note(time.thread_time() - began_s)
        if not self._is_near:
            now = asyncio.get_running_loop().time()
            oldest = now - FAR_BURST_BYTES / FAR_BYTES_S
            self._free_at = max(self._free_at, oldest) + len(data) / FAR_BYTES_S


def _message_of(text: str | None) -> dict[str, Any]:
    """A client's message with a usable id. Raises UsageError, DecodeError."""
    if text is None:
        raise UsageError("a message is a text frame", "send JSON as text, not as bytes")
    message = msgspec.json.decode(text)
    if not isinstance(message, dict):
        raise UsageError("a message is a JSON object")
    window_id = message.get("id")
    if type(window_id) is not int or not 0 <= window_id <= LARGEST_ID:
        raise UsageError(f"a message has a whole number from 0 to {LARGEST_ID} as its id")
    return message
