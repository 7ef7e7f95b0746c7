"""Checks how the steps of a file hang together: ids, needs, circles. Called by `compile`.

Notes problems and fills in, for each step, what it needs and what lies before its start.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq

from .found import Step
from .graph import circles, reached
from .names import wrong_name
from .readers import Reading
from .yaml_tree import Node, Sequence

LIMIT_PATH = 200  # characters: a path is part of the names of log files
# which sections lie behind a section when its steps run
BEFORE = {
    "steps": (), "on_failure": ("steps",), "on_success": ("steps",), "on_cancel": ("steps",),
    "finally": ("steps", "on_failure", "on_success", "on_cancel"),
}


def check_ids(steps: list[Step], reading: Reading) -> dict[str, Step]:
    """Steps by id; an id that is no name, or is there twice, is a problem."""
    by_id: dict[str, Step] = {}
    for step in steps:
        if "id" not in step.values:
            continue
        node = step.values["id"].node
        wrong = wrong_name(step.id)
        if wrong:
            reading.wrong(node, *wrong)
        elif step.id in by_id:
            reading.wrong(node, f"the step id `{step.id}` is there twice",
                          f"the first is in line {by_id[step.id].values['id'].node.line}")
        elif len(step.path) > LIMIT_PATH:
            reading.wrong(node, f"the path of `{step.id}` has more than {LIMIT_PATH} characters",
                          "shorten the ids of the groups around it")
        by_id.setdefault(step.id, step)
    return by_id


def check_needs(steps: list[Step], by_id: dict[str, Step], reading: Reading) -> bool:
    """Fill in `needs` and `reached`; whether there is a circle."""
    for step in steps:
        if "needs" not in step.values:
            step.needs = [step.above.index] if step.above else []
            continue
        value = step.values["needs"]
        nodes = value.node.items if isinstance(value.node, Sequence) else [value.node]
        for name, node in zip(value.value, nodes, strict=True):
            need = by_id.get(name)
            if need is None:
                reading.wrong(node, f"there is no step `{name[:60]}`",
                              reading.problems.one_of(name, by_id))
            elif _may_need(step, need, node, reading) and need.index not in step.needs:
                step.needs.append(need.index)
    edges, owners = _edges(steps)
    found = circles(edges)
    for circle in found:
        _tell_circle([owners[node] for node in circle], reading)
    if not found:
        bits = reached(edges)
        for step in steps:
            step.reached = bits[step.start]
    return bool(found)


def _edges(steps: list[Step]) -> tuple[list[list[int]], list[Step]]:
    """What each node waits for, and whose node it is: a step's `end` has its index."""
    owners = list(steps)
    for step in steps:
        step.start = step.done = step.end = step.index
        if any(child.rule is not None for child in step.children):
            step.start = step.done = len(owners)
            owners.append(step)
        if any(child.rule is None for child in step.children):
            step.start = len(owners)
            owners.append(step)
    edges: list[list[int]] = [[] for _ in owners]
    for step in steps:
        edges[step.start] += step.needs
        if step.parent is not None:
            edges[step.start].append(
                step.parent.start if step.rule is None else step.parent.done)
        if step.done != step.start:
            edges[step.done].append(step.start)
        if step.end != step.done:
            edges[step.end].append(step.done)
        for child in step.children:
            edges[step.done if child.rule is None else step.end].append(child.end)
    return edges, owners


def _tell_circle(circle: Seq[Step], reading: Reading) -> None:
    steps = [step for place, step in enumerate(circle) if step is not circle[place - 1]]
    first = next((step for step in steps if "needs" in step.values), steps[0])
    place = first.values["needs"].node if "needs" in first.values else first.node
    names = [step.id for step in steps]
    shown = names if len(names) <= 12 else [*names[:6], "…", *names[-5:]]
    reading.wrong(place, "the steps need each other in a circle: "
                  + " → ".join([*shown, names[0]]), "remove one of these needs")


def _may_need(step: Step, need: Step, node: Node, reading: Reading) -> bool:
    if need is step:
        reading.wrong(node, f"the step `{step.id}` needs itself", "remove it")
        return False
    if need in step.above_all():
        reading.wrong(node, f"`{step.id}` is a part of `{need.id}` and cannot need it", "remove it")
        return False
    if step in need.above_all():
        reading.wrong(node, f"`{need.id}` is a part of `{step.id}`, which cannot need it",
                      "remove it")
        return False
    if step.section != need.section:
        hint = (f"`{step.section}` steps run when all `{need.section}` have ended"
                if need.section in BEFORE[step.section]
                else f"`{need.section}` steps run later or not at all")
        if step.section == "steps" and need.section == "finally":
            hint = "`finally` steps run at the very end"
        reading.wrong(node, f"`{need.id}` is in `{need.section}`, which cannot be needed here",
                      hint)
        return False
    return True
