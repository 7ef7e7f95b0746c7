"""A flow file's text into the compiled flow (docs/protocols.md, section 1), or all its problems.

Called in the sandbox for the engine, and directly by `wingman validate`. Reads with the tables of
`schema`, checks with `check`, and writes out every key of the compiled flow.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
from typing import Any

from engine.expression import parts_of, scan
from engine.model import SECTIONS

from .batch_keys import compiled_batch
from .check import References, Step, check_ids
from .declarations import compiled_input
from .fields import BUILT, Key, Value, Values, read_keys, table_of
from .flow_tests import compiled_tests
from .formats import FORMAT
from .http_keys import check_http, compiled_http
from .needs import check_needs
from .own_kinds import own_parts
from .policies import check_group, compiled_policies
from .problems import At, Enough, Problems
from .python_source import check_scripts
from .readers import Reading
from .schema import FLOW, KINDS, STEP_KEYS, Kind
from .triggers import compiled_triggers
from .yaml_tree import Mapping, Node, Scalar, Sequence, Source, read_tree

SHELL = ["bash", "-euo", "pipefail"]
GRACE_S = 10.0
LIMIT_STEPS = 10_000
RETRY: dict[str, Any] = {"max_attempts": 1, "delay": 0.0, "backoff": 1, "max_delay": None,
                         "jitter": 0, "on": ["any"]}
LIMIT_LEVELS = 8  # of steps inside of steps


def compile_flow(data: bytes, source: str) -> dict[str, Any]:
    """The compiled flow of a file's bytes; raises FlowFileError with every problem.

    `source` is the file's path as problems shall name it; a relative one is taken from here.
    """
    problems = Problems(source)
    compiled: dict[str, Any] = {}
    try:
        root, text = read_tree(data, problems)
        if isinstance(root, Mapping) and not problems.count:
            compiled = _Compiler(root, Source(text), problems, source).compile()
        elif not problems.count:
            what = "the file is empty" if _is_empty(root) else "a flow file is a map of keys"
            problems.add(root or At(1, 1), what, "begin with `name:` and `steps:`")
    except Enough:
        pass
    if problems.count:
        problems.raise_all()
    compiled["version"] = hashlib.sha256(data).hexdigest()
    return compiled


def _is_empty(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and node.value is None)


class _Compiler:
    """One file on its way through."""

    def __init__(self, root: Mapping, text: Source, problems: Problems, source: str) -> None:
        self.root, self.text, self.problems = root, text, problems
        is_file = source not in ("", "-") and not source.startswith("<")
        self.source = os.path.abspath(source) if is_file else ""
        self.reading = Reading(problems)
        self.values: Values = {}
        self.steps: list[Step] = []

    def compile(self) -> dict[str, Any]:
        """The compiled flow; without meaning where there are problems."""
        self.values = read_keys(self.root, FLOW, self.reading, "a flow")
        self._read_steps()
        inputs = self._inputs()
        by_id = check_ids(self.steps, self.reading)
        is_circular = check_needs(self.steps, by_id, self.reading)
        references = References(
            self.reading, self.text, by_id, {one["name"] for one in inputs},
            set(self._get("env", {})) | set(self._get("env_passthrough", [])),
            set(self._get("secrets", [])), is_circular,
        )
        references.check_all()
        self._check_secrets()
        check_group(self.values.get("concurrency"),
                    [one["name"] for one in inputs if one["sensitive"]], self.reading)
        check_scripts(self.problems, [step.node for step in self.steps
                                      if isinstance(step.node, Mapping)], self.text)
        flow = self._flow(inputs)
        flow["environment"] = sorted(references.environment)
        self._check_calls(flow["name"])
        for section in SECTIONS:
            flow[section] = [self._step(step) for step in self.steps if step.section == section]
        if "triggers" in self.values:
            flow["triggers"] = compiled_triggers(
                self.values["triggers"], flow["name"], inputs, self.reading)
        if "tests" in self.values:
            names = {step.id for step in self.steps}
            flow["tests"] = compiled_tests(self.values["tests"], names, inputs, self.reading)
        return flow

    def _check_secrets(self) -> None:
        """A secret that a step names must be declared: only then is its value given and masked."""
        if "secrets" in self.root.entries and "secrets" not in self.values:
            return  # what is wrong with the declaration is told already
        declared = self._get("secrets", [])
        for node, name in self.reading.secrets:
            if name not in declared:
                self.reading.wrong(node, f"the flow declares no secret `{name[:60]}`",
                                   f"add it: secrets: [{name[:60]}]")

    def _check_calls(self, name: str) -> None:
        """A flow that calls itself would never end."""
        for step in self.steps:
            call = step.values.get("flow")
            if call is not None and "name" in call.value and call.value["name"].value == name:
                self.reading.wrong(call.value["name"].node, "the flow calls itself",
                                   "use `retry`, or a `batch` of items")

    def _get(self, name: str, default: Any) -> Any:
        return self.values[name].value if name in self.values else default

    def _flow(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        name = self._name()
        return {
            "format": FORMAT, "name": name, "version": "", "source": self.source,
            "description": self._get("description", ""), "type": self._get("type", ""),
            "tags": self._get("tags", []), "inputs": inputs, "env": self._get("env", {}),
            "timeout_s": self._get("timeout", None),
            "max_parallel": self._get("max_parallel", None),
            "fail_fast": self._get("fail_fast", False), "debug": self._get("debug", False),
            "env_passthrough": self._get("env_passthrough", []),
            "secrets": list(dict.fromkeys(self._get("secrets", []))),
            "permissions": {name: value.value
                            for name, value in self._get("permissions", {}).items()},
            **compiled_policies(self.values, name, self.reading),
            "expect": _expression(self.values.get("expect")),
            "outputs": self._get("outputs", {}), "python_path": self._python_path(),
            "runbook": self._get("runbook", ""), **{section: [] for section in SECTIONS},
            "triggers": [], "tests": [], "environment": [],
        }

    def _name(self) -> str:
        if "name" in self.root.entries:
            return str(self._get("name", ""))
        stem = os.path.basename(self.source)
        for ending in (".yaml", ".yml"):
            stem = stem.removesuffix(ending)
        name = FLOW["name"].reader.read(Scalar(stem, "'", 1, 1, 0, 0), Reading(Problems("")))
        if not isinstance(name, str):
            self.problems.add(self.root, f"the file's name `{stem[:60]}` cannot be the flow's name"
                              if stem else "`name` is missing", "add `name: my-flow`")
        return str(name)

    def _python_path(self) -> list[str]:
        folder = os.path.dirname(self.source)
        paths = [folder] if folder else []
        for path in self._get("python_path", []):
            if not folder and not os.path.isabs(path):
                self.problems.add(self.values["python_path"].node,
                                  f"`{path[:60]}` is relative, and the flow has no folder",
                                  "write the whole path")
            paths.append(os.path.normpath(os.path.join(folder, path)))
        return list(dict.fromkeys(paths))

    def _inputs(self) -> list[dict[str, Any]]:
        if "inputs" not in self.values:
            return []
        value = self.values["inputs"]
        nodes = value.node.entries if isinstance(value.node, Mapping) else {}
        return [compiled_input(name, values, self.reading, nodes[name][1])
                for name, values in value.value.items()]

    # ── steps ─────────────────────────────────────────────────────────────────────────────────

    def _read_steps(self) -> None:
        for section in SECTIONS:
            node = self._get(section, None)
            if node is None:
                if section == "steps" and "steps" not in self.root.entries:
                    self.problems.add(self.root, "`steps` is missing", "a flow has a step or more")
                continue
            if section == "steps" and not node.items:
                self.problems.add(node, "`steps` is empty", "a flow has a step or more")
            self._read_list(node, section)

    def _read_list(self, node: Sequence, section: str, parent: Step | None = None,
                   clause: int | None = None, *, side_by_side: bool = False) -> None:
        """Steps beside each other: of a section, of a group, of a clause of `on_error`."""
        if len(self.steps) + len(node.items) > LIMIT_STEPS:
            self.problems.add(node, f"more than {LIMIT_STEPS:,} steps", "make it several flows")
            self.problems.stop()
        level = parent.level + 1 if parent else 0
        if level > LIMIT_LEVELS:
            self.reading.wrong(node, f"steps are nested more than {LIMIT_LEVELS} levels deep",
                               "make it several flows")
            return
        above: Step | None = None
        for item in node.items:
            step = Step(item, "", section, len(self.steps), above=above, parent=parent,
                        clause=clause, level=level)
            self.steps.append(step)
            self._read_step(step, item)
            above = None if side_by_side else step

    def _read_inside(self, step: Step) -> None:
        """The steps of a group, and those that handle a failure."""
        if step.is_group and step.kind and step.kind.name in step.values:
            value = step.values[step.kind.name]
            if not value.value.items:
                self.problems.add(value.node, f"`{step.kind.name}` is empty",
                                  "a group has a step or more")
            self._read_list(value.value, step.section, step,
                            side_by_side=step.kind.name == "parallel")
        for number, clause in enumerate(_own(step, "on_error", [])):
            if "steps" in clause and not clause["steps"].value.items:
                self.problems.add(clause["steps"].node, "`steps` is empty",
                                  "write the steps that handle the failure")
            elif "steps" in clause:
                self._read_list(clause["steps"].value, step.section, step, number)

    def _read_step(self, step: Step, node: Node) -> Step:
        if not isinstance(node, Mapping):
            self.reading.wrong(node, "a step is a map", "begin it with `- id:`")
            return step
        step.kind = self._kind(node)
        self.reading.owner = step
        table = _TABLES[step.kind.name] if step.kind else _ANY_KIND
        owner = f"a `{step.kind.name}` step" if step.kind else "a step"
        hints = dict.fromkeys(step.kind.without, step.kind.elsewhere) if step.kind else {}
        step.values = read_keys(node, table, self.reading, owner, hints)
        self.reading.owner = None
        if "id" in step.values:
            step.id = step.values["id"].value
        elif "id" not in node.entries:
            self.reading.wrong(node, "the step has no `id`", "add `id: …`, a name of its own")
        shell = step.values.get("shell") or self._get("defaults", {}).get("shell")
        step.shell = os.path.basename((_words(shell.value) if shell else SHELL)[0])
        if step.kind is not None and step.kind.name == "python" and "python" in step.values:
            self._check_python(step.values["python"])
        if "batch" in step.values and step.kind and step.kind.name not in ("run", "python"):
            self.reading.wrong(step.values["batch"].key,
                               f"`{step.kind.name}` steps have no batches",
                               "batches are of `run` and `python` steps")
        if step.kind is not None and step.kind.name == "http" and "http" in step.values:
            check_http(step.values["http"].value, self.reading)
        self._read_inside(step)
        return step

    def _kind(self, node: Mapping) -> Kind | None:
        """The kind of a step by the one key that makes it one."""
        there = [name for name in node.entries if name in KINDS]
        for name in there[1:]:
            self.reading.wrong(node.entries[name][0],
                               f"a step does one thing: this one has `{there[0]}` and `{name}`",
                               "make it two steps")
        if not there:
            self.reading.wrong(node, "the step says nothing to do", "add `run:` or `python:`")
            return None
        kind = KINDS[there[0]]
        if kind.status != BUILT:
            self.reading.wrong(node.entries[kind.name][0],
                               f"`{kind.name}` steps cannot run yet in this version", kind.hint)
        return kind

    def _check_python(self, value: Value) -> None:
        there = [name for name in ("call", "script") if name in value.value]
        node = value.node
        if len(there) == 1 or not isinstance(node, Mapping):
            return
        if not any(name in node.entries for name in ("call", "script")):
            self.reading.wrong(node, "`python` needs `call` or `script`",
                               "such as call: package.module:function")
        elif there:
            self.reading.wrong(node.entries["script"][0],
                               "`python` takes `call` or `script`, not both", "remove one")

    def _step(self, step: Step) -> dict[str, Any]:
        """One step of the compiled flow."""
        defaults = self._defaults_of(step)

        def get(name: str, default: Any) -> Any:
            value = step.values.get(name) or defaults.get(name)
            return value.value if value is not None else default

        retry = self._retry(step)
        kind = step.kind.name if step.kind else ""
        shell = get("shell", SHELL)
        return {
            "id": step.id, "path": step.path, "kind": kind,
            "parent": step.parent.path if step.parent else None, "clause": step.clause,
            "needs": [self.steps[index].path for index in step.needs],
            "if": _expression(step.values.get("if")), "waits_for_failure": step.waits_for_failure,
            "env": step.env, "timeout_s": get("timeout", None),
            "grace_s": get("grace", GRACE_S), "retry": retry,
            "on_interrupt": get("on_interrupt", "retry" if retry["max_attempts"] > 1 else "fail"),
            "continue_on_error": _own(step, "continue_on_error", False),
            "expect": _expression(step.values.get("expect")),
            "outputs": _own(step, "outputs", "lines"),
            "run": _own(step, "run", None),
            "shell": _words(shell),
            "python": _python(step.values.get("python")),
            "http": compiled_http(step.values.get("http"), os.path.dirname(self.source)),
            "pools": _own(step, "pools", {}),
            **own_parts(step.values, self.reading),
            "batch": compiled_batch(step.values.get("batch"), uses_items=step.uses_items),
            "on_error": [
                {"match": clause["match"].value if "match" in clause else ["any"],
                 "then": clause["then"].value if "then" in clause else "continue"}
                for clause in _own(step, "on_error", [])
            ],
        }

    def _defaults_of(self, step: Step) -> Values:
        """The flow's defaults, for what a runner carries out."""
        defaults: Values = self._get("defaults", {})
        return {} if step.kind and step.kind.without else defaults

    def _retry(self, step: Step) -> dict[str, Any]:
        """The step's retry over the flow's default, key by key."""
        given: Values = {}
        for value in (self._defaults_of(step).get("retry"), step.values.get("retry")):
            given |= value.value if value is not None else {}
        retry = {name: given[name].value if name in given else default
                 for name, default in RETRY.items()}
        own = step.values.get("retry")
        if own is not None and "max_attempts" not in given and not (
                isinstance(own.node, Mapping) and "max_attempts" in own.node.entries):
            self.reading.wrong(own.node, "`retry` without `max_attempts` tries once",
                               "add max_attempts: 3")
        return {"max_attempts": retry["max_attempts"], "delay_s": retry["delay"],
                "backoff": retry["backoff"], "max_delay_s": retry["max_delay"],
                "jitter": retry["jitter"], "on": retry["on"]}


def _table_of(kind: Kind | None) -> dict[str, Key]:
    """The keys of a step of a kind; every kind's word is known, so that two are one problem."""
    words = tuple(Key(one.name, one.reader, one.doc) for one in KINDS.values())
    extra = kind.keys if kind else tuple(
        key for one in KINDS.values() for key in one.keys if one.status == BUILT)
    without = kind.without if kind else ()
    return table_of(key for key in (*STEP_KEYS, *words, *extra) if key.name not in without)


_TABLES = {kind.name: _table_of(kind) for kind in KINDS.values()}
_ANY_KIND = _table_of(None)


def _own(step: Step, name: str, default: Any) -> Any:
    return step.values[name].value if name in step.values else default


def _expression(value: Value | None) -> str | None:
    return None if value is None else str(value.value)


def _words(shell: list[str]) -> list[str]:
    """`shell: bash -eu` as its words; a list is taken as it is, but for the `-c` that is added."""
    words = shell
    if len(shell) == 1:
        with contextlib.suppress(ValueError):
            words = shlex.split(shell[0]) or shell
    return words[:-1] if len(words) > 1 and words[-1] == "-c" else words


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


