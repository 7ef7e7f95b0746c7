"""The shapes that cross the API: plain JSON, described by TypedDicts. Standard library only.

The command line and the engine share them; `engine.server.openapi` makes the OpenAPI document from
them, and from the `shapes` that parts have for requests and answers of their own. Times are
`YYYY-MM-DDTHH:MM:SS.ffffffZ`, durations whole milliseconds.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict, get_args

ExecutionState = Literal[
    "queued", "running", "paused", "completed", "partial", "failed", "cancelled"
]
StepState = Literal[
    "pending",
    "waiting",
    "running",
    "completed",
    "partial",
    "failed",
    "interrupted",
    "skipped",
    "cancelled",
    "reused",
]
STEP_STATES: tuple[str, ...] = get_args(StepState)
Level = Literal["debug", "info", "warning", "error"]
Verb = Literal["retry", "rerun", "cancel", "kill", "pause", "continue", "debug"]
VERBS: tuple[str, ...] = get_args(Verb)


class ErrorOf(TypedDict):
    """Why a step or an execution failed; `step` is the path of the failing step."""

    step: NotRequired[str | None]
    type: str
    message: str


class Batch(TypedDict):
    """How far a batch step is; its batches are the steps `path/0`, `path/1`, …"""

    items: int
    size: int
    batches: int
    ended: int
    running: int
    failed_items: int  # how many
    position: int  # of its first batch in the journal


class Expected(TypedDict):
    """What the flow's last good executions took, and when a live one should end by that."""

    usual_ms: int
    executions: int  # how many were measured
    end_at: str | None  # null where nobody can say: it waits for a person, or is late


class Stuck(TypedDict):
    """That something does not get on as it should: a fact beside the state."""

    kind: Literal["silent", "same_error", "deep"]
    step: str | None
    since: str
    reason: str  # in words


class Step(TypedDict):
    """One step of one execution, as its latest attempt left it."""

    id: str
    path: str
    state: StepState
    attempts: int
    started_at: str | None
    ended_at: str | None
    duration_ms: int | None
    exit_code: int | None
    error: ErrorOf | None
    outputs: dict[str, Any]
    warnings: int | None
    cpu_s: float | None
    max_rss_bytes: int | None
    # beyond what `show --json` prints
    kind: NotRequired[str]
    needs: NotRequired[list[str]]
    section: NotRequired[str]  # a section of the flow: steps, finally, …
    reason: NotRequired[str]  # why it waits, was skipped or was cancelled
    handled: NotRequired[bool]
    signal: NotRequired[str | None]
    read_bytes: NotRequired[int | None]
    write_bytes: NotRequired[int | None]
    log_bytes: NotRequired[int]  # what all of its attempts printed
    child: NotRequired[dict[str, Any]]  # the execution that it calls: execution, flow, number
    waiting_for: NotRequired[dict[str, Any]]  # a moment or an approval: kind, until, message, …
    of: NotRequired[dict[str, str]]  # listed in its caller's tree: execution, path
    batch: NotRequired[Batch]
    stuck: NotRequired[Stuck]
    live: NotRequired[dict[str, float]]  # the last sample of a running step: cpu_s, rss_bytes, …


class Progress(TypedDict):
    """How far an execution is: steps ended of all, and how many run now."""

    ended: int
    running: int
    total: int


class Execution(TypedDict):
    """One execution; `steps` only where one execution is asked for."""

    id: str
    flow: str
    number: int
    state: ExecutionState
    type: str
    tags: list[str]
    trigger: str
    actor: str
    version: str
    attempt: int
    debug: bool
    started_at: str | None
    ended_at: str | None
    duration_ms: int | None  # of its present attempt
    attempt_started_at: NotRequired[str | None]  # of one that was retried: when that one began
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    warnings: int | None
    waiting_for: dict[str, Any] | None
    stuck: NotRequired[Stuck | None]  # of live ones
    expected: NotRequired[Expected | None]  # of live ones
    resumed_from: str | None
    rerun_of: str | None
    parent: NotRequired[dict[str, Any] | None]  # what has called it: execution, flow, number, step
    environment: NotRequired[dict[str, Any]]  # the server's values that it was started with
    error: ErrorOf | None
    steps: NotRequired[list[Step]]
    created_at: NotRequired[str]
    progress: NotRequired[Progress]


# what `run --json` and `show --json` print, in this order
EXECUTION_KEYS = (
    "id", "flow", "number", "state", "type", "tags", "trigger", "actor", "version", "attempt",
    "debug", "started_at", "ended_at", "duration_ms", "inputs", "outputs", "warnings",
    "waiting_for", "resumed_from", "rerun_of", "error", "steps",
)  # fmt: skip
STEP_KEYS = (
    "id", "path", "state", "attempts", "started_at", "ended_at", "duration_ms", "exit_code",
    "error", "outputs", "warnings", "cpu_s", "max_rss_bytes",
)  # fmt: skip
# only where there is such a thing to tell; `server` where several were asked
MORE_EXECUTION_KEYS = ("server", "parent", "environment", "stuck", "expected",
                       "attempt_started_at")  # fmt: skip
MORE_STEP_KEYS = ("handled", "reason", "child", "of", "stuck")


class Input(TypedDict):
    """One declared input of a flow; `schema` holds its JSON-Schema words."""

    name: str
    type: str
    required: bool
    default: NotRequired[Any]
    sensitive: bool
    description: str
    schema: dict[str, Any]


class Flow(TypedDict):
    """A flow that can be started by name."""

    name: str
    version: str
    description: str
    type: str
    tags: list[str]
    source: str
    standard: bool
    debug: str  # off | on | once
    problems: list[str]  # why it cannot start; empty when it can
    inputs: list[Input]
    last: list[dict[str, Any]]  # newest first: {"number", "state", "duration_ms", "id"}
    definition: NotRequired[str]


class Claim(TypedDict):
    """A step that holds slots of a pool, or waits for them, and since when."""

    execution: str
    flow: str
    number: int
    step: str
    slots: int
    since: str


class Pool(TypedDict):
    """A named shared resource; `capacity` is null where the configuration does not know it."""

    name: str
    capacity: int | None
    used: int
    holders: list[Claim]
    waiters: list[Claim]  # in the order in which they are served


class Member(TypedDict):
    """An execution that holds a concurrency group, or waits for it, and since when."""

    execution: str
    flow: str
    number: int
    state: str
    since: str


class Group(TypedDict):
    """A concurrency group that somebody holds or waits for."""

    name: str
    limit: int
    holders: list[Member]
    waiters: list[Member]  # in the order in which they start


class StartRequest(TypedDict):
    """What `run` asks for: a flow by name, or a file's text with its absolute path."""

    flow: NotRequired[str]
    source: NotRequired[str]
    text: NotRequired[str]
    inputs: NotRequired[dict[str, Any]]
    inputs_text: NotRequired[dict[str, str]]  # from `-i k=v`: typed by their declarations
    debug: NotRequired[bool]
    trigger: NotRequired[str]


class Started(TypedDict):
    """The answer to a start or a verb."""

    id: str
    flow: str
    number: int
    state: ExecutionState


class LogLine(TypedDict):
    """One line of a log; `text` is as stored (masked), control sequences included."""

    cursor: str
    time: str
    step: str
    attempt: int
    stream: Literal["stdout", "stderr", "engine"]
    level: Level
    text: str


class Problem(TypedDict):
    """One thing wrong with a flow file."""

    line: int
    column: int
    what: str
    hint: str


class EngineStatus(TypedDict):
    """Who serves this home."""

    pid: int
    runner_pid: int | None
    version: str
    home: str
    socket: str
    started_at: str
    environment: NotRequired[dict[str, Any]]  # name, production, values; where there are any


class Machine(TypedDict):
    """Gauges of the machine; shares are 0 to 1, sizes bytes."""

    cpu: float
    cores: list[float]
    load: list[float]
    memory_used_bytes: int
    memory_total_bytes: int
    swap_used_bytes: int
    swap_total_bytes: int
    disk_used_bytes: int  # of the disk that holds the journal
    disk_total_bytes: int
    disk_read_bytes_s: int
    disk_written_bytes_s: int
    net_received_bytes_s: int
    net_sent_bytes_s: int
    running_steps: int
