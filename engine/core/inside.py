"""What is inside of groups and of `on_error`: who may begin, and when all of it has ended. Pure.

Called by `reduce` alone: a part of how events change an execution. A step inside of another waits
for it as for one more need, until the group begins or the clause of `on_error` is at work.
"""

from __future__ import annotations

from engine.core.state import Execution, StepState


def open_up(ex: Execution, step: StepState, clause: int | None) -> None:
    """The children of a group (clause None), or the handlers of a clause, may begin."""
    inside = [
        child
        for child in (ex.steps[path] for path in ex.children[step.path])
        if child.definition["clause"] == clause
    ]
    step.open_children = sum(not child.has_ended for child in inside)
    for child in inside:
        child.unmet -= 1
        if not child.unmet and child.state == "pending":
            ex.candidates.append(child.path)
    if not step.open_children:
        ex.closing.append(step.path)


def settled(ex: Execution, step: StepState) -> None:
    """A step that is inside of another, or has others inside, has ended or is to be handled."""
    if step.path in ex.children:
        ex.closing.append(step.path)
    if step.handling is not None:
        open_up(ex, step, step.handling)
    elif step.parent is not None:
        parent = ex.steps[step.parent]
        is_at_work = parent.state == "running" or parent.handling is not None
        if is_at_work and parent.handling == step.definition["clause"]:
            parent.open_children -= 1
            if not parent.open_children:
                ex.closing.append(parent.path)
