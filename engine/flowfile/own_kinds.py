"""The kinds of steps that the engine carries out itself: `wait`, `approve` and `flow`.

What may stand in them, gathered by `schema`; and what `compile` writes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.times import from_text

from .access import RoleName
from .declarations import compiled_input
from .fields import Fields, Key, Value, Values, value_of
from .input_keys import Input
from .names import FLOW_NAME, wrong_input_name, wrong_name
from .readers import WRONG, Choice, Duration, MapOf, Reading, TemplateText, Text
from .readers import TemplateTree as Tree
from .yaml_tree import Mapping, Node, Scalar

# keys of every step that say how a process is run, or what it holds
CALL_WITHOUT = frozenset({"timeout", "grace", "on_interrupt", "env", "pools"})
WITHOUT = CALL_WITHOUT | {"retry"}
DECIDED = ("approved", "by", "comment")  # outputs of an approval beside its form
TIME_HINT = "such as 2027-01-31T06:00:00+01:00"


@dataclass(frozen=True)
class OrText(Fields):
    """A map with known keys, or the value of its first key alone."""

    def words(self) -> str:
        return f"{self.form}, or its `{self.keys[0].name}` alone"

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.keys[0].reader.schema(), super().schema()]}

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Scalar):
            return super().read(node, reading)
        value = self.keys[0].reader.read(node, reading)
        return WRONG if value is WRONG else {self.keys[0].name: Value(value, node, node)}


@dataclass(frozen=True)
class Span(TemplateText):
    """A duration, or an expression that gives one."""

    def words(self) -> str:
        return "a duration such as 10m, or `${{ … }}`"

    def read(self, node: Node, reading: Reading) -> Any:
        value = super().read(node, reading)
        if value is WRONG or "${{" in value:
            return value
        return WRONG if Duration().read(node, reading) is WRONG else value


@dataclass(frozen=True)
class Moment(TemplateText):
    """A time, or an expression that gives one."""

    def words(self) -> str:
        return "a time such as 2027-01-31T06:00:00+01:00, or `${{ … }}`"

    def read(self, node: Node, reading: Reading) -> Any:
        value = super().read(node, reading)
        if value is WRONG or "${{" in value:
            return value
        try:
            from_text(value)
        except (ValueError, OverflowError):
            return self.expected(node, reading, TIME_HINT)
        return value


WAIT = OrText("a wait", (
    Key("for", Span(place="step", loose=True, empty=False), "How long."),
    Key("until", Moment(place="step", loose=True, empty=False),
        "A time (RFC 3339; UTC where it names no zone) instead. One that has passed is over at "
        "once."),
))
APPROVE = OrText("an approval", (
    Key("message", TemplateText(place="step", form="a text", empty=False),
        "What is asked."),
    Key("timeout", Duration(1.0), "How long it waits.", "no limit"),
    Key("on_timeout", Choice(("fail", "approve", "reject")),
        "What nobody's decision means: `fail` fails with `timeout`.", "fail"),
    Key("role", RoleName(),
        "Who may decide. Whoever owns the engine always may.", "operator"),
    Key("inputs", MapOf(Input(), wrong_input_name, "a map of inputs"),
        "A form, declared as the inputs of a flow; what is filled in is outputs of the step.",
        "{}"),
), required=("message",))
CALL = OrText("a call", (
    Key("name", Text(FLOW_NAME, "a flow's name", "as `wingman flows` lists it"),
        "The flow."),
    Key("inputs", MapOf(Tree(place="step"), wrong_name, "a map of inputs"),
        "Its inputs; a value that is one `${{ }}` alone keeps its type.", "{}"),
), required=("name",))


def own_parts(values: Values, reading: Reading) -> dict[str, Any]:
    """What the compiled step says of these kinds; None for the others."""
    return {
        "wait": _wait(values["wait"], reading) if "wait" in values else None,
        "approve": _approve(values["approve"], reading) if "approve" in values else None,
        "flow": _call(values["flow"].value) if "flow" in values else None,
    }


def _wait(value: Value, reading: Reading) -> dict[str, Any]:
    if len(value.value) != 1 and isinstance(value.node, Mapping) and len(value.node.entries) != 1:
        reading.wrong(value.node, "a wait has `for` or `until`", "such as wait: 10m")
    return {"for": value_of(value.value, "for"), "until": value_of(value.value, "until")}


def _approve(value: Value, reading: Reading) -> dict[str, Any]:
    fields: Values = value.value
    inputs = _form(fields["inputs"], reading) if "inputs" in fields else []
    outcome = value_of(fields, "on_timeout", "fail")
    given = value.node.entries if isinstance(value.node, Mapping) else {}
    if "on_timeout" in fields and "timeout" not in given:
        reading.wrong(fields["on_timeout"].key, "`on_timeout` without `timeout` never happens",
                      "add timeout: 1h")
    needed = [one["name"] for one in inputs if one["required"]]
    if outcome == "approve" and needed:
        reading.wrong(fields["on_timeout"].node,
                      f"nobody fills in `{needed[0]}` where the time is up", "give it a default")
    return {
        "message": value_of(fields, "message", ""), "timeout_s": value_of(fields, "timeout"),
        "on_timeout": outcome, "role": value_of(fields, "role", "operator"), "inputs": inputs,
    }


def _call(fields: Values) -> dict[str, Any]:
    return {"name": value_of(fields, "name", ""), "inputs": value_of(fields, "inputs", {})}


def _form(value: Value, reading: Reading) -> list[dict[str, Any]]:
    """The declared inputs of an approval."""
    nodes = value.node.entries if isinstance(value.node, Mapping) else {}
    found = []
    for name, values in value.value.items():
        if name in DECIDED:
            reading.wrong(nodes[name][0], f"`{name}` is an output of every approval",
                          "choose another name")
        if "sensitive" in values and values["sensitive"].value:
            reading.wrong(values["sensitive"].key, "what is filled in becomes an output, which "
                          "is shown", "make it a sensitive input of the flow")
        found.append(compiled_input(name, values, reading, nodes[name][1]))
    return found
