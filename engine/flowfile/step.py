"""A step as it was read from the file, before anything is known of the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.model import GROUP_KINDS

from .fields import Values
from .schema import Kind
from .yaml_tree import Node


@dataclass(eq=False)
class Step:
    """One step as it was read."""

    node: Node
    id: str
    section: str
    index: int
    kind: Kind | None = None
    values: Values = field(default_factory=dict)
    above: Step | None = None
    parent: Step | None = None  # the group that it is in, or the step whose failure it handles
    clause: int | None = None  # of the parent's `on_error`
    level: int = 0
    needs: list[int] = field(default_factory=list)
    reached: int = 0  # bit set of all steps that it needs
    waits_for_failure: bool = False
    shell: str = "bash"  # the program's name
    uses_items: bool = False  # its expressions name `item` or `items`

    @property
    def path(self) -> str:
        """The ids from the outermost step to this one."""
        return f"{self.parent.path}/{self.id}" if self.parent else self.id

    @property
    def is_group(self) -> bool:
        return self.kind is not None and self.kind.name in GROUP_KINDS

    @property
    def env(self) -> dict[str, str]:
        """Its environment variables; those of a group are those of its steps, too."""
        own = self.values["env"].value if "env" in self.values else {}
        return {**self.parent.env, **own} if self.parent and self.clause is None else own

    @property
    def around(self) -> Iterator[Step]:
        """The steps that it is inside of, from the innermost."""
        step = self.parent
        while step is not None:
            yield step
            step = step.parent
