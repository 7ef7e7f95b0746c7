"""A step as it was read, and the walk over all of them. Shared by `steps`, `needs`, `references`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .keys import Values
from .step_keys import Kind
from .yaml_tree import Node


ERROR_SECTIONS = ("on_failure", "on_cancel", "finally")


@dataclass(eq=False)
class Step:
    """One step as it was read; its place in the graph is filled in by `needs`."""

    node: Node
    id: str
    section: str
    index: int
    above: Step | None = None
    parent: Step | None = None  # the group that holds it, or the step whose failure it handles
    rule: int | None = None  # the rule of the parent's `on_error` that it belongs to
    kind: Kind | None = None
    values: Values = field(default_factory=dict)
    children: list[Step] = field(default_factory=list)
    needs: list[int] = field(default_factory=list)
    start: int = 0  # the nodes of the graph: started,
    done: int = 0  # its own work done, which for a group is that of its children,
    end: int = 0  # and its fallback steps as well
    reached: int = 0  # bit set of all nodes that lie before its start
    waits_for_failure: bool = False
    shell: str = "bash"  # the program's name

    @property
    def path(self) -> str:
        """The step's id below those of its parents."""
        return f"{self.parent.path}/{self.id}" if self.parent else self.id

    def above_all(self) -> Iterator[Step]:
        """Itself, then its parent, and so on."""
        step: Step | None = self
        while step is not None:
            yield step
            step = step.parent

    @property
    def sees_error(self) -> bool:
        """Whether something has failed, or may have, when it runs."""
        return self.section in ERROR_SECTIONS or any(one.rule is not None for one in self.above_all())
