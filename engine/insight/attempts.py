"""What ran in each attempt of an execution, every try of every step, by its journal. Pure.

An execution's steps tell of their last try alone: what a retry has replaced is here. Times are
microseconds. Batches are left out: their step has one run, of all that it tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Row = tuple[int, str, str | None, str | None, int | None, int | None, str | None, int | None]
BEGINS = ("attempt.starting", "attempt.began", "step.waiting", "child.starting")
ENDS = ("attempt.ended", "step.ended", "child.ended")
FORMER_LIMIT = 20  # attempts that are told, the newest
RUNS_LIMIT = 1_000  # of one of them


class Run(NamedTuple):
    """One try of a step; of one that is tried again its state is `failed`."""

    path: str
    begin_us: int
    end_us: int
    state: str
    error: str | None  # its type


@dataclass(slots=True)
class Attempt:
    """One attempt of an execution; it ends with the next one where nothing else ended it."""

    number: int
    begin_us: int | None = None
    end_us: int | None = None
    state: str = ""
    runs: list[Run] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For the API: what ran, in the order of its begin, as much as is told."""
        runs = sorted(self.runs, key=lambda run: (run.begin_us, run.end_us))
        begin_us = self.begin_us if self.begin_us is not None else self.end_us
        return {
            "number": self.number, "begin_us": begin_us, "end_us": self.end_us, "state": self.state,
            "spans": [run._asdict() for run in runs[:RUNS_LIMIT]],
            "more": max(0, len(runs) - RUNS_LIMIT),
        }  # fmt: skip


def attempts_of(rows: Iterable[Row]) -> list[Attempt]:
    """The attempts that these rows of the journal tell of, in order; the last one is the present.

    A row is (at, type, step, state, began, ended, error's type, number of the attempt).
    """
    found = [Attempt(1)]
    begun: dict[str, int] = {}
    for at_us, type_, step, state, began_us, ended_us, error, number in rows:
        here = found[-1]
        if type_ == "execution.retried":
            here.end_us = here.end_us or at_us
            found.append(Attempt(number or here.number + 1))
            begun.clear()
        elif type_ == "execution.started":
            here.begin_us = at_us
        elif type_ == "execution.ended":
            here.end_us, here.state = at_us, state or ""
        elif step is None or step.rpartition("/")[2].isdigit():
            continue
        elif type_ in BEGINS:
            begun[step] = at_us
        elif type_ == "attempt.recalled":
            begun.pop(step, None)
        elif type_ in ENDS:
            begin_us = begun.pop(step, None) if began_us is None else began_us
            if begin_us is not None:
                ended = "failed" if state == "waiting" else state or ""
                here.runs.append(Run(step, begin_us, ended_us or at_us, ended, error))
    return found


def tries_before(attempt: Attempt, begins: dict[str, int]) -> dict[str, list[Run]]:
    """The tries of each step before the one that began then, in order."""
    found: dict[str, list[Run]] = {}
    for run in attempt.runs:
        if run.end_us <= begins.get(run.path, 0):
            found.setdefault(run.path, []).append(run)
    return found
