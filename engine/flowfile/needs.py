"""Who needs whom: fills in `needs` and what is reached, and finds circles. Called by `compile`.

What holds other steps is two nodes of the graph: its begin, which the steps inside need, and its
end, which needs them and is what others need.
"""

from __future__ import annotations

from .graph import circles, reached
from .readers import Reading
from .step import Step
from .yaml_tree import Node, Sequence


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
    edges, owners = _graph(steps)
    found = circles(edges)
    for circle in found:
        members = list(dict.fromkeys(owners[index] for index in circle))
        first = next((steps[one] for one in members if "needs" in steps[one].values),
                     steps[members[0]])
        place = first.values["needs"].node if "needs" in first.values else first.node
        reading.wrong(place, "the steps need each other in a circle: "
                      + _circle([steps[one].id for one in members]), "remove one of these needs")
    if not found:
        for step, bits in zip(steps, reached(edges), strict=False):
            step.reached = bits
    return bool(found)


def _graph(steps: list[Step]) -> tuple[list[list[int]], list[int]]:
    """What each node needs, and the step that each node belongs to: ends first, then begins."""
    edges: list[list[int]] = [list(step.needs) for step in steps]
    owners = list(range(len(steps)))
    begins: dict[int, int] = {}
    for step in steps:
        if step.parent is None:
            continue
        outer = step.parent.index
        if outer not in begins:  # those around come first in the file
            begins[outer] = len(edges)
            owners.append(outer)
            edges.append(edges[outer])
            edges[outer] = [begins[outer]]
        edges[step.index].append(begins[outer])
        edges[outer].append(step.index)
    for step in steps:  # what handles the failure of a group comes after what is in it
        if step.parent is not None and step.clause is not None and step.parent.is_group:
            inside = step.parent
            edges[step.index] += [
                one for one in edges[inside.index]
                if one < len(steps) and steps[one].clause is None
            ]
    return edges, owners


def _circle(names: list[str]) -> str:
    shown = names if len(names) <= 12 else [*names[:6], "…", *names[-5:]]
    return " → ".join([*shown, names[0]])


def _may_need(step: Step, need: Step, node: Node, reading: Reading) -> bool:
    if need is step:
        reading.wrong(node, f"the step `{step.id}` needs itself", "remove it")
        return False
    if need in step.around:
        reading.wrong(node, f"`{step.id}` is inside of `{need.id}` and cannot wait for its end",
                      "remove it; a step starts with what it is inside of")
        return False
    if step.section != need.section:
        hint = ("`finally` steps run when all `steps` have ended" if step.section == "finally"
                else "`finally` steps run at the very end")
        if "finally" not in (step.section, need.section):
            hint = f"`{step.section}` and `{need.section}` run one after the other"
        reading.wrong(node, f"`{need.id}` is in `{need.section}`, which cannot be needed here",
                      hint)
        return False
    return True
