"""Puts the parts of one engine together. Nothing of them runs before `serve` lets it."""

from __future__ import annotations

from pathlib import Path

from engine.access.access import Access
from engine.access.flows import FlowPermissions
from engine.alerts.keeper import Alerts
from engine.audit import Auditor, Seal
from engine.base_env import base_environment
from engine.children import Children
from engine.clock import Clock
from engine.config import Config, read_config
from engine.executor.local import LocalExecutor
from engine.inbox.keeper import Inbox
from engine.journal.database import queries
from engine.journal.journal import Journal
from engine.journal.reader import Reader
from engine.library import Library
from engine.paths import Home
from engine.places import most_steps
from engine.reports import Reports
from engine.requirements import Requirements
from engine.sandbox.client import Sandbox
from engine.scheduler import Scheduler
from engine.secrets import Secrets
from engine.sensitive import Sensitive
from engine.service import Service
from engine.system_log import log
from engine.triggers.keeper import Keeper
from engine.triggers.registry import Registry

BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"
BALLAST = "ballast"


class Parts:
    """What one engine is made of, in the order in which one part needs another."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.config = config = read_config(home.config_file)
        self.clock = Clock()
        self.started_at_us = self.clock.now_us()
        self.sandbox = Sandbox()
        self.sandbox.prestart()  # it loads beside us
        self.journal = Journal(home.database, Path(home.data, BALLAST), log)
        self.clock.at_least(self.journal.last_at_us)
        self.reader = Reader(home.database)
        self.access = Access(self.journal, self.clock)
        self.auditor = Auditor(self.journal, Seal(home.config_file.parent), self.clock.now_us, log)
        self.sensitive = Sensitive(home.key_file, config.key_command)
        if config.key_command:
            self.sensitive.vault.ask()
        self.secrets = Secrets(self.sensitive, self.journal, self.clock)
        self.library = Library([home.flows, *config.flow_paths], self.sandbox)
        self.scheduler = self._make_scheduler(config)
        self.executor = LocalExecutor(
            home,
            self.journal.epoch,
            Reports(self.scheduler, self.journal),
            Path(BOOT_ID_FILE).read_text().strip(),
            log,
        )
        self.scheduler.executor = self.executor
        self.service = self._make_service()
        self.children = Children(self.service, log)
        self.triggers = Keeper(self.service, self.clock, log)
        self.registry = Registry(self.triggers, self.library, log)
        self.inbox = Inbox(self.service, self.clock)
        self.alerts = self._make_alerts(config)

    @property
    def have_plans(self) -> bool:
        """Whether something is to be started, or somebody to be told."""
        return self.triggers.needs_engine or self.alerts.waits

    def clock_was_set(self) -> None:
        """Whoever waits for a moment looks again when it comes."""
        log("the clock was set, or the machine has slept: moments are looked at again")
        self.scheduler.clock_was_set()
        self.triggers.clock_was_set()
        self.alerts.clock_was_set()

    def _make_scheduler(self, config: Config) -> Scheduler:
        """What holds the live executions."""
        scheduler = Scheduler(
            self.home,
            self.clock,
            self.journal,
            self.sandbox,
            base_environment(config.env_passthrough),
            log,
            self.secrets,
            most_steps(config.max_running_steps),
        )
        scheduler.errands.requirements = Requirements(self.library).misses
        return scheduler

    def _make_service(self) -> Service:
        """What people and programs ask."""
        return Service(
            self.clock,
            self.journal,
            self.reader,
            self.scheduler,
            self.library,
            self.sensitive,
            _flows(self.journal),
            self.secrets,
            FlowPermissions(self.access, self.library),
        )

    def _make_alerts(self, config: Config) -> Alerts:
        """What tells people; what they acknowledge in the inbox reminds nobody."""
        alerts = Alerts(self.service, self.clock, config.channels, self.triggers, log)
        self.inbox.on_acknowledged = alerts.acknowledge_flows
        return alerts


def _flows(journal: Journal) -> dict[str, tuple[int, str]]:
    """The last number and the debug mode of every flow that has ever started."""
    connection = journal.reader()
    rows = connection.execute(queries()["flows"])
    found = {name: (number, debug) for name, number, debug in rows}
    connection.close()
    return found
