"""What the routes work with: the parts of one running engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.alerts.keeper import Alerts
from engine.config_watch import ConfigWatch
from engine.gauges import Gauges
from engine.inbox.keeper import Inbox
from engine.notes import Notes
from engine.paths import Home
from engine.push.push import Pushing
from engine.server.gate import Gate
from engine.server.outlook import Outlook
from engine.server.said import Said
from engine.server.view import Views
from engine.service import Service
from engine.triggers.keeper import Keeper

if TYPE_CHECKING:
    from engine.server.logbook import LogBook
from engine.server.warned import Warned


@dataclass
class Context:
    """One engine's parts, for the routes and the feed."""

    home: Home
    service: Service
    logs: LogBook
    status: Callable[[], Awaitable[dict[str, Any]]]
    stop: Callable[[bool], None]
    triggers: Keeper
    alerts: Alerts
    inbox: Inbox
    configuration: ConfigWatch = field(init=False)
    gauges: Gauges = field(init=False)
    gate: Gate = field(init=False)
    warned: Warned = field(init=False)
    outlook: Outlook = field(init=False)
    said: Said = field(init=False)
    notes: Notes = field(init=False)
    pushing: Pushing = field(init=False)
    views: Views = field(default_factory=Views)
    watchers: dict[str, int] = field(default_factory=dict)  # how many look at an execution
    removal_observers: list[Callable[[], None]] = field(default_factory=list)
    growth_observers: list[Callable[[list[str]], None]] = field(default_factory=list)
    sample_observers: list[Callable[[dict[str, dict[str, float]]], None]] = field(
        default_factory=list
    )

    def __post_init__(self) -> None:
        scheduler = self.service.scheduler
        self.gate = Gate(self.service)
        self.warned = Warned(self.logs, self.service)
        self.outlook = Outlook(self.service, self.logs)
        self.said = Said(self.home, self.service)
        self.notes = Notes(self.service)
        self.pushing = Pushing(self.service, str(self.home.flows))
        self.gauges = Gauges(self.home.data, lambda: scheduler.running_steps)
        scheduler.observers.append(lambda execution, events: self.gauges.wake())
        scheduler.observers.append(self.views.changed)
        self.removal_observers.append(self.views.removed)
        self.sample_observers.append(self.views.sampled)
        scheduler.on_grew = lambda executions: _tell(self.growth_observers, executions)
        scheduler.on_sampled = lambda at, samples: _tell(self.sample_observers, samples)

    def tell_removed(self, ids: list[str]) -> None:
        """Executions, or their logs, were removed: they are held open no more, lists look again."""
        self.logs.forget(ids)
        for observer in list(self.removal_observers):
            observer()

    def watch(self, execution_id: str) -> None:
        """Somebody looks at an execution: have its growth and samples reported."""
        n = self.watchers.get(execution_id, 0)
        self.watchers[execution_id] = n + 1
        if n == 0:
            self.service.scheduler.executor.watch(execution_id, True)

    def unwatch(self, execution_id: str) -> None:
        """One of them has left."""
        n = self.watchers.get(execution_id, 0) - 1
        if n > 0:
            self.watchers[execution_id] = n
            return
        self.watchers.pop(execution_id, None)
        self.service.scheduler.executor.watch(execution_id, False)


def _tell(observers: list[Callable[[Any], None]], news: Any) -> None:
    for observer in list(observers):
        observer(news)
