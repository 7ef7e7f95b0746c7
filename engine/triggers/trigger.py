"""One trigger in memory, and its rows: as the journal keeps it, as the API shows it. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.flowfile.durations import written
from engine.times import to_text

Row = list[Any]
KEY_PREFIX = "trigger/"
REFUSALS = 10  # of a hook that are remembered


@dataclass(slots=True, eq=False)
class Trigger:
    """What starts one flow; changed by the keeper and its parts alone."""

    name: str  # flow:trigger
    flow: str
    source: str
    version: str
    definition: dict[str, Any]
    decided_us: int  # of a schedule: all moments up to here have their outcome
    highest_us: int = 0  # no moment after this one was ever decided, whatever the clock did
    is_armed: bool = True
    paused: dict[str, Any] | None = None  # {"by", "at", "reason"}
    last: dict[str, Any] | None = None  # its newest outcome, as in the ledger
    gone_us: int = 0  # since when no file has it
    problem: str = ""  # why it goes on as it was, or cannot serve
    held: str = ""  # why nothing may start now, while something waits for that
    running: set[str] = field(default_factory=set)  # executions that it has started
    waiting: deque[Row] = field(default_factory=deque)  # occasions that wait for their turn
    turn: int = 0  # counts what makes a decision under way void
    busy: bool = False  # somebody decides about it now
    again: bool = False  # and has to look once more
    decisions: int = 0  # since the ledger was thinned
    # of a hook, the newest first: {"at", "reason"}
    refusals: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REFUSALS))
    alerts: list[Any] = field(default_factory=list)  # of its flow's file
    has_looked: bool = False  # of files: those that were there before it are known
    known: dict[str, tuple[int, int, int]] | None = None  # they by path, in this engine's memory
    tokens: float = 0.0  # of a hook's rate
    filled_us: int = 0

    @property
    def kind(self) -> str:
        kind: str = self.definition["kind"]
        return kind

    @property
    def local_name(self) -> str:
        """Its name within the flow."""
        return self.name.partition(":")[2]

    def request_key(self, key: str) -> str:
        """What makes a start of this trigger happen once."""
        return f"{KEY_PREFIX}{self.name}/{key}"

    @property
    def paused_words(self) -> str:
        """Who has paused it and why; nothing where nobody has."""
        if not self.paused:
            return ""
        reason = self.paused.get("reason")
        return f"paused by {self.paused['by']}" + (f": {reason}" if reason else "")

    def row(self) -> Row:
        """As the table triggers holds it."""
        data: dict[str, Any] = {
            "definition": self.definition,
            "paused": self.paused,
            "last": self.last,
            "highest_us": self.highest_us,
            "gone_us": self.gone_us,
        }
        if self.has_looked:
            data["has_looked"] = True
        if self.alerts:
            data["alerts"] = self.alerts
        if self.refusals:
            data["refusals"] = list(self.refusals)
        return [self.name, self.flow, self.kind, self.source, self.version, int(self.is_armed),
                self.decided_us, data]  # fmt: skip


def from_row(row: tuple[Any, ...]) -> Trigger:
    """A trigger as the last engine left it."""
    name, flow, _, source, version, is_armed, decided_us, data = row
    return Trigger(
        name,
        flow,
        source,
        version,
        data["definition"],
        decided_us,
        data["highest_us"],
        bool(is_armed),
        data["paused"],
        data["last"],
        data["gone_us"],
        refusals=deque(data.get("refusals", ()), maxlen=REFUSALS),
        alerts=data.get("alerts", []),
        has_looked=data.get("has_looked", False),
    )


def trigger_of(request_key: str | None) -> str | None:
    """The name of the trigger that made an execution; None for one that people made."""
    if request_key is None or not request_key.startswith(KEY_PREFIX):
        return None
    return request_key[len(KEY_PREFIX) :].partition("/")[0]


def occasion_row(
    trigger: Trigger, key: str, at_us: int, now_us: int, outcome: str, reason: str = "",
    *, until_us: int | None = None, times: int = 1, execution: Mapping[str, Any] | None = None,
    **data: Any,
) -> Row:  # fmt: skip
    """A row of the ledger: the columns of occasions but seq."""
    if execution is not None:
        data["label"] = f"{execution['flow']}#{execution['number']}"
    id_ = None if execution is None else execution["id"]
    until_us = at_us if until_us is None else until_us
    return [trigger.name, key, at_us, until_us, times, now_us, outcome, reason, id_, data]


def shown_occasion(row: Row | tuple[Any, ...]) -> dict[str, Any]:
    """A row of the ledger as the API shows it."""
    _, key, at_us, until_us, times, decided_us, outcome, reason, execution, data = row
    return {
        "at": to_text(at_us),
        "until": to_text(until_us),
        "times": times,
        "more": bool(data.get("more")),
        "outcome": outcome,
        "reason": reason,
        "execution": execution,
        "label": data.get("label"),
        "decided_at": to_text(decided_us),
        "key": key,
    }


def words_of(definition: Mapping[str, Any]) -> str:
    """What starts the flow, in a few words."""
    return _WORDS[definition["kind"]](definition)


def _schedule(definition: Mapping[str, Any]) -> str:
    zone = definition["timezone"]
    place = "" if zone == "UTC" else f" {zone}"
    if definition["cron"] is not None:
        return f"{definition['cron']}{place}"
    if definition["every_s"] is not None:
        return f"every {written(definition['every_s'])}"
    return f"at {(to_text(definition['at_us']) or '')[:19]}Z"


def _after(definition: Mapping[str, Any]) -> str:
    states = ", ".join(definition["status"])
    return f"after {definition['after']}" + (f" ({states})" if states != "completed" else "")


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "schedule": _schedule,
    "webhook": lambda definition: f"POST /hooks/{definition['hook']} ({definition['signature']})",
    "after": _after,
    "watch": lambda definition: f"{'/'.join(definition['on'])} {definition['path']}",
    "event": lambda definition: f"event {definition['type']}",
}
