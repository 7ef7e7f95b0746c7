"""The words of the engine as data: states, allowed transitions, events. Pure; imports nothing.

Every change of a state goes through `check_execution` or `check_step`, so that the two tables
below are the whole truth about what may follow what.
"""

from __future__ import annotations

from typing import Any, NamedTuple

EXECUTION_TRANSITIONS: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "cancelled", "failed"}),
    "running": frozenset({"paused", "completed", "partial", "failed", "cancelled"}),
    "paused": frozenset({"running", "completed", "partial", "failed", "cancelled"}),
    "completed": frozenset(),
    # a terminal state changes only by the verb `retry`
    "partial": frozenset({"queued"}),
    "failed": frozenset({"queued"}),
    "cancelled": frozenset({"queued"}),
}
STEP_TRANSITIONS: dict[str, frozenset[str]] = {
    "pending": frozenset({"waiting", "running", "skipped", "cancelled", "failed", "reused"}),
    "waiting": frozenset({"running", "completed", "skipped", "cancelled", "failed"}),
    "running": frozenset(
        # skipped: a group, when all of its steps were
        {"completed", "partial", "failed", "interrupted", "cancelled", "waiting", "skipped"}
    ),
    # back to pending only by the verb `retry`; completed ones only in `finally`
    "completed": frozenset({"pending"}),
    "partial": frozenset({"pending"}),
    "failed": frozenset({"pending"}),
    "interrupted": frozenset({"pending"}),
    "skipped": frozenset({"pending"}),
    "cancelled": frozenset({"pending"}),
    "reused": frozenset(),
}
OPEN_EXECUTION_STATES = frozenset({"queued", "running", "paused"})
TERMINAL_EXECUTION_STATES = frozenset(EXECUTION_TRANSITIONS) - OPEN_EXECUTION_STATES
OPEN_STEP_STATES = frozenset({"pending", "waiting", "running"})
# kinds of steps that the engine carries out by itself: no process, and no place of the engine's
GROUP_KINDS = frozenset({"parallel", "steps"})  # those that only hold others
OWN_KINDS = frozenset({"wait", "approve", "flow"}) | GROUP_KINDS
AT_ONCE = frozenset({"wait", "approve"}) | GROUP_KINDS  # those that no limit holds up
# what starts an execution; who starts one through the API may say another word
STARTED_BY = (
    "manual", "schedule", "webhook", "watch", "after", "event", "rerun", "resume", "flow",
)  # fmt: skip
POOL_NAME = "[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
# in the order in which an execution goes through them; of the `on_…` it takes the fitting one
SECTIONS = ("steps", "on_failure", "on_success", "on_cancel", "finally")


class ForbiddenTransition(AssertionError):
    """A state was to change in a way that the tables do not allow: a fault of the engine."""


class Event(NamedTuple):
    """One line of the journal: what happened to which execution, when (microseconds, UTC)."""

    seq: int
    execution: str
    at_us: int
    type: str
    data: dict[str, Any]


def check_execution(before: str, after: str) -> str:
    """`after`, when an execution may go there from `before`."""
    if after not in EXECUTION_TRANSITIONS[before]:
        raise ForbiddenTransition(f"execution: {before} → {after}")
    return after


def check_step(before: str, after: str) -> str:
    """`after`, when a step may go there from `before`."""
    if after not in STEP_TRANSITIONS[before]:
        raise ForbiddenTransition(f"step: {before} → {after}")
    return after
