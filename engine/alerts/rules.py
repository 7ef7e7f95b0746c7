"""Which alerts an execution causes, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.alerts.quiet import quiet_until_us
from engine.core.names import names_of
from engine.core.state import Execution
from engine.errors import WingmanError
from engine.expression import HeavyExpression, evaluate
from engine.flowfile import durations
from engine.jsontext import encode

Rule = dict[str, Any]
Row = list[Any]
TITLE = {
    "failed": "failed", "partial": "ended partially", "completed": "completed",
    "cancelled": "was cancelled", "recovered": "has recovered",
    "long_running": "takes longer than usual", "not_started": "was not started",
}  # fmt: skip
QUEUED = "waits to be started"
TOO_LONG = "it takes too long"
DECIDED_IN_US = 10_000_000  # so long a costly condition may take, or the alert is told without it


@dataclass(frozen=True, slots=True)
class Around:
    """The moment and the place of a decision, and the channels there are."""

    now_us: int
    host: str
    channels: list[str]

    def to(self, rule: Rule) -> list[str]:
        """Where a rule's deliveries go; one that goes nowhere is kept, and fails visibly."""
        return rule["to"] or self.channels or ["none"]


@dataclass(frozen=True, slots=True)
class Told:
    """One alert, before it becomes a delivery for each channel."""

    cause: str  # what makes it one
    rule: Rule
    n: int  # of the rule in its flow
    flow: str
    occasion: str
    title: str
    text: str
    execution: str | None = None
    number: int = 0
    attempt: int = 0
    lasts: str = ""  # until what people are reminded: recovery | end | start | execution
    undecided: tuple[str, Mapping[str, Any]] | None = None  # a condition that is too costly here

    def deliveries(self, around: Around) -> Iterator[Row]:
        """The rows of `insert_deliveries`, one a channel."""
        now_us, rule = around.now_us, self.rule
        hours = rule.get("quiet")
        quiet_us = quiet_until_us(hours, now_us)
        for channel in around.to(rule):
            bundle, due_us = "", now_us + (DECIDED_IN_US if self.undecided else 0)
            if quiet_us is not None:
                bundle, due_us = f"quiet/{channel}/{quiet_us}", quiet_us
            elif rule.get("group_s"):
                due_us = now_us + round(rule["group_s"] * 1e6)
                bundle = f"group/{self.flow}/{self.n}/{channel}"
            yield [f"{self.cause}/{channel}", channel, self.flow, self.execution, self.number,
                   self.attempt, self.occasion, self.title, self.text, now_us, self.cause, bundle,
                   due_us, encode(hours).decode() if hours else ""]  # fmt: skip

    def reminders(self, around: Around) -> Iterator[Row]:
        """The rows of `upsert_reminders`, where the rule wants any."""
        every_s = self.rule.get("repeat_s")
        if not every_s or not self.lasts:
            return
        every_us, hours = round(every_s * 1e6), self.rule.get("quiet")
        about = f"/{self.execution}" if self.lasts in ("end", "start") else ""
        for channel in around.to(self.rule):
            key = f"{self.flow}/{self.n}/{self.lasts}/{channel}{about}"
            yield [key, self.flow, self.lasts, self.execution, f"{self.cause}/{channel}",
                   every_us, around.now_us + every_us,
                   encode(hours).decode() if hours else ""]  # fmt: skip


def at_end(execution: Execution, around: Around) -> Iterator[Told]:
    """What an end causes; whether one has `recovered`, the journal decides."""
    for n, rule in enumerate(execution.definition.get("alerts", ())):
        what = execution.state
        if what not in rule["on"]:
            if what != "completed" or "recovered" not in rule["on"]:
                continue
            what = "recovered"
        lasts = "" if what in ("completed", "recovered") else "recovery"
        yield from _about(execution, n, rule, what, around, lasts, TITLE[what])


def runs_long(execution: Execution, n: int, around: Around) -> Iterator[Told]:
    """What a rule has to tell of an execution that runs for too long."""
    rule, what = execution.definition["alerts"][n], "long_running"
    return _about(execution, n, rule, what, around, "end", TITLE[what])


def waits_long(execution: Execution, n: int, since_us: int, around: Around) -> Iterator[Told]:
    """What a rule has to tell of an execution that is queued for too long."""
    rule = execution.definition["alerts"][n]
    why = f": {execution.group_reason}" if execution.group_reason else ""
    waited = durations.written(round((around.now_us - since_us) / 1e6))
    name = f"{execution.flow}#{execution.number}"
    yield Told(
        f"{execution.id}/{execution.attempt}/{n}/queued", rule, n, execution.flow, "not_started",
        f"{name} {QUEUED}", f"queued for {waited}{why}\non {around.host}\n\nwingman why {name}",
        execution.id, execution.number, execution.attempt, "start",
    )  # fmt: skip


def missed(
    flow: str, trigger: str, key: str, reason: str, rules: list[Rule], around: Around
) -> Iterator[Told]:
    """What a missed moment of a trigger causes."""
    for n, rule in enumerate(rules):
        if "not_started" in rule["on"]:
            text = f"{trigger} at {key}: {reason}\non {around.host}\n\nwingman why {flow}"
            yield Told(f"{trigger}/{key}/{n}", rule, n, flow, "not_started",
                       f"{flow} {TITLE['not_started']}", text, lasts="execution")  # fmt: skip


def waits_in_line(flow: str, trigger: str, key: str, n: int, rule: Rule, around: Around) -> Told:
    """What a rule has to tell of a trigger's moment that waits for others for too long."""
    waited = durations.written(rule["after_s"])
    text = (
        f"{trigger} at {key} has waited its turn for {waited}: what it has started before still "
        f"runs\non {around.host}\n\nwingman why {flow}"
    )
    cause = f"{trigger}/{key}/{n}/queued"
    title = f"{flow} {QUEUED}"
    return Told(cause, rule, n, flow, "not_started", title, text, lasts="execution")


def _about(
    execution: Execution, n: int, rule: Rule, what: str, around: Around, lasts: str, words: str
) -> Iterator[Told]:
    """What one rule has to tell, if its condition holds."""
    note, undecided = "", None
    if rule["if"] is not None:
        names = _names(execution, around.now_us)
        try:
            if evaluate(rule["if"], names, masked=execution.masked) is not True:
                return
        except HeavyExpression:
            note, undecided = undecided_note(rule["if"], TOO_LONG), (rule["if"], names)
        except WingmanError as error:
            note = undecided_note(rule["if"], error.message)
    text = _text(execution, what, around) + note
    yield Told(
        f"{execution.id}/{execution.attempt}/{n}/{what}", rule, n, execution.flow, what,
        f"{execution.flow}#{execution.number} {words}", text, execution.id, execution.number,
        execution.attempt, lasts, undecided,
    )  # fmt: skip


def undecided_note(condition: str, why: str) -> str:
    """What is said of a condition that cannot be decided.

    It does not keep an alert back: better told once too often.
    """
    return f"\n\nIts condition could not be decided ({condition}): {why}"


def _names(execution: Execution, now_us: int) -> Mapping[str, Any]:
    """What a condition knows."""
    nothing = {"type": "", "message": "", "step": ""}
    return {
        **names_of(execution, None, {}, now_us),
        "outputs": execution.outputs or {}, "error": {**nothing, **(execution.error or {})},
    }  # fmt: skip


def _text(execution: Execution, what: str, around: Around) -> str:
    """What is told of an execution."""
    error = execution.error if what != "recovered" else None
    lines = []
    if error:
        step = f"{error['step']}: " if error.get("step") else ""
        lines.append(f"{step}{error['type']}: {error['message']}")
    since_us = execution.attempt_started_at_us
    if since_us is not None:
        taken_s = ((execution.ended_at_us or around.now_us) - since_us) / 1e6
        lines.append(f"{execution.state} after {durations.written(round(taken_s, 1))}")
    name = f"{execution.flow}#{execution.number}"
    asks = "why" if what in ("failed", "partial", "long_running") else "show"
    return "\n".join([*lines, f"on {around.host}", "", f"wingman {asks} {name}"])
