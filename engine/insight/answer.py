"""What an answer to `why` is made of: the facts it is found from, causes, what helps. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Row = Mapping[str, Any]
CHAIN_LIMIT = 40
NAMED_LIMIT = 8
FAILED = ("failed", "interrupted")


@dataclass(frozen=True, slots=True)
class Cause:
    """One link of the chain: a cause of the nearest one above that is less deep."""

    subject: str
    what: str
    depth: int = 0
    since: str | None = None
    lines: tuple[str, ...] = ()  # of the log


@dataclass(frozen=True, slots=True)
class Help:
    """A command that goes on from here, and what it does."""

    command: str
    what: str


@dataclass(slots=True)
class Facts:
    """What is known beside the execution itself."""

    events: Sequence[Row] = ()  # {"at", "type", "data"}, in order
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)  # last log lines by step
    words: Mapping[str, str] = field(default_factory=dict)  # of failures that tell only an exit
    earlier: Sequence[Row] = ()  # executions of the flow before it, newest first
    usual_ms: Mapping[str, float] = field(default_factory=dict)  # by step
    running_steps: int = 0
    max_running_steps: int = 0
    max_parallel: int = 0
    notes: Sequence[Row] = ()  # written beside it, oldest first: people.Note
    known: Sequence[Row] = ()  # written about the same error of other executions, newest first
    slots: Mapping[str, Sequence[Cause]] = field(default_factory=dict)  # what others hold, by step
    children: Mapping[str, Row] = field(default_factory=dict)  # executions that steps call
    bottleneck: str = ""  # in words
    expected_words: str = ""  # of a live one
    group: Sequence[Cause] = ()  # who holds its concurrency group, and who is before it


@dataclass(slots=True)
class Why:
    """The answer: one sentence, the chain, what helps."""

    subject: str
    state: str
    answer: str = ""
    probe: str = ""  # the path of a failed `http` step whose server can be asked
    causes: list[Cause] = field(default_factory=list)
    helps: list[Help] = field(default_factory=list)

    def add_probe(self, host: str, lines: Sequence[str], is_well: bool) -> None:
        """What the server of the failed step answers now, after the failure itself."""
        what = f"{host} answers" if is_well else f"{host} does not answer as it should"
        self.causes.insert(1, Cause("now", what, 1, lines=tuple(lines)))

    def add_runbook(self, place: str, lines: Sequence[str]) -> None:
        """What the flow's author says to do, after all causes."""
        if lines:
            self.causes.append(Cause("runbook", f"from {place}", lines=tuple(lines)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def last_of(events: Sequence[Row], type_: str) -> Row | None:
    return next((event for event in reversed(events) if event["type"] == type_), None)
