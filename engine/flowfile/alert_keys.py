"""The keys of `alerts`, and what they become in the compiled flow."""

from __future__ import annotations

from typing import Any

from engine.model import POOL_NAME

from .fields import Fields, Key, Value, Values, value_of
from .readers import Choice, Duration, Expression, ListOf, Number, Reading, Text
from .trigger_schema import ZONE

ENDS = ("failed", "partial", "completed", "cancelled")
OCCASIONS = (*ENDS, "recovered", "long_running", "not_started")
LASTING = frozenset(OCCASIONS) - {"completed", "recovered"}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S = 86_400

SLOWER = Fields("`slower`", (
    Key("than", Number(1, 1000), "So many times the median."),
    Key("of_last", Number(3, 200, whole=True), "Of so many executions before it; of those that "
        "completed, and where there are three at least.", "20"),
), required=("than",))

QUIET = Fields("`quiet`", (
    Key("from", Text(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", "a time of day", 'such as "22:00"'),
        "When the quiet hours begin."),
    Key("to", Text(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00", "a time of day", 'such as "07:00"'),
        "When they end; where that is earlier, on the next day."),
    Key("timezone", ZONE, "The IANA name of the zone whose clocks count.", "UTC"),
    Key("days", ListOf(Choice(DAYS), or_one=True, least=1, form="a list of days"),
        "The days on which they begin.", "every day"),
), required=("from", "to"))

ALERT = Fields("an alert", (
    Key("on", ListOf(Choice(OCCASIONS), or_one=True, least=1, form="a list of occasions"),
        "`failed`, `partial`, `completed`, `cancelled`: how an execution ends. `recovered`: it "
        "completes, and the one before it (or its own earlier attempt) did not. `long_running`: "
        "it runs longer than `after` or `slower` say. `not_started`: a trigger's moment was "
        "missed, or, with `after`, it is queued for longer.", "every end"),
    Key("to", ListOf(Text(POOL_NAME, "the name of a channel"), or_one=True, least=1,
                     form="a list of channels"),
        "Channels of `config.toml`.", "all channels"),
    Key("after", Duration(1), "Of `long_running`: so long after its start. Of `not_started`: "
        "queued for so long."),
    Key("slower", SLOWER, "Of `long_running`: longer than so many times the usual."),
    Key("if", Expression("alert"), "Only where this holds. It knows `inputs`, `steps`, `outputs`, "
        "`error`, `execution`, `environment` and `trigger`.", "true"),
    Key("group", Duration(1), "What this alert has to tell within so long becomes one message with "
        "counts, sent at the end of that time.", "each by itself"),
    Key("repeat", Duration(60), "Remind of it each time so long has passed, while it lasts and "
        "nobody has acknowledged it.", "told once"),
    Key("quiet", QUIET, "In these hours nothing is sent: what is not over by their end is told "
        "then, as one message a channel.", "none"),
))


def compiled_alerts(value: Value | None, reading: Reading) -> list[dict[str, Any]]:
    """`alerts` of the compiled flow."""
    return [_alert(each, value, reading) for each in value.value] if value else []


def _alert(given: Values, owner: Value, reading: Reading) -> dict[str, Any]:
    on = value_of(given, "on", list(ENDS))
    _check(given, on, owner, reading)
    slower = value_of(given, "slower")
    return {
        "on": list(dict.fromkeys(on)),
        "to": list(dict.fromkeys(given["to"].value)) if "to" in given else [],
        "after_s": value_of(given, "after"),
        "slower": slower and {"than": value_of(slower, "than", 1),
                              "of_last": value_of(slower, "of_last", 20)},
        "if": value_of(given, "if"),
        "group_s": value_of(given, "group"),
        "repeat_s": value_of(given, "repeat"),
        "quiet": _quiet(given["quiet"]) if "quiet" in given else None,
    }


def _quiet(value: Value) -> dict[str, Any] | None:
    """Minutes of the day, and days from Monday on; None where they are wrong already."""
    given = value.value
    if "from" not in given or "to" not in given:
        return None
    days = value_of(given, "days", DAYS)
    return {
        "from": _minutes(given["from"].value),
        "to": _minutes(given["to"].value),
        "timezone": value_of(given, "timezone", "UTC"),
        "days": sorted({DAYS.index(day) for day in days}),
    }


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _check(given: Values, on: list[str], owner: Value, reading: Reading) -> None:
    """What only makes sense together."""
    node = given["on"].node if "on" in given else owner.node
    _check_limits(given, on, node, reading)
    if "not_started" in on and "if" in given:
        reading.wrong(given["if"].key, "`if` asks about an execution, and with `not_started` there "
                      "is none", "make two alerts of it")
    if "repeat" in given and not LASTING.intersection(on):
        reading.wrong(given["repeat"].key, "`repeat` reminds of what lasts, and what is well does "
                      "not", "remove it, or add `failed` to `on`")
    if "group" in given and given["group"].value > DAY_S:
        reading.wrong(given["group"].node, "nothing is held back for more than a day",
                      "at most 1d")
    _check_quiet(value_of(given, "quiet", {}), reading)


def _check_quiet(hours: Values, reading: Reading) -> None:
    if "from" not in hours or "to" not in hours:
        return
    begin, end = hours["from"].value, hours["to"].value
    if begin == end:
        reading.wrong(hours["to"].node, "these quiet hours are none: they end when they begin",
                      'for whole days write from: "00:00", to: "24:00"')
    days = set(hours["days"].value) if "days" in hours else set(DAYS)
    if (begin, end) == ("00:00", "24:00") and days == set(DAYS):
        reading.wrong(hours["to"].node, "these quiet hours never end", "name the `days`, or remove "
                      "the alert")


def _check_limits(given: Values, on: list[str], node: Any, reading: Reading) -> None:
    limits = [name for name in ("after", "slower") if name in given]
    if "long_running" in on and len(limits) != 1:
        reading.wrong(node, "`long_running` takes either `after` or `slower`",
                      "such as after: 30m, or slower: {than: 3}")
    elif "long_running" not in on:
        for name in limits:
            if name == "after" and "not_started" in on:
                continue
            also = " or `not_started`" if name == "after" else ""
            reading.wrong(given[name].key, f"`{name}` belongs to `long_running`{also}",
                          "add `on: long_running`, or remove it")
