"""Puts the parts of an engine together, and runs the loop they live on. For `engine.life` only."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine import __version__
from engine.access.access import Access
from engine.access.flows import FlowPermissions
from engine.alerts.keeper import Alerts
from engine.archive.load import archive_of, load
from engine.audit import Auditor, Seal
from engine.children import Children
from engine.clock import Clock
from engine.clockset import ClockSet
from engine.config import Config, read_config
from engine.config_watch import ConfigWatch
from engine.core.state import Execution
from engine.errors import WingmanError
from engine.executor.local import LocalExecutor
from engine.failpoints import reach
from engine.inbox.keeper import Inbox
from engine.journal.database import queries
from engine.journal.history import History
from engine.journal.journal import Journal
from engine.journal.reader import Reader
from engine.library import Library
from engine.life import base_environment
from engine.lost import end_lost
from engine.model import Event
from engine.paths import Home
from engine.places import MAX_RUNNING_STEPS
from engine.recovery import restore_open
from engine.reports import Reports
from engine.requirements import Requirements
from engine.retention import Retention
from engine.sandbox.client import Sandbox
from engine.scheduler import Scheduler
from engine.secrets import Secrets
from engine.sensitive import Sensitive, mask_values, shown_inputs
from engine.server.app import make_app
from engine.server.context import Context
from engine.server.logbook import LogBook
from engine.server.protocol import listen
from engine.service import Service
from engine.serving import Serving
from engine.system_log import log
from engine.times import to_text
from engine.triggers.early import load_followers
from engine.triggers.keeper import Keeper
from engine.triggers.registry import Registry
from engine.verbs import act

BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"
BALLAST = "ballast"
COLLECT_AFTER = 10_000  # allocations: hardly anything here is a cycle
IDLE_END_S = float(os.environ.get("WINGMAN_IDLE_END_S") or 120)
RUNNER_PATIENCE_S = 5.0
OWN_FILES = 48  # the runner's own, and what warm workers take
FILES_A_STEP = 8  # pipes, pidfd, outputs, log and index


def affordable_steps() -> int:
    """How many steps may run at once by the open files that a process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, (hard - OWN_FILES) // FILES_A_STEP) if hard > 0 else sys.maxsize


def _most_steps(config: Config) -> int:
    """How many steps run at once."""
    return min(config.max_running_steps or MAX_RUNNING_STEPS, affordable_steps())


class Engine:
    """One engine's parts and how they start and end."""

    def __init__(self, home: Home, stays: bool, serving: Serving | None = None) -> None:
        self._home = home
        self._stays = stays or serving is not None
        self._serving = serving
        self._stopped = asyncio.Event()
        self._kill_all = False
        config = read_config(home.config_file)
        self._clock = Clock()
        self._started_at_us = self._clock.now_us()
        self._sandbox = Sandbox()
        self._sandbox.prestart()
        self._journal = Journal(home.database, Path(home.data, BALLAST), log)
        self._clock.at_least(self._journal.last_at_us)
        self._reader = Reader(home.database)
        access = Access(self._journal, self._clock)
        if serving is not None:
            access.users.demand_somebody()
        self._app: Any = None
        self._public: Any = None
        self._auditor = Auditor(
            self._journal, Seal(home.config_file.parent), self._clock.now_us, log
        )
        self._sensitive = Sensitive(home.key_file, config.key_command)
        if config.key_command:
            self._sensitive.vault.ask()
        self.secrets = Secrets(self._sensitive, self._journal, self._clock)
        self._scheduler = self._make_scheduler(config)
        self._executor = LocalExecutor(
            home,
            self._journal.epoch,
            Reports(self._scheduler, self._journal),
            Path(BOOT_ID_FILE).read_text().strip(),
            log,
        )
        self._scheduler.executor = self._executor
        library = Library([home.flows, *config.flow_paths], self._sandbox)
        self._scheduler.errands.requirements = Requirements(library).misses
        self.service = Service(
            self._clock,
            self._journal,
            self._reader,
            self._scheduler,
            library,
            self._sensitive,
            self._flow_rows(),
            self.secrets,
            FlowPermissions(access, library),
        )
        self._children = Children(self.service, log)
        self.triggers = Keeper(self.service, self._clock, log)
        self._registry = Registry(self.triggers, library, log)
        self._config = config
        self.inbox = Inbox(self.service, self._clock)
        self.alerts = self._make_alerts(config.channels)

    def _make_scheduler(self, config: Config) -> Scheduler:
        """What holds the live executions."""
        return Scheduler(
            self._home,
            self._clock,
            self._journal,
            self._sandbox,
            base_environment(config.env_passthrough),
            log,
            self.secrets,
            _most_steps(config),
        )

    def _flow_rows(self) -> dict[str, tuple[int, str]]:
        connection = self._journal.reader()
        rows = connection.execute(queries()["flows"])
        found = {name: (number, debug) for name, number, debug in rows}
        connection.close()
        return found

    async def run(self, listening: socket.socket) -> None:
        """Recover, serve, and end when told to or when nobody needs us."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, False)
        self._journal.start(loop)
        archive = archive_of(self._home)
        if archive is None:
            self._recover()
        else:
            load(archive, self._journal)
            self._executor.open({})
        opening = loop.create_task(self._open_triggers(archive is None))
        logs = LogBook(self._home, self.service)
        context = Context(
            self._home, self.service, logs, self._status, self.stop, self.triggers, self.alerts,
            self.inbox,
        )  # fmt: skip
        context.gate.only_shows = archive is not None
        self._registry.on_changed = context.gate.files_changed
        retention = self._make_retention(context)
        context.configuration = self._watch_config(retention)
        if archive is None:
            retention.start()
            self.alerts.start()
        self._app = make_app(context)
        server, state = await listen(self._app, listening)
        gc.freeze()  # what was loaded stays: looking through it would stop everything for 10-30 ms
        gc.set_threshold(COLLECT_AFTER, 20, 20)
        gc.enable()
        log(
            f"engine {__version__} serves {self._home.text('root')} (pid {os.getpid()}, "
            f"epoch {self._journal.epoch})"
        )
        await self._open_to_network(state)
        clock_set = ClockSet(self._clock_was_set)
        idle = loop.create_task(self._end_when_idle(state))
        await self._stopped.wait()
        clock_set.close()
        context.configuration.close()
        idle.cancel()
        opening.cancel()
        await self._registry.close()
        await retention.close()
        await self.alerts.close()
        server.close()
        if self._public is not None:
            self._public.close()
        await self._close(state)

    def _clock_was_set(self) -> None:
        log("the clock was set, or the machine has slept: moments are looked at again")
        self._scheduler.clock_was_set()
        self.triggers.clock_was_set()
        self.alerts.clock_was_set()

    def _watch_config(self, retention: Retention) -> ConfigWatch:
        """What takes a changed configuration in."""
        scheduler, library = self._scheduler, self.service.library

        def flow_paths(config: Config) -> None:
            library.replace_folders([self._home.flows, *config.flow_paths])
            self._registry.soon()

        def max_running_steps(config: Config) -> None:
            scheduler.use(max_running_steps=_most_steps(config))

        watch = ConfigWatch(self._home.config_file, self._config, {
            "flow_paths": flow_paths,
            "env_passthrough": lambda config: scheduler.use(
                base_env=base_environment(config.env_passthrough)
            ),
            "max_running_steps": max_running_steps,
            "channels": lambda config: self.alerts.use(config.channels),
            "retention": lambda config: retention.use(config.retention),
        }, log)  # fmt: skip
        watch.start()
        return watch

    def _make_alerts(self, channels: dict[str, list[str]]) -> Alerts:
        """What tells people; what they acknowledge in the inbox reminds nobody."""
        alerts = Alerts(self.service, self._clock, channels, self.triggers, log)
        self.inbox.on_acknowledged = alerts.acknowledge_flows
        return alerts

    def _make_retention(self, context: Context) -> Retention:
        """What removes ended executions; lists hear of it."""
        return Retention(
            self._home, self._clock, self._journal, self._scheduler,
            self._config.retention, context.tell_removed, log,
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

    def _recover(self) -> None:
        """Take back what the last engine left open, before anybody can ask."""
        connection = self._journal.reader()
        history = History(connection)
        executions, lost = restore_open(connection, self._sensitive)
        self.inbox.load(history)
        if executions or lost:
            load_followers(self.triggers, history)
        followers = self._scheduler.on_ended
        end_lost(lost, history, self._journal, self._clock.now_us, followers, log)
        connection.close()
        for execution in executions:
            self._adopt(execution)
        self.secrets.forget_former(min((ex.created_at_us for ex in executions), default=None))
        self._executor.open(self._scheduler.open_attempts())
        calls = self._children.open_calls()
        self._scheduler.resume_all()
        if calls:
            connection = self._journal.reader()
            self._children.recover(History(connection), calls)
            connection.close()
        reach("recovered")
        if executions:
            log(f"took back {len(executions)} open executions")

    def _adopt(self, execution: Execution) -> None:
        compiled, inputs = execution.definition, execution.inputs
        self._scheduler.adopt(
            execution, shown_inputs(compiled, inputs), mask_values(compiled, inputs)
        )

    async def _open_triggers(self, is_armed: bool) -> None:
        """Arm what the flow folders say, beside what is served already; an archive has none."""
        if not is_armed:
            return
        try:
            await self._registry.open()
            self.alerts.watch.look_at_triggers(self.triggers)
        except Exception:
            log(f"the triggers are not armed: {traceback.format_exc()}")

    async def _status(self) -> dict[str, Any]:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._executor.ready(), RUNNER_PATIENCE_S)
        environment = self._scheduler.environment.now()
        return {
            **({"environment": asdict(environment)} if environment.names() else {}),
            "pid": os.getpid(),
            "runner_pid": self._executor.runner_pid,
            "version": __version__,
            "home": self._home.text("root"),
            "socket": self._home.text("socket"),
            "started_at": to_text(self._started_at_us),
        }

    def stop(self, kill_all: bool) -> None:
        """End soon; with `kill_all` every live execution is cancelled first."""
        self._kill_all = self._kill_all or kill_all
        self.service.is_closing = True
        self._stopped.set()

    @property
    def _is_needed(self) -> bool:
        """Whether something is to be started, or somebody to be told."""
        return self.triggers.needs_engine or self.alerts.waits

    async def _end_when_idle(self, state: Any) -> None:
        """An engine that a command started leaves when no client and no execution needs it."""
        if self._stays:
            return
        loop = asyncio.get_running_loop()
        last_busy = loop.time()

        def note(execution: Execution, events: list[Event]) -> None:
            nonlocal last_busy
            last_busy = loop.time()

        self._scheduler.observers.append(note)
        while (rest_s := last_busy + IDLE_END_S - loop.time()) > 0:
            await asyncio.sleep(rest_s)
            if state.connections or self._scheduler.live or self._is_needed:
                last_busy = loop.time()
        log("nobody needs this engine any more: it ends")
        self._stopped.set()

    async def _close(self, state: Any) -> None:
        if self._kill_all:
            await self._cancel_all()
        self._executor.close(kill=self._kill_all)
        await asyncio.sleep(0)
        for connection in list(state.connections):
            connection.shutdown()
        await self._sandbox.close()
        self._reader.close()
        self._journal.close()
        self._scheduler.close()
        self._auditor.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._home.text("socket"))
        log("engine ended")

    async def _cancel_all(self) -> None:
        """Cancel every live execution and wait until all of their processes are gone."""
        live = list(self._scheduler.live)
        for execution_id in live:
            with contextlib.suppress(WingmanError):  # it has ended meanwhile
                await act(
                    self.service, execution_id, "cancel", {"reason": "engine stop --all"}, "engine"
                )
        await asyncio.gather(*(self._scheduler.wait_ended(name) for name in live))


def run(
    home: Home, listening: socket.socket, stays: bool, serving: Serving | None = None
) -> None:
    """Serve a home on a bound socket until the end."""

    async def serve() -> None:
        await Engine(home, stays, serving).run(listening)

    asyncio.run(serve())
