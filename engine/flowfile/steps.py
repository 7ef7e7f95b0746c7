"""Reads the steps of a file, by their kinds and into their groups, and writes them out compiled.

Called by `compile`. The compiled steps of a section are one flat list, parents before children.
"""

from __future__ import annotations

import os
import shlex
from typing import Any

from engine.expression import parts_of, scan

from .found import Step
from .keys import BUILT, Key, Value, Values, read_keys, table_of
from .problems import Problems
from .readers import Reading
from .step_keys import KINDS, STEP_KEYS, Kind, keys_of
from .yaml_tree import Mapping, Node, Sequence

SHELL = ["bash", "-euo", "pipefail"]
GRACE_S = 10.0
LIMIT_STEPS = 5_000
LIMIT_LEVELS = 16
RETRY: dict[str, Any] = {"max_attempts": 1, "delay": 0.0, "backoff": 1, "max_delay": None,
                         "jitter": 0, "on": ["any"]}
GROUPS = ("parallel", "steps")


class StepReader:
    """Reads lists of steps into one list of what was found."""

    def __init__(self, reading: Reading, defaults: Values) -> None:
        self.steps: list[Step] = []
        self._reading = reading
        self._problems: Problems = reading.problems
        self._shell = defaults["shell"].value if "shell" in defaults else SHELL
        self._levels = 0

    def read_list(self, node: Node, section: str, *, parent: Step | None = None,
                  rule: int | None = None, side_by_side: bool = False) -> None:
        """Read the steps of a list; each waits for the one above unless they run side by side."""
        assert isinstance(node, Sequence)
        if len(self.steps) + len(node.items) > LIMIT_STEPS:
            self._problems.add(node, f"more than {LIMIT_STEPS:,} steps", "make it several flows")
            self._problems.stop()
        self._levels += 1
        if self._levels > LIMIT_LEVELS:
            self._problems.add(node, f"steps nested more than {LIMIT_LEVELS} levels deep",
                               "make the inner ones a flow of their own")
            self._problems.stop()
        above: Step | None = None
        for item in node.items:
            step = Step(item, "", section, len(self.steps), parent=parent, rule=rule,
                        above=None if side_by_side else above)
            self.steps.append(step)
            if parent is not None:
                parent.children.append(step)
            self._read(step)
            above = step
        self._levels -= 1

    def _read(self, step: Step) -> None:
        node, reading = step.node, self._reading
        if not isinstance(node, Mapping):
            reading.wrong(node, "a step is a map", "begin it with `- id:`")
            return
        step.kind = self._kind(node)
        reading.owner = step
        table = _TABLES[step.kind.name] if step.kind else _ANY_KIND
        owner = f"a `{step.kind.name}` step" if step.kind else "a step"
        step.values = read_keys(node, table, reading, owner)
        reading.owner = None
        if "id" in step.values:
            step.id = step.values["id"].value
        elif "id" not in node.entries:
            reading.wrong(node, "the step has no `id`", "add `id: …`, a name of its own")
        shell = step.values["shell"].value if "shell" in step.values else self._shell
        step.shell = os.path.basename(_words(shell)[0])
        if "python" in step.values:
            self._check_python(step.values["python"])
        self._read_children(step)

    def _read_children(self, step: Step) -> None:
        for name in GROUPS:
            if name in step.values:
                inner = step.values[name].value
                if not inner.items:
                    self._reading.wrong(inner, f"`{name}` is empty", "a group has a step or more")
                self.read_list(inner, step.section, parent=step, side_by_side=name == "parallel")
        for rule, value in enumerate(_own(step, "on_error", [])):
            if "steps" in value:
                self.read_list(value["steps"].value, step.section, parent=step, rule=rule)

    def _kind(self, node: Mapping) -> Kind | None:
        """The kind of a step by the one key that makes it one."""
        there = [name for name in node.entries if name in KINDS]
        for name in there[1:]:
            self._reading.wrong(
                node.entries[name][0],
                f"a step does one thing: this one has `{there[0]}` and `{name}`",
                "make it two steps")
        if not there:
            self._reading.wrong(node, "the step says nothing to do", "add `run:` or `python:`")
            return None
        kind = KINDS[there[0]]
        if kind.status != BUILT:
            self._reading.wrong(node.entries[kind.name][0],
                                f"`{kind.name}` steps cannot run yet in this version", kind.hint)
        return kind

    def _check_python(self, value: Value) -> None:
        there = [name for name in ("call", "script") if name in value.value]
        node = value.node
        if len(there) == 1 or not isinstance(node, Mapping):
            return
        if not any(name in node.entries for name in ("call", "script")):
            self._reading.wrong(node, "`python` needs `call` or `script`",
                                "such as call: package.module:function")
        elif there:
            self._reading.wrong(node.entries["script"][0],
                                "`python` takes `call` or `script`, not both", "remove one")


def compiled_step(step: Step, steps: list[Step], defaults: Values,
                  reading: Reading) -> dict[str, Any]:
    """One step of the compiled flow: every key, whatever its kind."""
    kind = step.kind
    if kind is None or not kind.runs:
        defaults = {}

    def get(name: str, default: Any) -> Any:
        value = step.values.get(name) or defaults.get(name)
        return value.value if value is not None else default

    retry = _retry(step, defaults, reading)
    return {
        "id": step.id, "path": step.path, "kind": kind.name if kind else "",
        "parent": step.parent.path if step.parent else None, "rule": step.rule,
        "needs": [steps[index].path for index in step.needs],
        "if": _expression(step.values.get("if")), "waits_for_failure": step.waits_for_failure,
        "env": _own(step, "env", {}), "timeout_s": get("timeout", None),
        "grace_s": get("grace", GRACE_S), "retry": retry,
        "on_interrupt": get("on_interrupt", "retry" if retry["max_attempts"] > 1 else "fail"),
        "continue_on_error": _own(step, "continue_on_error", False),
        "on_error": [_rule(fields, number, step) for number, fields in
                     enumerate(_own(step, "on_error", []))],
        "expect": _expression(step.values.get("expect")),
        "outputs": _own(step, "outputs", "lines"),
        "run": _own(step, "run", None),
        "shell": _words(get("shell", SHELL)),
        "python": _python(step.values.get("python")),
    }


def _rule(fields: Values, number: int, step: Step) -> dict[str, Any]:
    return {"match": fields["match"].value if "match" in fields else ["any"],
            "then": fields["then"].value if "then" in fields else "continue",
            "steps": [child.path for child in step.children if child.rule == number]}


def _retry(step: Step, defaults: Values, reading: Reading) -> dict[str, Any]:
    """The step's retry over the flow's default, key by key."""
    given: Values = {}
    for value in (defaults.get("retry"), step.values.get("retry")):
        given |= value.value if value is not None else {}
    retry = {name: given[name].value if name in given else default
             for name, default in RETRY.items()}
    own = step.values.get("retry")
    if own is not None and "max_attempts" not in given and not (
            isinstance(own.node, Mapping) and "max_attempts" in own.node.entries):
        reading.wrong(own.node, "`retry` without `max_attempts` tries once",
                      "add max_attempts: 3")
    return {"max_attempts": retry["max_attempts"], "delay_s": retry["delay"],
            "backoff": retry["backoff"], "max_delay_s": retry["max_delay"],
            "jitter": retry["jitter"], "on": retry["on"]}


def _table_of(kind: Kind | None) -> dict[str, Key]:
    """The keys of a step of a kind; every kind's word is known, so that two are one problem."""
    words = tuple(Key(one.name, one.reader, one.doc) for one in KINDS.values())
    extra = keys_of(kind) if kind else STEP_KEYS + tuple(
        key for one in KINDS.values() for key in keys_of(one) if one.status == BUILT)
    return table_of(words + extra)


_TABLES = {kind.name: _table_of(kind) for kind in KINDS.values()}
_ANY_KIND = _table_of(None)


def _own(step: Step, name: str, default: Any) -> Any:
    return step.values[name].value if name in step.values else default


def _expression(value: Value | None) -> str | None:
    return None if value is None else str(value.value)


def _words(shell: list[str]) -> list[str]:
    """`shell: bash -eu` as its words; a list is taken as it is."""
    if len(shell) > 1:
        return shell
    try:
        return shlex.split(shell[0]) or shell
    except ValueError:
        return shell


def _python(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    fields = {name: one.value for name, one in value.value.items()}
    script = fields.get("script")
    return {"call": fields.get("call"), "args": fields.get("args", {}),
            "script": None if script is None else _with_python_quotes(script)}


def _with_python_quotes(script: str) -> str:
    """The script with quote() as python.quote(): a shell's quotes are not safe in Python."""
    parts = parts_of(script)
    pieces = [parts.literals[0]]
    for part, literal in zip(parts.expressions, parts.literals[1:], strict=False):
        text = part.text
        for call in reversed(scan(text).calls):
            if call.name == "quote":
                text = f"{text[:call.start]}python.{text[call.start:]}"
        pieces += ("${{", text, "}}", literal)
    return "".join(pieces)
