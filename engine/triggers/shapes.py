"""The shapes of triggers as they cross the API; `engine.server.openapi` describes them."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Occasion(TypedDict):
    """A moment, file, event or delivery with its outcome; or several that share their fate."""

    at: str
    until: str
    times: int
    more: bool  # they were more than could be counted
    outcome: str  # waiting | ran | late | skipped | missed
    reason: str
    execution: str | None
    label: str | None  # flow#number of that execution
    decided_at: str
    key: str


class Trigger(TypedDict):
    """What starts a flow by itself."""

    name: str  # flow:trigger
    flow: str
    kind: str
    what: str  # in a few words
    paused: dict[str, Any] | None  # {"by", "at", "reason"}
    problem: str  # why it is not as its file says
    source: str
    version: str
    next: str | None  # when a schedule starts it next
    running: list[str]  # executions that it has started
    waiting: int  # occasions that wait for their turn
    refusals: list[dict[str, Any]]  # of a hook, the last ones: {"at", "reason"}
    last: Occasion | None
    definition: dict[str, Any]


class Moment(TypedDict):
    """A moment to come: in UTC, and as the clocks of its zone show it."""

    at: str
    local: str
    starts: str  # `at`, and its jitter


class SwitchRequest(TypedDict, total=False):
    """Pausing or continuing: why."""

    reason: str


class TrialRequest(TypedDict, total=False):
    """What a trigger is to be tried with: what would come from outside."""

    payload: Any
    headers: dict[str, str]


class Trial(TypedDict):
    """What would happen; nothing is started."""

    trigger: str
    flow: str
    version: str
    outcome: str  # start | skipped | missed
    reason: str
    inputs: dict[str, Any]  # sensitive ones masked
    event: Any  # what its expressions would see as `event`


class EmitRequest(TypedDict):
    """An event, with the names of CloudEvents."""

    type: str
    id: NotRequired[str]
    source: NotRequired[str]
    subject: NotRequired[str]
    time: NotRequired[str]
    data: NotRequired[Any]
    specversion: NotRequired[str]
    datacontenttype: NotRequired[str]
    dataschema: NotRequired[str]


class Emitted(TypedDict):
    """What an event has done: one outcome for each trigger that waits for its type."""

    id: str
    outcomes: list[dict[str, Any]]
