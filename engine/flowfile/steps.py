"""Reads the steps of a flow file, section by section, with the tables of `schema`.

Called by `compile`. What steps are to each other is checked later, in `needs` and `check`.
"""

from __future__ import annotations

from engine.model import SECTIONS

from .fields import BUILT, Key, Value, Values, read_keys, table_of, value_of
from .http_keys import check_http
from .readers import Reading
from .schema import KINDS, STEP_KEYS, Kind
from .shells import program_of
from .step import Step
from .yaml_tree import Mapping, Node, Sequence

LIMIT_STEPS = 10_000
LIMIT_LEVELS = 8  # of steps inside of steps


def read_steps(root: Mapping, flow: Values, reading: Reading) -> list[Step]:
    """All steps of a file in its order, those inside of others after these."""
    return _Steps(root, flow, reading).read()


class _Steps:
    """The steps that were read so far."""

    def __init__(self, root: Mapping, flow: Values, reading: Reading) -> None:
        self.root, self.flow, self.reading = root, flow, reading
        self.problems = reading.problems
        self.steps: list[Step] = []

    def read(self) -> list[Step]:
        """The steps of every section."""
        for section in SECTIONS:
            node = value_of(self.flow, section)
            if node is None:
                if section == "steps" and "steps" not in self.root.entries:
                    self.problems.add(self.root, "`steps` is missing", "a flow has a step or more")
                continue
            if section == "steps" and not node.items:
                self.problems.add(node, "`steps` is empty", "a flow has a step or more")
            self._read_list(node, section)
        return self.steps

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
        for number, clause in enumerate(value_of(step.values, "on_error", [])):
            if "steps" in clause and not clause["steps"].value.items:
                self.problems.add(clause["steps"].node, "`steps` is empty",
                                  "write the steps that handle the failure")
            elif "steps" in clause:
                self._read_list(clause["steps"].value, step.section, step, number)

    def _read_step(self, step: Step, node: Node) -> None:
        if not isinstance(node, Mapping):
            self.reading.wrong(node, "a step is a map", "begin it with `- id:`")
            return
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
        defaults: Values = value_of(self.flow, "defaults", {})
        shell = step.values.get("shell") or defaults.get("shell")
        if shell is not None:
            step.shell = program_of(shell.value)
        if step.kind is not None:
            self._check_kind(step.kind.name, step.values)
        self._read_inside(step)

    def _check_kind(self, kind: str, values: Values) -> None:
        """What no single key of a step of this kind shows."""
        if kind == "python" and "python" in values:
            self._check_python(values["python"])
        if "batch" in values and kind not in ("run", "python"):
            self.reading.wrong(values["batch"].key, f"`{kind}` steps have no batches",
                               "batches are of `run` and `python` steps")
        if kind == "http" and "http" in values:
            check_http(values["http"].value, self.reading)

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


def _table_of(kind: Kind | None) -> dict[str, Key]:
    """The keys of a step of a kind; every kind's word is known, so that two are one problem."""
    words = tuple(Key(one.name, one.reader, one.doc) for one in KINDS.values())
    extra = kind.keys if kind else tuple(
        key for one in KINDS.values() for key in one.keys if one.status == BUILT)
    without = kind.without if kind else ()
    return table_of(key for key in (*STEP_KEYS, *words, *extra) if key.name not in without)


_TABLES = {kind.name: _table_of(kind) for kind in KINDS.values()}
_ANY_KIND = _table_of(None)
