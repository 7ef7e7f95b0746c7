"""Lets the parts of an engine run, on the loop they live on, until its end. For `engine.life`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import traceback
from dataclasses import asdict
from typing import Any

from engine import __version__
from engine.archive.load import archive_of, load
from engine.base_env import base_environment
from engine.clockset import ClockSet
from engine.config import Config
from engine.config_watch import ConfigWatch
from engine.core.state import Execution
from engine.errors import WingmanError
from engine.model import Event
from engine.parts import Parts
from engine.paths import Home
from engine.places import most_steps
from engine.reopening import reopen
from engine.retention import Retention
from engine.server.app import make_app
from engine.server.context import Context
from engine.server.logbook import LogBook
from engine.server.protocol import listen
from engine.serving import Serving
from engine.system_log import log
from engine.times import to_text
from engine.verbs import act

COLLECT_AFTER = 10_000  # allocations: hardly anything here is a cycle
IDLE_END_S = float(os.environ.get("WINGMAN_IDLE_END_S") or 120)
RUNNER_PATIENCE_S = 5.0


class Engine:
    """One engine, from its start to its end."""

    def __init__(self, home: Home, stays: bool, serving: Serving | None = None) -> None:
        self._home = home
        self._stays = stays or serving is not None
        self._serving = serving
        self._stopped = asyncio.Event()
        self._kill_all = False
        self._parts = Parts(home)
        if serving is not None:
            self._parts.access.users.demand_somebody()
        self._app: Any = None
        self._public: Any = None

    async def run(self, listening: socket.socket) -> None:
        """Recover, serve, and end when told to or when nobody needs us."""
        parts, loop = self._parts, asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, False)
        parts.journal.start(loop)
        archive = archive_of(self._home)
        if archive is None:
            reopen(parts)
        else:
            load(archive, parts.journal)
            parts.executor.open({})
        opening = loop.create_task(self._open_triggers(archive is None))
        logs = LogBook(self._home, parts.service)
        context = Context(
            self._home, parts.service, logs, self._status, self.stop, parts.triggers, parts.alerts,
            parts.inbox,
        )  # fmt: skip
        context.gate.only_shows = archive is not None
        parts.registry.on_changed = context.gate.files_changed
        retention = self._make_retention(context)
        context.configuration = self._watch_config(retention)
        if archive is None:
            retention.start()
            parts.alerts.start()
        self._app = make_app(context)
        server, state = await listen(self._app, listening)
        gc.freeze()  # what was loaded stays: looking through it would stop everything for 10-30 ms
        gc.set_threshold(COLLECT_AFTER, 20, 20)
        gc.enable()
        log(
            f"engine {__version__} serves {self._home.text('root')} (pid {os.getpid()}, "
            f"epoch {parts.journal.epoch})"
        )
        await self._open_to_network(state)
        clock_set = ClockSet(parts.clock_was_set)
        idle = loop.create_task(self._end_when_idle(state))
        await self._stopped.wait()
        clock_set.close()
        context.configuration.close()
        idle.cancel()
        opening.cancel()
        await parts.registry.close()
        await retention.close()
        await parts.alerts.close()
        server.close()
        if self._public is not None:
            self._public.close()
        await self._close(state)

    def _watch_config(self, retention: Retention) -> ConfigWatch:
        """What takes a changed configuration in."""
        parts = self._parts

        def flow_paths(config: Config) -> None:
            parts.library.replace_folders([self._home.flows, *config.flow_paths])
            parts.registry.soon()

        def max_running_steps(config: Config) -> None:
            parts.scheduler.use(max_running_steps=most_steps(config.max_running_steps))

        watch = ConfigWatch(self._home.config_file, parts.config, {
            "flow_paths": flow_paths,
            "env_passthrough": lambda config: parts.scheduler.use(
                base_env=base_environment(config.env_passthrough)
            ),
            "max_running_steps": max_running_steps,
            "channels": lambda config: parts.alerts.use(config.channels),
            "retention": lambda config: retention.use(config.retention),
        }, log)  # fmt: skip
        watch.start()
        return watch

    def _make_retention(self, context: Context) -> Retention:
        """What removes ended executions; lists hear of it."""
        parts = self._parts
        return Retention(
            self._home, parts.clock, parts.journal, parts.scheduler, parts.config.retention,
            context.tell_removed, log,
        )  # fmt: skip

    async def _open_to_network(self, state: Any) -> None:
        """Listen beyond this machine, if that was asked for."""
        if self._serving is None:
            return
        from engine.server.network import listen_to_network  # with all of TLS

        folder = self._home.config_file.parent
        token_in = self._app.state.gate.token_in
        self._public, where = await listen_to_network(
            self._app, self._serving, folder, state, token_in
        )
        log(f"listening on {where}")

    async def _open_triggers(self, is_armed: bool) -> None:
        """Arm what the flow folders say, beside what is served already; an archive has none."""
        if not is_armed:
            return
        try:
            await self._parts.registry.open()
            self._parts.alerts.watch.look_at_triggers(self._parts.triggers)
        except Exception:
            log(f"the triggers are not armed: {traceback.format_exc()}")

    async def _status(self) -> dict[str, Any]:
        parts = self._parts
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(parts.executor.ready(), RUNNER_PATIENCE_S)
        environment = parts.scheduler.environment.now()
        return {
            **({"environment": asdict(environment)} if environment.names() else {}),
            "pid": os.getpid(),
            "runner_pid": parts.executor.runner_pid,
            "version": __version__,
            "home": self._home.text("root"),
            "socket": self._home.text("socket"),
            "started_at": to_text(parts.started_at_us),
        }

    def stop(self, kill_all: bool) -> None:
        """End soon; with `kill_all` every live execution is cancelled first."""
        self._kill_all = self._kill_all or kill_all
        self._parts.service.is_closing = True
        self._stopped.set()

    async def _end_when_idle(self, state: Any) -> None:
        """An engine that a command started leaves when no client and no execution needs it."""
        if self._stays:
            return
        loop = asyncio.get_running_loop()
        last_busy = loop.time()

        def note(execution: Execution, events: list[Event]) -> None:
            nonlocal last_busy
            last_busy = loop.time()

        parts = self._parts
        parts.scheduler.observers.append(note)
        while (rest_s := last_busy + IDLE_END_S - loop.time()) > 0:
            await asyncio.sleep(rest_s)
            if state.connections or parts.scheduler.live or parts.have_plans:
                last_busy = loop.time()
        log("nobody needs this engine any more: it ends")
        self._stopped.set()

    async def _close(self, state: Any) -> None:
        parts = self._parts
        if self._kill_all:
            await self._cancel_all()
        parts.executor.close(kill=self._kill_all)
        await asyncio.sleep(0)
        for connection in list(state.connections):
            connection.shutdown()
        await parts.sandbox.close()
        parts.reader.close()
        parts.journal.close()
        parts.scheduler.close()
        parts.auditor.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._home.text("socket"))
        log("engine ended")

    async def _cancel_all(self) -> None:
        """Cancel every live execution and wait until all of their processes are gone."""
        service, scheduler = self._parts.service, self._parts.scheduler
        live, why = list(scheduler.live), {"reason": "engine stop --all"}
        for execution_id in live:
            with contextlib.suppress(WingmanError):  # it has ended meanwhile
                await act(service, execution_id, "cancel", why, "engine")
        await asyncio.gather(*(scheduler.wait_ended(name) for name in live))


def run(
    home: Home, listening: socket.socket, stays: bool, serving: Serving | None = None
) -> None:
    """Serve a home on a bound socket until the end."""

    async def serve() -> None:
        await Engine(home, stays, serving).run(listening)

    asyncio.run(serve())
