"""The triggers of a flow as the compiled flow has them, checked against its inputs.

Called by `compile`. What expressions refer to is checked with all others, in `check`.
"""

from __future__ import annotations

from typing import Any

from engine.expression import is_template

from .fields import Value, Values, value_of
from .inputs import check_value
from .readers import Reading
from .trigger_schema import TriggerKind
from .yaml_tree import Mapping, Node

CATCHUP_WINDOW_S = 3600.0
RATE = 20


def compiled_triggers(
    value: Value, flow: str, inputs: list[dict[str, Any]], reading: Reading
) -> list[dict[str, Any]]:
    """Every trigger with all of its keys."""
    found: list[dict[str, Any]] = []
    names: set[str] = set()
    for kind, values, node in value.value:
        name = _name(kind, values, names, reading)
        names.add(name)
        _check_inputs(values, node, inputs, reading)
        for word in ("signature", "secret") if kind.kind == "webhook" else ():
            if isinstance(node, Mapping) and word not in node.entries:
                reading.wrong(node, f"a webhook needs `{word}`",
                              "without it anybody could start the flow")
        if kind.kind == "after" and value_of(values, "after", "") == flow:
            reading.wrong(values["after"].node, "a flow cannot start after itself",
                          "use a schedule, or a step that waits")
        condition = values.get("if")
        found.append({
            "name": name, "kind": kind.kind,
            "if": None if condition is None else str(condition.value),
            "inputs": value_of(values, "inputs", {}),
            **_COMPILED[kind.kind](kind, values, reading),
        })
    return found


def _name(kind: TriggerKind, values: Values, names: set[str], reading: Reading) -> str:
    if "name" in values:
        name = str(values["name"].value)
        if name in names:
            reading.wrong(values["name"].node, f"the trigger name `{name}` is there twice",
                          "choose another")
        return name
    plain = kind.kind if kind.kind != "webhook" else str(value_of(values, kind.word, kind.kind))
    number, name = 1, plain
    while name in names:
        number += 1
        name = f"{plain}-{number}"
    return name


def _check_inputs(
    values: Values, node: Node, inputs: list[dict[str, Any]], reading: Reading
) -> None:
    """A trigger gives what the flow requires, nothing else, and constants of the right type."""
    given = values.get("inputs")
    nodes = given.node.entries if given is not None and isinstance(given.node, Mapping) else {}
    declared = {one["name"]: one for one in inputs}
    for name, (key, item) in nodes.items():
        one = declared.get(name)
        if one is None:
            reading.wrong(key, f"the flow has no input `{name[:60]}`",
                          reading.problems.one_of(name, declared) or "it declares none")
        elif given is not None and not _has_template(given.value[name]):
            for what, hint in check_value(one, given.value[name])[1]:
                reading.wrong(item, f"`{name}` {what}", hint)
    is_broken = isinstance(node, Mapping) and "inputs" in node.entries and given is None
    missing = [name for name, one in declared.items() if one["required"] and name not in nodes]
    if missing and not is_broken:
        listed = ", ".join(f"`{name}`" for name in missing)
        reading.wrong(node, f"this trigger does not give the required {_inputs(missing)} {listed}",
                      f"add inputs: {{{missing[0]}: …}}, or give it a default")


def _inputs(names: list[str]) -> str:
    return "input" if len(names) == 1 else "inputs"


def _has_template(value: Any) -> bool:
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, dict):
        return any(_has_template(item) for item in value.values())
    return isinstance(value, list) and any(_has_template(item) for item in value)


def _schedule(kind: TriggerKind, values: Values, reading: Reading) -> dict[str, Any]:
    zone_name = value_of(values, "timezone", "UTC")
    catchup = value_of(values, "catchup", "latest")
    if kind.word == "every" and "timezone" in values:
        reading.wrong(values["timezone"].key, "`timezone` says nothing about `every`",
                      "it counts from 1970 in UTC; for local times use `schedule`")
    return {
        "cron": value_of(values, "schedule"), "every_s": value_of(values, "every"),
        "at_us": _at(values, zone_name, reading), "timezone": zone_name, "catchup": catchup,
        "catchup_window_s": value_of(values, "catchup_window", CATCHUP_WINDOW_S),
        "overlap": value_of(values, "overlap", "queue" if catchup == "all" else "skip"),
        "jitter_s": value_of(values, "jitter", 0.0),
    }


def _at(values: Values, zone_name: str, reading: Reading) -> int | None:
    if "at" not in values:
        return None
    from engine.triggers.moments import BadSchedule, moment_of

    try:
        return moment_of(values["at"].value, zone_name)
    except BadSchedule as error:
        reading.wrong(values["at"].node, error.what, error.hint)
        return None


def _webhook(kind: TriggerKind, values: Values, reading: Reading) -> dict[str, Any]:
    return {
        "hook": value_of(values, "webhook", ""), "signature": value_of(values, "signature", ""),
        "secret": value_of(values, "secret", ""), "rate": value_of(values, "rate", RATE),
    }


def _after(kind: TriggerKind, values: Values, reading: Reading) -> dict[str, Any]:
    return {"after": value_of(values, "after", ""),
            "status": value_of(values, "status", ["completed"])}


def _event(kind: TriggerKind, values: Values, reading: Reading) -> dict[str, Any]:
    return {"type": value_of(values, "event", "")}


def _watch(kind: TriggerKind, values: Values, reading: Reading) -> dict[str, Any]:
    return {"path": value_of(values, "watch", ""), "on": value_of(values, "on", ["created"]),
            "settle_s": value_of(values, "settle", 2.0)}


_COMPILED = {
    "watch": _watch, "schedule": _schedule, "webhook": _webhook, "after": _after, "event": _event,
}  # fmt: skip
