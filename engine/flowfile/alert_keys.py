"""The keys of `alerts`, and what they become in the compiled flow."""

from __future__ import annotations

from typing import Any

from engine.model import POOL_NAME

from .fields import Fields, Key, Value, Values
from .readers import Choice, Duration, Expression, ListOf, Number, Reading, Text

ENDS = ("failed", "partial", "completed", "cancelled")
OCCASIONS = (*ENDS, "recovered", "long_running", "not_started")

SLOWER = Fields("`slower`", (
    Key("than", Number(1, 1000), "So many times the median."),
    Key("of_last", Number(3, 200, whole=True), "Of so many executions before it; of those that "
        "completed, and where there are three at least.", "20"),
), required=("than",))

ALERT = Fields("an alert", (
    Key("on", ListOf(Choice(OCCASIONS), or_one=True, least=1, form="a list of occasions"),
        "`failed`, `partial`, `completed`, `cancelled`: how an execution ends. `recovered`: it "
        "completes, and the one before it (or its own earlier attempt) did not. `long_running`: "
        "it runs longer than `after` or `slower` say. `not_started`: a trigger's moment was "
        "missed.", "every end"),
    Key("to", ListOf(Text(POOL_NAME, "the name of a channel"), or_one=True, least=1,
                     form="a list of channels"),
        "Channels of `config.toml`.", "all channels"),
    Key("after", Duration(1), "Of `long_running`: so long after its start."),
    Key("slower", SLOWER, "Of `long_running`: longer than so many times the usual."),
    Key("if", Expression("alert"), "Only where this holds. It knows `inputs`, `steps`, `outputs`, "
        "`error`, `execution` and `trigger`.", "true"),
))


def compiled_alerts(value: Value | None, reading: Reading) -> list[dict[str, Any]]:
    """`alerts` of the compiled flow."""
    return [_alert(each, value, reading) for each in value.value] if value else []


def _alert(given: Values, owner: Value, reading: Reading) -> dict[str, Any]:
    on = given["on"].value if "on" in given else list(ENDS)
    _check(given, on, owner, reading)
    slower = given["slower"].value if "slower" in given else None
    return {
        "on": list(dict.fromkeys(on)),
        "to": list(dict.fromkeys(given["to"].value)) if "to" in given else [],
        "after_s": given["after"].value if "after" in given else None,
        "slower": slower and {"than": slower["than"].value if "than" in slower else 1,
                              "of_last": slower["of_last"].value if "of_last" in slower else 20},
        "if": given["if"].value if "if" in given else None,
    }


def _check(given: Values, on: list[str], owner: Value, reading: Reading) -> None:
    """What only makes sense together."""
    limits = [name for name in ("after", "slower") if name in given]
    node = given["on"].node if "on" in given else owner.node
    if "long_running" in on and len(limits) != 1:
        reading.wrong(node, "`long_running` takes either `after` or `slower`",
                      "such as after: 30m, or slower: {than: 3}")
    for name in limits if "long_running" not in on else ():
        reading.wrong(given[name].key, f"`{name}` belongs to `long_running`",
                      "add `on: long_running`, or remove it")
    if "not_started" in on and "if" in given:
        reading.wrong(given["if"].key, "`if` asks about an execution, and with `not_started` there "
                      "is none", "make two alerts of it")
