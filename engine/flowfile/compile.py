"""A flow file's text into the compiled flow (docs/protocols.md, section 1), or all its problems.

Called in the sandbox for the engine, and directly by `wingman validate`. Reads with the tables of
`schema`, the steps by `steps`, checks with `needs` and `references`, and writes out every key.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from engine.model import SECTIONS

from .declarations import compiled_input
from .needs import check_ids, check_needs
from .problems import At, Enough, Problems
from .python_source import check_scripts
from .readers import Reading
from .references import References
from .schema import FLOW, Values, read_keys
from .steps import StepReader, compiled_step
from .yaml_tree import Mapping, Node, Scalar, Source, read_tree

FORMAT = 2


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
        self.values: Values = read_keys(root, FLOW, self.reading, "a flow")
        self.reader = StepReader(self.reading, self._get("defaults", {}))

    def compile(self) -> dict[str, Any]:
        """The compiled flow; without meaning where there are problems."""
        self._read_steps()
        inputs = self._inputs()
        steps = self.reader.steps
        by_id = check_ids(steps, self.reading)
        circular = check_needs(steps, by_id, self.reading)
        References(
            self.reading, self.text, by_id, {one["name"] for one in inputs},
            set(self._get("env", {})) | set(self._get("env_passthrough", [])), circular,
        ).check_all()
        check_scripts(self.problems, [step.node for step in steps
                                      if isinstance(step.node, Mapping)], self.text)
        flow = self._flow(inputs)
        defaults = self._get("defaults", {})
        for section in SECTIONS:
            flow[section] = [compiled_step(step, steps, defaults, self.reading)
                             for step in steps if step.section == section]
        return flow

    def _get(self, name: str, default: Any) -> Any:
        return self.values[name].value if name in self.values else default

    def _flow(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "format": FORMAT, "name": self._name(), "version": "", "source": self.source,
            "description": self._get("description", ""), "type": self._get("type", ""),
            "tags": self._get("tags", []), "inputs": inputs, "env": self._get("env", {}),
            "timeout_s": self._get("timeout", None),
            "max_parallel": self._get("max_parallel", None),
            "fail_fast": self._get("fail_fast", False), "debug": self._get("debug", False),
            "env_passthrough": self._get("env_passthrough", []),
            "outputs": self._get("outputs", {}), "python_path": self._python_path(),
            "runbook": self._get("runbook", ""), "expect": self._get("expect", None),
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

    def _read_steps(self) -> None:
        for section in SECTIONS:
            node = self._get(section, None)
            if section == "steps" and section not in self.root.entries:
                self.problems.add(self.root, "`steps` is missing", "a flow has a step or more")
            if node is None:
                continue
            if section == "steps" and not node.items:
                self.problems.add(node, "`steps` is empty", "a flow has a step or more")
            self.reader.read_list(node, section)
