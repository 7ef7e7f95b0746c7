"""Which alerts an execution causes, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.names import names_of
from engine.core.state import Execution
from engine.errors import WingmanError
from engine.expression import HeavyExpression, evaluate
from engine.flowfile import durations

Rule = dict[str, Any]
Row = list[Any]  # the columns of `insert_deliveries`
TITLE = {
    "failed": "failed", "partial": "ended partially", "completed": "completed",
    "cancelled": "was cancelled", "recovered": "has recovered",
    "long_running": "takes longer than usual", "not_started": "was not started",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Around:
    """The moment and the place of a decision, and the channels there are."""

    now_us: int
    host: str
    channels: list[str]

    def to(self, rule: Rule) -> list[str]:
        """Where a rule's deliveries go; one that goes nowhere is kept, and fails visibly."""
        return rule["to"] or self.channels or ["none"]


def at_end(execution: Execution, around: Around) -> Iterator[Row]:
    """The deliveries that an end causes; whether one has `recovered`, the journal decides."""
    for n, rule in enumerate(execution.definition.get("alerts", ())):
        what = execution.state
        if what not in rule["on"]:
            if what != "completed" or "recovered" not in rule["on"]:
                continue
            what = "recovered"
        yield from about(execution, n, rule, what, around)


def about(
    execution: Execution, n: int, rule: Rule, what: str, around: Around
) -> Iterator[Row]:
    """The deliveries of one rule, one a channel, if its condition holds."""
    note = _condition(execution, rule["if"], around.now_us)
    if note is None:
        return
    key = f"{execution.id}/{execution.attempt}/{n}/{what}"
    name = f"{execution.flow}#{execution.number}"
    text = _text(execution, what, around) + note
    for channel in around.to(rule):
        yield [f"{key}/{channel}", channel, execution.flow, execution.id, execution.number,
               execution.attempt, what, f"{name} {TITLE[what]}", text, around.now_us]  # fmt: skip


def missed(flow: str, trigger: str, key: str, reason: str, rules: list[Rule],
           around: Around) -> Iterator[Row]:  # fmt: skip
    """The deliveries that a missed moment of a trigger causes."""
    for n, rule in enumerate(rules):
        if "not_started" not in rule["on"]:
            continue
        text = f"{trigger} at {key}: {reason}\non {around.host}\n\nwingman why {flow}"
        for channel in around.to(rule):
            yield [f"{trigger}/{key}/{n}/{channel}", channel, flow, None, 0, 0, "not_started",
                   f"{flow} {TITLE['not_started']}", text, around.now_us]  # fmt: skip


def _condition(execution: Execution, text: str | None, now_us: int) -> str | None:
    """What to add about the condition; None where it does not hold.

    One that cannot be decided does not keep an alert back: better told once too often.
    """
    if text is None:
        return ""
    nothing = {"type": "", "message": "", "step": ""}
    names: Mapping[str, Any] = {
        **names_of(execution, None, {}, now_us),
        "outputs": execution.outputs or {}, "error": {**nothing, **(execution.error or {})},
    }  # fmt: skip
    try:
        return "" if evaluate(text, names, masked=execution.masked) is True else None
    except HeavyExpression:
        why = "it is too costly"
    except WingmanError as error:
        why = error.message
    return f"\n\nIts condition could not be decided ({text}): {why}"


def _text(execution: Execution, what: str, around: Around) -> str:
    """What is told of an execution."""
    error = execution.error if what != "recovered" else None
    lines = []
    if error:
        step = f"{error['step']}: " if error.get("step") else ""
        lines.append(f"{step}{error['type']}: {error['message']}")
    since_us = execution.started_at_us
    if since_us is not None:
        taken_s = ((execution.ended_at_us or around.now_us) - since_us) / 1e6
        lines.append(f"{execution.state} after {durations.written(round(taken_s, 1))}")
    name = f"{execution.flow}#{execution.number}"
    asks = "why" if what in ("failed", "partial", "long_running") else "show"
    return "\n".join([*lines, f"on {around.host}", "", f"wingman {asks} {name}"])
