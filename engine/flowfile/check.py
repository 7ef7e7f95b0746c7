"""Checks what no single value shows: ids, and what expressions refer to.

Called by `compile` after reading; notes problems. Who needs whom is in `needs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from engine.expression import Reference, Template, check, parts_of, scan
from engine.model import SECTIONS

from .names import wrong_name
from .problems import At
from .python_source import free_expressions
from .readers import Reading, Spot
from .shell_text import FREE, SHELLS, WORDS, places
from .step import Step
from .trigger_schema import EVENT_FIELDS
from .yaml_tree import Source

LIMIT_WORDS = 25_000  # of the distinct expressions of a file; plain paths are free
LIMIT_EXPRESSIONS = 10_000
_ERROR = ("type", "message", "step")
_WORDS = (("type",), ("step",))  # of `error`: the engine's own, no foreign text
_EXECUTION = ("id", "number", "flow", "date", "attempt", "debug")
_ALWAYS_IN_ENV = ("PATH", "HOME", "LANG", "TZ", "TERM")

_STEP_NAMES = ("inputs", "env", "steps", "execution", "trigger", "environment", "error")
# which names an expression may use, by where it stands
PLACES: dict[str, tuple[str, ...]] = {
    "env": ("inputs", "execution", "trigger", "environment"),
    "concurrency": ("inputs", "execution", "trigger", "environment"),
    "requires": ("inputs", "env", "execution", "trigger", "environment"),
    "step env": (*_STEP_NAMES, "item", "items"),
    "step": (*_STEP_NAMES, "item", "items"),
    "run": (*_STEP_NAMES, "item", "items"),
    "script": (*_STEP_NAMES, "item", "items"),
    "items": _STEP_NAMES,
    "if": _STEP_NAMES,
    "expect": (*_STEP_NAMES, "outputs"),
    "outputs": ("inputs", "env", "steps", "execution", "trigger", "environment"),
    "flow expect": ("inputs", "env", "steps", "execution", "trigger", "environment", "outputs"),
    "alert": ("inputs", "steps", "execution", "trigger", "environment", "outputs", "error"),
    **dict.fromkeys(EVENT_FIELDS, ("event",)),
    "webhook": ("event", "body", "headers"),
}
_PASTED = ("run", "script")  # texts that are executed
_UNTRUSTED = ("inputs", "trigger", "item", "items")


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
        by_id.setdefault(step.id, step)
    return by_id


@dataclass
class References:
    """What expressions may refer to, and the checking of each."""

    reading: Reading
    source: Source
    by_id: dict[str, Step]
    inputs: set[str]
    env: set[str]
    secrets: set[str]
    circular: bool
    words: int = 0
    count: int = 0
    environment: set[str] = field(default_factory=set)  # the values of the server that are named

    def check_all(self) -> None:
        """Check every expression and template of the file."""
        seen: set[str] = set()
        for spot in self.reading.spots:
            for text, offset in self._expressions(spot):
                self._check_one(spot, text, offset, seen)

    def _expressions(self, spot: Spot) -> list[tuple[str, int]]:
        text = spot.node.text
        if spot.bare:
            return [(text.strip(), len(text) - len(text.lstrip()))]
        parts = parts_of(text)
        if parts.problem is not None:
            problem = parts.problem
            self.reading.wrong(self._at(spot, problem.offset), problem.what, problem.hint)
        elif spot.place in _PASTED:
            self._check_quotes(spot, parts)
        return [(part.text, part.offset) for part in parts.expressions]

    def _check_quotes(self, spot: Spot, parts: Template) -> None:
        """quote() is safe only where a word can stand, not where quotes are open already."""
        calls = {number: call for number, part in enumerate(parts.expressions)
                 for call in scan(part.text).calls if call.name == "quote"}
        if not calls:
            return
        where: dict[int, str] = {}
        if spot.place == "script":
            free = free_expressions(parts.literals)
            where = {number: "a text, a comment or a name" for number in calls
                     if number not in free}
        elif isinstance(spot.owner, Step) and spot.owner.shell in SHELLS:
            where = {number: WORDS[place] for number, place in enumerate(places(parts.literals))
                     if place != FREE and number in calls}
        for number, inside in where.items():
            self.reading.wrong(
                self._at(spot, parts.expressions[number].offset + calls[number].start),
                f"quote() does not hold inside {inside}: the value could be executed",
                "write it outside; it brings its own quotes")

    def _stop(self, spot: Spot, limit: str) -> NoReturn:
        self.reading.wrong(spot.node, f"the expressions of the file have more than {limit}",
                           "compute in steps")
        self.reading.problems.stop()

    def _at(self, spot: Spot, offset: int) -> At:
        return self.source.place(spot.node, offset)

    def _check_one(self, spot: Spot, text: str, offset: int, seen: set[str]) -> None:
        self.count += 1
        if self.count > LIMIT_EXPRESSIONS:
            self._stop(spot, f"{LIMIT_EXPRESSIONS:,} places")
        scanned = scan(text)
        problem = scanned.problem
        if problem is None and scanned.path is None:
            if text not in seen:
                seen.add(text)
                self.words += scanned.words + len(text) // 50
            if self.words > LIMIT_WORDS:
                self._stop(spot, f"{LIMIT_WORDS:,} words")
            problem = check(text)
        if problem is not None:
            self.reading.wrong(self._at(spot, offset + problem.offset), problem.what, problem.hint)
            return
        for reference in scanned.references:
            wrong = self._wrong(spot, reference)
            if wrong:
                self.reading.wrong(self._at(spot, offset + reference.start), *wrong)

    def _wrong(self, spot: Spot, reference: Reference) -> tuple[str, str] | None:
        """What is wrong with one reference, or None."""
        root, names = str(reference.path[0]), PLACES[spot.place]
        unknown = _unknown_here(spot.owner)
        if unknown:
            names = tuple(name for name in names if name not in unknown)
        if root == "error" and root not in names:
            return ("there is no `error` here",
                    "steps of `on_error` and of the sections after `steps` know it")
        if root in ("item", "items"):
            if root not in names:
                return _no_items(root, spot.owner)
            spot.owner.uses_items = True
        if root not in names:
            where = {"env": "the flow's `env`", "flow expect": "the flow's `expect`"}.get(
                spot.place, f"`{spot.place}`")
            near = self.reading.problems.nearest(root, names)
            elsewhere = next((place for place in PLACES if root in PLACES[place]), None)
            if elsewhere:
                near = f"it is known in `{elsewhere}`"
            elif root in self.inputs and "inputs" in names:
                near = f"did you mean `inputs.{root}`?"
            elif root in self.by_id:
                near = f"did you mean `steps.{root}`?"
            return (f"there is no `{root[:60]}` in {where}", near or f"there is {', '.join(names)}")
        if root == "steps":
            return self._wrong_step(spot, reference)
        if root == "environment":
            return self._wrong_value(reference)
        known = {"inputs": self.inputs, "execution": _EXECUTION, "error": _ERROR}.get(root)
        if root == "env":
            known = self._env_of(spot)
        if root == "event":
            known = EVENT_FIELDS[spot.place]
        if known is not None and len(reference.path) > 1 and reference.path[1] not in known:
            if root == "env" and reference.path[1] in self.secrets:
                return (f"the secret `{reference.path[1]}` cannot be a value of an expression",
                        f"the step has it as a variable: write \"${reference.path[1]}\"")
            kind = {"inputs": "input", "env": "environment variable"}.get(root, root)
            return (f"there is no {kind} `{str(reference.path[1])[:60]}`",
                    self.reading.problems.one_of(str(reference.path[1]), known)
                    or "the flow declares none")
        is_text = root in _UNTRUSTED or (root == "error" and reference.path[1:] not in _WORDS)
        if spot.place in _PASTED and is_text and "quote" not in reference.calls:
            return self._unquoted(spot, reference)
        return None

    def _wrong_value(self, reference: Reference) -> tuple[str, str] | None:
        """Which values there are is known by the server alone; note what it is asked for."""
        if len(reference.path) < 2 or not isinstance(reference.path[1], str):
            return ("`environment` needs the name of a value here", "such as environment.name")
        if wrong := wrong_name(reference.path[1]):
            return wrong
        self.environment.add(reference.path[1])
        return None

    def _unquoted(self, spot: Spot, reference: Reference) -> tuple[str, str]:
        text = reference.text
        name = str(reference.path[1]) if len(reference.path) > 1 else "name"
        if reference.path[0] == "error":
            name = "WINGMAN_ERROR_MESSAGE"
        variable = f'"${name}"' if spot.place == "run" else f'os.environ["{name}"]'
        if reference.path[0] in ("item", "items"):
            variable = '"$WINGMAN_ITEM"' if reference.path[0] == "item" else "$WINGMAN_ITEMS_FILE"
            if spot.place == "script":
                variable = "an argument in `args`"
        first = f"write {variable}, or " if reference.path[0] != "trigger" else "write "
        return (f"`{text}` is pasted into `{spot.place}:`, where its text would be executed",
                f"{first}${{{{ quote({text}) }}}}")

    def _env_of(self, spot: Spot) -> set[str]:
        own = set(spot.owner.env) if isinstance(spot.owner, Step) else set()
        return self.env | set(_ALWAYS_IN_ENV) | own

    def _wrong_step(self, spot: Spot, reference: Reference) -> tuple[str, str] | None:
        path = reference.path
        if len(path) < 2 or isinstance(path[1], int):
            return ("`steps` needs the name of a step here", "such as steps.dump.outputs.size")
        name = path[1]
        target = self.by_id.get(name)
        if target is None:
            return (f"there is no step `{name[:60]}`",
                    self.reading.problems.one_of(name, self.by_id))
        if target.is_group and path[2:3] == ("outputs",):
            inside = next((one.id for one in self.by_id.values() if one.parent is target), "id")
            return (f"the group `{name}` has no outputs of its own",
                    f"write steps.{inside}.outputs.…")
        if len(path) < 3 or path[2] not in ("outputs", "state"):
            what = str(path[2]) if len(path) > 2 else ""
            return (f"a step has no `{what[:60]}`" if what else
                    f"`steps.{name}` is no value by itself",
                    f"write steps.{name}.outputs.… or steps.{name}.state")
        return self._wrong_need(spot.owner, target, path[2] == "state" and spot.place == "if")

    def _wrong_need(self, owner: Any, target: Step, decides: bool) -> tuple[str, str] | None:
        """A step may only be referred to by those that come after it."""
        if not isinstance(owner, Step):
            return None  # the flow's outputs come after everything
        if owner is target:
            return ("a step cannot refer to itself", "its outputs are `outputs` in `expect`")
        if owner.section != "steps" and owner.section != target.section:
            if SECTIONS.index(target.section) < SECTIONS.index(owner.section):
                return None
            return (f"`{target.id}` is in `{target.section}`, which comes later", "")
        if any(owner_of is target for owner_of in _handled_by(owner)):
            return None
        if target in owner.around:
            return (f"`{owner.id}` is inside of `{target.id}`, which has not ended then", "")
        if self.circular or owner.reached >> target.index & 1:
            owner.waits_for_failure |= decides and _is_needed(owner, target)
            return None
        return (f"`{owner.id}` does not need `{target.id}`, so it may run before it",
                f"add `{target.id}` to its needs")


def _is_needed(owner: Step, target: Step) -> bool:
    """Whether a step is a need itself, or inside of one: who comes before that decides nothing."""
    return any(one.index in owner.needs for one in (target, *target.around))


def _handled_by(owner: Step) -> Iterator[Step]:
    """The steps whose failure a step handles, from the innermost."""
    step: Step | None = owner
    while step is not None:
        if step.parent is not None and step.clause is not None:
            yield step.parent
        step = step.parent


def _unknown_here(owner: Any) -> set[str]:
    """The names of `PLACES` that only some steps know."""
    found = set() if _knows_error(owner) else {"error"}
    batch = owner.values.get("batch") if isinstance(owner, Step) else None
    if batch is None:
        return found | {"item", "items"}
    size = batch.value.get("size")
    return found if size is None or size.value == 1 else found | {"item"}


def _no_items(name: str, owner: Any) -> tuple[str, str]:
    if isinstance(owner, Step) and "batch" in owner.values:
        return ("there is no `item` where a batch has several", "write items, or size: 1")
    return (f"there is no `{name}` here",
            "the commands and arguments of a step with `batch` know it")


def _knows_error(owner: Any) -> bool:
    """Whether a step comes after a failure: it handles one, or belongs to a later section."""
    if not isinstance(owner, Step):
        return False
    return owner.section != "steps" or any(_handled_by(owner))
