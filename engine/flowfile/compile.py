"""A flow file's text into the compiled flow (docs/protocols.md, section 1), or all its problems.

Called in the sandbox for the engine, and directly by `wingman validate`. Reads with the tables of
`schema`, checks with `needs` and `check`, and writes out every key of the compiled flow.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
from collections.abc import Iterator
from typing import Any

from engine.model import SECTIONS

from .check import References, check_ids
from .compiled_step import compiled_step, expression_of
from .declarations import compiled_input
from .fields import Values, read_keys, value_of
from .flow_tests import compiled_tests
from .formats import FORMAT
from .needs import check_needs
from .policies import check_group, compiled_policies
from .problems import At, Enough, Problems
from .python_source import check_scripts
from .readers import Reading
from .schema import FLOW
from .step import Step
from .steps import read_steps
from .triggers import compiled_triggers
from .yaml_tree import Mapping, Node, Scalar, Source, read_tree


def compile_flow(data: bytes, source: str) -> dict[str, Any]:
    """The compiled flow of a file's bytes; raises FlowFileError with every problem.

    `source` is the file's path as problems shall name it; a relative one is taken from here.
    """
    problems = Problems(source)
    with _collector_resting():
        compiled = _compiled(data, source, problems)
    if problems.count:
        problems.raise_all()
    compiled["version"] = hashlib.sha256(data).hexdigest()
    return compiled


@contextlib.contextmanager
def _collector_resting() -> Iterator[None]:
    """Without the collector of circles: a bounded file's tree has none, and it took a third."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _compiled(data: bytes, source: str, problems: Problems) -> dict[str, Any]:
    """The compiled flow without its version; without meaning where there are problems."""
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
        self.steps = read_steps(self.root, self.values, self.reading)
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
            flow[section] = self._section(section)
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

    def _section(self, section: str) -> list[dict[str, Any]]:
        defaults, folder = self._get("defaults", {}), os.path.dirname(self.source)
        return [compiled_step(step, self.steps, defaults, folder, self.reading)
                for step in self.steps if step.section == section]

    def _get(self, name: str, default: Any) -> Any:
        return value_of(self.values, name, default)

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
            "expect": expression_of(self.values.get("expect")),
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
