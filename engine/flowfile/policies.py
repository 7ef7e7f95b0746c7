"""The keys of `concurrency`, `requires` and `retention`, and what the compiled flow has of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.expression import parts_of, scan

from .alert_keys import compiled_alerts
from .fields import Fields, Key, Value, Values
from .names import FLOW_NAME
from .readers import WRONG, Choice, ListOf, Number, Reading, TemplateText
from .yaml_tree import Mapping, Node

ON_CONFLICT = ("queue", "skip", "cancel_running", "fail")
_PORT = (r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]"
         r"|6553[0-5]")
HOST = re.compile(rf"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):({_PORT})")

CONCURRENCY = Fields("`concurrency`", (
    Key("group", TemplateText(form="a group's name", place="concurrency", empty=False,
                              longest=2_000),
        "Executions of the same group, of whatever flow, share the limit. It may name inputs.",
        "the flow's name"),
    Key("limit", Number(1, 10_000, whole=True), "How many of them run at once.", "1"),
    Key("on_conflict", Choice(ON_CONFLICT), "What happens where there is no room. `queue`: it "
        "waits, in the order of asking. `skip`: it ends `cancelled`. `fail`: it ends `failed`; "
        "both with the error `conflict`. `cancel_running`: those that run are cancelled, and it "
        "starts when they have ended.", "queue"),
))


@dataclass(frozen=True)
class Listed(TemplateText):
    """One thing that is required; checked in full when no template is in it."""

    pattern_of_whole: str = ""
    place: str = "requires"
    empty: bool = False
    longest: int = 2_000

    def read(self, node: Node, reading: Reading) -> Any:
        value = super().read(node, reading)
        if value is WRONG or "${{" in value or not self.pattern_of_whole:
            return value
        if not re.fullmatch(self.pattern_of_whole, value):
            return self.expected(node, reading, self.hint)
        return value


def _list_of(form: str, hint: str, pattern: str = "") -> ListOf:
    return ListOf(Listed(form=form, hint=hint, pattern_of_whole=pattern), or_one=True, least=1,
                  form=f"a list, each {form}")


REQUIRES = Fields("`requires`", (
    Key("programs", _list_of("a program", "its name, such as pg_dump", r"[^\s].*"),
        "Found on the PATH of the steps, or a path.", "[]"),
    Key("files", _list_of("a file or folder", "its path"),
        "Files or folders that exist; relative to the flow file's folder.", "[]"),
    Key("hosts", _list_of("a host with a port", "such as store:443", HOST.pattern),
        "`name:port`, where somebody answers (a TCP connection, 3 s at most).", "[]"),
    Key("flows", _list_of("a flow's name", "lower case letters, digits, `.`, `_`, `-`", FLOW_NAME),
        "Flows that can be started by their name.", "[]"),
))

_KEPT = (
    Key("keep", Number(1, 100_000, whole=True), "So many of the flow's newest executions stay."),
    Key("days", Number(1, 36_500, whole=True), "What ended within so many days stays."),
)
RETENTION = Fields("`retention`", (
    *_KEPT,
    Key("logs", Fields("`logs`", _KEPT), "The same for the logs of executions that stay."),
    Key("work", Fields("`work`", _KEPT), "The same for their working directories."),
))


def compiled_policies(values: Values, name: str, reading: Reading) -> dict[str, Any]:
    """What the compiled flow has of these keys."""
    return {
        "concurrency": compiled_concurrency(values.get("concurrency"), name),
        "requires": compiled_requires(values.get("requires")),
        "retention": compiled_retention(values.get("retention"), reading),
        "alerts": compiled_alerts(values.get("alerts"), reading),
    }


def compiled_retention(value: Value | None, reading: Reading) -> dict[str, Any] | None:
    """`retention` of the compiled flow; what is not said protects nothing."""
    if value is None:
        return None
    return _kept(value, "retention", reading)


def _kept(value: Value, name: str, reading: Reading) -> dict[str, Any]:
    if isinstance(value.node, Mapping) and not value.node.entries:
        reading.wrong(value.node, f"`{name}` says nothing", "such as {keep: 100, days: 90}")
    return {key: _kept(one, key, reading) if key in ("logs", "work") else one.value
            for key, one in value.value.items()}  # fmt: skip


def compiled_concurrency(value: Value | None, name: str) -> dict[str, Any] | None:
    """`concurrency` of the compiled flow."""
    if value is None:
        return None
    given = {key: one.value for key, one in value.value.items()}
    return {
        "group": given.get("group", name),
        "limit": given.get("limit", 1),
        "on_conflict": given.get("on_conflict", "queue"),
    }


def compiled_requires(value: Value | None) -> dict[str, list[str]] | None:
    """`requires` of the compiled flow."""
    if value is None or not value.value:
        return None
    return {key.name: value.value[key.name].value if key.name in value.value else []
            for key in REQUIRES.keys}


def check_group(value: Value | None, sensitive: Iterable[str], reading: Reading) -> None:
    """A group's name is shown to all, so no sensitive input may be in it."""
    if value is None or "group" not in value.value:
        return
    group = value.value["group"]
    secret = {("inputs", name) for name in sensitive}
    for part in parts_of(group.value).expressions:
        for reference in scan(part.text).references:
            if reference.path[:2] in secret or (secret and len(reference.path) == 1
                                                and reference.path[0] == "inputs"):
                reading.wrong(group.node, f"`{reference.text}` is sensitive, and a group's name "
                              "is shown", "take another input")
