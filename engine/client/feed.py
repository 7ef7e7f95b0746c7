"""The window feed, as a console holds it: windows stay open across a lost and found connection.

Called by `wingman_tui.session` on its event loop. websockets is imported when `run` starts, after
the first paint. A window that is open when the connection comes back is opened again and answers
with a fresh snapshot, so what it shows converges; a version that is missing has the same cure.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from engine.client import pulse
from engine.client.servers import current
from engine.errors import WingmanError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from engine.client.servers import Server

Frame = dict[str, Any]
OnFrame = Callable[[Frame], None]

URI = "ws://localhost/v1/feed"
FRAME_LIMIT_BYTES = 64 * 1024 * 1024  # a log window of long lines
RETRY_FIRST_S, RETRY_LAST_S = 0.1, 2.0
FAR_RETRY_LAST_S = 15.0  # a server far away has others to answer, too
STABLE_S = 5.0  # a connection that held for this long was a good one
OPEN_TIMEOUT_S = 30.0  # three times to a server and back, where a way takes seconds


class Window:
    """One open window: what is asked for, who takes its frames, how far it is."""

    __slots__ = ("on_frame", "request", "version")

    def __init__(self, request: dict[str, Any], on_frame: OnFrame) -> None:
        self.request = request
        self.on_frame = on_frame
        self.version: int | None = None  # None: a snapshot is awaited


class Feed:
    """All windows of one console, over one WebSocket that is opened again whenever it is lost."""

    def __init__(
        self,
        socket: str,
        on_status: Callable[[bool, str], None],
        find: Callable[[], Server | None] = current,
        ids: Iterator[int] | None = None,
    ) -> None:
        """`on_status` is told (is it live, why not) at every change; `find` says which server.

        `ids` number the windows, where several feeds are told apart by them.
        """
        self._socket = socket
        self._find = find
        self._on_status = on_status
        self._windows: dict[int, Window] = {}
        self._ids = ids or itertools.count(1)
        self._outbox: list[dict[str, Any]] = []
        self._wake = asyncio.Event()
        self._retry_now = asyncio.Event()
        self.is_live = False
        self.is_far = False
        self.pulse = pulse.Pulse()

    def open(self, request: dict[str, Any], on_frame: OnFrame) -> int:
        """Open a window; `on_frame` gets its snapshot and then every update. Returns its id."""
        id_ = next(self._ids)
        self._windows[id_] = Window(dict(request), on_frame)
        self._send({"op": "open", "id": id_, **request})
        return id_

    def move(self, id_: int, **fields: Any) -> None:
        """Change what a window shows; a snapshot follows."""
        window = self._windows.get(id_)
        if window is not None:
            window.request.update(fields)
            self._send({"op": "move", "id": id_, **fields})

    def close(self, id_: int) -> None:
        """Close a window; frames of it that are still under way are dropped."""
        if self._windows.pop(id_, None) is not None:
            self._send({"op": "close", "id": id_})

    def retry_now(self) -> None:
        """Do not wait for the next attempt to connect."""
        self._retry_now.set()

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        pause_s = RETRY_FIRST_S
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                async with await self._connect() as connection:
                    self._start_over()
                    self.pulse.begin()
                    self._tell(True, "")
                    await self._exchange(connection)
            except (OSError, TimeoutError, EOFError) as error:
                self._tell(False, str(error) or type(error).__name__)
            else:
                self._tell(False, "the engine hung up")
            # one that is lost at once again and again must not be asked for ever faster
            if loop.time() - began > STABLE_S:
                pause_s = RETRY_FIRST_S
            self._retry_now.clear()
            # not all who have lost it come back at the same moment
            wait_s = pause_s * random.uniform(0.7, 1.3) if self.is_far else pause_s
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._retry_now.wait(), wait_s)
            pause_s = min(pause_s * 2, FAR_RETRY_LAST_S if self.is_far else RETRY_LAST_S)

    async def _connect(self) -> ClientConnection:
        # in a thread: the import takes 0.15 s in which keys must be answered
        client = await asyncio.to_thread(_websockets_client)
        from websockets.exceptions import InvalidHandshake

        try:
            return await self._open_line(client)
        except WingmanError as error:
            raise OSError(str(error)) from error
        except InvalidHandshake as error:
            raise OSError(f"the engine refused the feed: {_words_of(error)}") from error

    async def _open_line(self, client: Any) -> ClientConnection:
        """A WebSocket to the engine of this machine, or to the server that is meant."""
        options: dict[str, Any] = {
            "max_size": FRAME_LIMIT_BYTES,
            "compression": None,
            "ping_interval": None,
            "open_timeout": OPEN_TIMEOUT_S,
            "close_timeout": 1,
        }
        server = await asyncio.to_thread(self._find)
        self.is_far = server is not None
        if server is not None:
            options["create_connection"] = pulse.counting(self.pulse)
        connection: ClientConnection
        if server is None or server.is_ssh:
            path = self._socket
            if server is not None:
                from engine.client.ssh import forwarded

                path = await asyncio.to_thread(forwarded, server.url)
            connection = await client.unix_connect(path, URI, **options)
            return connection
        transport = server.tls()
        connection = await client.connect(
            f"wss://{transport.host}/v1/feed",
            ssl=transport.context(),
            additional_headers=transport.headers,
            **{**options, "compression": "deflate"},
        )
        return connection

    def _start_over(self) -> None:
        """Everything that is open is asked for anew; what was queued for the old one is void."""
        self._outbox.clear()
        for id_, window in self._windows.items():
            window.version = None
            self._send({"op": "open", "id": id_, **window.request})

    def _tell(self, live: bool, why: str) -> None:
        self.is_live = live
        self._on_status(live, why)

    def _send(self, message: dict[str, Any]) -> None:
        self._outbox.append(message)
        self._wake.set()

    async def _exchange(self, connection: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        sender = asyncio.create_task(self._send_all(connection))
        watcher = asyncio.create_task(self._watch(connection)) if self.is_far else None
        try:
            async for message in connection:
                self._take(message)
        except ConnectionClosed as error:
            raise OSError(f"the connection broke: {error}") from error
        except ValueError as error:
            raise OSError(f"the feed sent what is not JSON: {error}") from error
        finally:
            for task in filter(None, (sender, watcher)):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _watch(self, connection: ClientConnection) -> None:
        """Ask a server far away whether it is there, and hang up where nothing comes any more."""
        from websockets.exceptions import ConnectionClosed

        while (silent_s := self.pulse.silent_s) < pulse.GONE_S:
            if silent_s >= pulse.ASK_S:
                try:
                    async with asyncio.timeout(pulse.ASK_S):
                        await connection.ping()
                except TimeoutError:
                    continue  # not even this can be sent
                except ConnectionClosed:
                    return
            await asyncio.sleep(pulse.ASK_S)
        connection.transport.abort()

    async def _send_all(self, connection: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        while True:
            self._wake.clear()
            pending, self._outbox = self._outbox, []
            for message in pending:
                try:
                    await connection.send(json.dumps(message))
                except ConnectionClosed:
                    return  # the reader sees it too, and everything is asked for again
            if not self._outbox:
                await self._wake.wait()

    def _take(self, message: str | bytes) -> None:
        frame = json.loads(message)
        window = self._windows.get(frame.get("id"))
        if window is None:
            return
        if frame.get("kind") == "update" and not self._is_next(window, frame):
            return
        if frame.get("kind") != "error":
            window.version = int(frame.get("version", 0))
        window.on_frame(frame)

    def _is_next(self, window: Window, frame: Frame) -> bool:
        """Whether an update follows what is held; if one is missing, all is asked for again."""
        if window.version is None:
            return False
        if int(frame.get("version", 0)) == window.version + 1:
            return True
        window.version = None
        self._send({"op": "open", "id": frame["id"], **window.request})
        return False


def _words_of(error: Exception) -> str:
    """What the engine said when it refused, if it is one that said it."""
    body = getattr(getattr(error, "response", None), "body", None) or b""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return str(error)


def _websockets_client() -> Any:
    import websockets.asyncio.client

    return websockets.asyncio.client
