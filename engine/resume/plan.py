"""Which steps of an earlier execution a new one may take over, and why the others run. Pure.

A step is reused only if what it is made of is unchanged: its definition, the inputs and variables
that it gets, and everything that it needs. How a failure is dealt with (timeout, retry) is no part
of that. Called by `engine.resume.start` and by tests.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from engine.core.graph import before_each, in_order
from engine.core.state import Execution, StepState
from engine.errors import UsageError
from engine.model import GROUP_KINDS, SECTIONS

REUSE, RUN, INVALIDATED = "reuse", "run", "invalidated"
# how a step is limited and how its failure is dealt with: nothing that a completed step is made of
POLICY = frozenset(
    {"timeout_s", "grace_s", "retry", "on_interrupt", "continue_on_error", "on_error", "pools"}
)
DERIVED = frozenset({"id", "path", "waits_for_failure", "parent", "clause"})
TAKEN_STATES = ("completed", "reused")
NAMED_LIMIT = 6
_AS_TEXT = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WHOLE_INPUTS = re.compile(r"\binputs\b(?!\s*[.\w])")  # all of them, as in size(inputs)
WHY_RUN = {
    "failed": "it failed",
    "interrupted": "it was interrupted: whether it had effects is unknown",
    "cancelled": "it was cancelled",
    "partial": "some of it failed",
    "skipped": "it did not run, because of a failure",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of one step, and why."""

    path: str
    section: str
    decision: str  # reuse | run | invalidated
    because: str
    was: str | None  # its state in the earlier execution; None for a new step
    can_reuse: bool  # whether it could be taken over at all, if only against the advice
    chosen: bool = False  # somebody has switched this row
    content: str = ""  # the hash that tells whether it is what it was


COLUMNS = tuple(each.name for each in fields(Row))
# what was decided so far, and the groups with something in them that runs
Earlier = tuple[Mapping[str, Row], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different for every step: values that are not as they were."""

    inputs: frozenset[str]
    env: frozenset[str]
    environment: frozenset[str]  # values of the server
    python_path: bool
    files_gone: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows in the order of the file, and the steps that are not in it any more."""

    rows: tuple[Row, ...]
    gone: tuple[str, ...]
    changed_inputs: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        counts = dict.fromkeys((REUSE, RUN, INVALIDATED), 0)
        for row in self.rows:
            counts[row.decision] += 1
        return {
            "steps": [{name: getattr(row, name) for name in COLUMNS} for row in self.rows],
            "gone": list(self.gone),
            "changed_inputs": list(self.changed_inputs),
            "counts": counts,
        }


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody wants otherwise than the plan would have it."""

    run: frozenset[str] = frozenset()
    reuse: frozenset[str] = frozenset()
    unsafe: bool = False  # also what has changed may be reused

    def by_path(self, steps: Sequence[Mapping[str, Any]]) -> Choices:
        """The same, with the steps that are named by their ids named by their paths."""
        if not (self.run or self.reuse):
            return self
        paths = {each["id"]: each["path"] for each in steps}
        run = frozenset(paths.get(name, name) for name in self.run)
        return replace(self, run=run, reuse=frozenset(paths.get(name, name) for name in self.reuse))


def make_plan(
    old: Execution,
    definition: Mapping[str, Any],
    inputs: Mapping[str, Any],
    choices: Choices = Choices(),
    *,
    files_gone: bool = False,
    environment: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of an execution of `definition` that goes on from `old`. Raises UsageError."""
    values = old.environment_values if environment is None else environment
    changes = _changes(old, definition, inputs, values, files_gone)
    choices = choices.by_path(definition["steps"])
    definitions = {each["path"]: each for each in definition["steps"]}
    rows: dict[str, Row] = {}
    opened: dict[str, str] = {}  # groups that begin as before, but with something in them that runs
    for path in in_order(before_each(definition["steps"])):
        rows[path] = _row(old, definitions[path], changes, (rows, opened), choices)
        _open_groups(path, definitions, rows, opened)
    for path, because in opened.items():
        if rows[path].decision == REUSE:
            rows[path] = replace(rows[path], decision=INVALIDATED, because=because, chosen=False)
    last = [_later(old, each, section) for section, each in _later_steps(definition)]
    ordered = [rows[path] for path in definitions] + last
    _check(choices, {row.path: row for row in ordered})
    present = {row.path for row in ordered}
    return Plan(
        tuple(ordered),
        tuple(one.path for one in old.steps_by_id.values() if one.path not in present),
        tuple(sorted(changes.inputs)),
    )


def _later_steps(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for section in SECTIONS[1:]:
        for each in definition.get(section) or ():
            yield section, each


def _later(old: Execution, definition: Mapping[str, Any], section: str) -> Row:
    before = old.steps.get(definition["path"])
    was = before.state if before else None
    return Row(definition["path"], section, RUN, f"{section} runs at the end", was, False)


def _open_groups(
    path: str,
    definitions: Mapping[str, Mapping[str, Any]],
    rows: Mapping[str, Row],
    opened: dict[str, str],
) -> None:
    """A group is reused only with all that is in it; what is in it may be, each for itself."""
    if rows[path].decision == REUSE or definitions[path]["clause"] is not None:
        return
    outer = definitions[path]["parent"]
    while outer is not None and outer not in opened:
        opened[outer] = f"{path} in it runs"
        outer = definitions[outer]["parent"]


def _changes(
    old: Execution, definition: Mapping[str, Any], inputs: Mapping[str, Any],
    values: Mapping[str, Any], files_gone: bool,
) -> Changes:  # fmt: skip
    changed = frozenset(_different(old.inputs, inputs))
    # what only one of them names is told by the texts of the steps themselves
    both = old.environment_values.keys() & values.keys()
    moved = frozenset(n for n in both if not _equal(old.environment_values[n], values[n]))
    before, after = old.definition, definition
    env = set(_different(before["env"], after["env"]))
    env |= set(before["env_passthrough"]) ^ set(after["env_passthrough"])
    env |= {
        name for name, text in after["env"].items()
        if _inputs_in(text, changed) or _values_in(text, moved)
    }  # fmt: skip
    same_path = before["python_path"] == after["python_path"]
    return Changes(changed, frozenset(env), moved, not same_path, files_gone)


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for name in {**one, **other}:
        if name not in one or name not in other or not _equal(one[name], other[name]):
            yield name


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same to a step: 1 is not true, and not 1.0."""
    return type(one) is type(other) and _text(one) == _text(other)


def _row(
    old: Execution,
    definition: Mapping[str, Any],
    changes: Changes,
    earlier: Earlier,
    choices: Choices,
) -> Row:
    path = definition["path"]
    before = old.steps.get(path)
    made_of = _content(definition)
    material = _text(made_of)
    content = hashlib.sha256(material.encode()).hexdigest()
    if before is None or before.section != "steps":
        return Row(path, "steps", RUN, "it is new", None, False, content=content)
    if definition["clause"] is not None:
        return _handler(definition, before, earlier[0], content)
    can_reuse = before.state in (*TAKEN_STATES, "partial")
    decision, because = _judged(before, definition, (made_of, material), changes, earlier)
    chosen = False
    if path in choices.run and decision == REUSE:
        decision, because, chosen = RUN, "you chose so", True
    elif path in choices.reuse and can_reuse and decision != REUSE and choices.unsafe:
        decision, because, chosen = REUSE, f"you chose so, although {because}", True
    return Row(path, "steps", decision, because, before.state, can_reuse, chosen, content)


def _handler(
    definition: Mapping[str, Any], before: StepState, rows: Mapping[str, Row], content: str
) -> Row:
    """What handles a failure goes with the step whose failure it is."""
    path, owner = definition["path"], definition["parent"]
    if rows[owner].decision == REUSE and before.state == "skipped":
        return Row(path, "steps", REUSE, f"{owner} is reused", "skipped", False, content=content)
    because = f"it runs if {owner} fails"
    return Row(path, "steps", RUN, because, before.state, False, content=content)


def _judged(
    before: StepState,
    definition: Mapping[str, Any],
    content: tuple[Mapping[str, Any], str],
    changes: Changes,
    earlier: Earlier,
) -> tuple[str, str]:
    """What the facts say about one step; `content` is what it is made of, also as text."""
    made_of, material = content
    if before.state in ("pending", "waiting", "running"):
        return RUN, "it did not run"
    skipped_itself = before.state == "skipped" and not before.because_of_failure
    begins_as_before = definition["kind"] in GROUP_KINDS and before.started_at_us is not None
    if before.state not in TAKEN_STATES and not skipped_itself and not begins_as_before:
        return RUN, WHY_RUN.get(before.state, f"it was {before.state}")
    if material != _text(_content(before.definition)):
        return INVALIDATED, f"its {_listed(_changed_keys(before.definition, definition))} changed"
    if changes.python_path and definition["kind"] == "python":
        return INVALIDATED, "python_path changed"
    rows, opened = earlier
    for need in definition["needs"]:
        if need in rows and (rows[need].decision != REUSE or need in opened):
            return INVALIDATED, f"{need} runs again"
    outer = definition["parent"]
    if outer is not None and rows[outer].decision != REUSE:
        return INVALIDATED, f"{outer} runs again"
    if changes.env:
        return INVALIDATED, f"env {_listed(sorted(changes.env))} changed"
    # else no word of it matters
    needs_said = changes.inputs or changes.environment or skipped_itself
    said = "\0".join(_texts(made_of)) if needs_said else ""
    used = _inputs_in(said, changes.inputs)
    if used:
        return INVALIDATED, f"input {_listed(sorted(used))} changed"
    if moved := _values_in(said, changes.environment):
        return INVALIDATED, f"environment.{_listed(sorted(moved))} changed"
    if skipped_itself:
        if "now" in _words(said):
            return RUN, "its condition asks for the time"
        return REUSE, "skipped by its own condition, as before"
    if changes.files_gone:
        return INVALIDATED, "the working directory is gone"
    if changes.inputs:
        return REUSE, f"unchanged; it does not name {_listed(sorted(changes.inputs))}"
    return REUSE, "unchanged"


def _changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    one, other = _content(before), _content(after)
    return sorted(_different(one, other))


def _content(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What a step is made of; formatting, comments and policy are no part of it."""
    return {
        key: value
        for key, value in definition.items()
        if (value or value not in (None, {}, [])) and key not in POLICY and key not in DERIVED
    } | {"needs": definition["needs"]}


def _text(value: Any) -> str:
    return _AS_TEXT(value)


def _texts(value: Any) -> Iterator[str]:
    """Every text of a step's values; the language's own keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _inputs_in(text: str, names: frozenset[str]) -> set[str]:
    """Which of these inputs a text names: `inputs.x`, `$x`, or as any word of it."""
    if not names:
        return set()
    if WHOLE_INPUTS.search(text):
        return set(names)
    return set(names & _words(text))


def _values_in(text: str, names: frozenset[str]) -> set[str]:
    """Which of these values of the server a text names."""
    found = _words(text) if names else frozenset()
    return set(names & found) if "environment" in found else set()


@lru_cache(maxsize=8192)
def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text))


def _listed(names: list[str]) -> str:
    more = " …" if len(names) > NAMED_LIMIT else ""
    return ", ".join(names[:NAMED_LIMIT]) + more


def _check(choices: Choices, rows: Mapping[str, Row]) -> None:
    """Refuse choices that cannot be carried out."""
    both = sorted(choices.run & choices.reuse)
    if both:
        raise UsageError(f"step {both[0]} cannot both run and be reused", "choose one")
    for path in sorted(choices.run | choices.reuse):
        if path not in rows:
            raise UsageError(
                f"there is no step {path!r} in this version", f"steps: {_listed(list(rows))}"
            )
    for path in sorted(choices.reuse):
        row = rows[path]
        if row.decision == REUSE:
            continue
        if not row.can_reuse:
            raise UsageError(
                f"step {path} cannot be reused: {row.because}", "there are no results to take over"
            )
        raise UsageError(
            f"step {path} is not safe to reuse: {row.because}",
            "add --unsafe if its results hold all the same",
        )
