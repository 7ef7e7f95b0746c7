"""What may stand under `triggers:` as tables: every kind of trigger and its keys, once.

Called by `schema` (the key), `triggers` (compiling), `jsonschema` and `reference`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Any

from .fields import BUILT, Key, read_keys, table_of
from .names import FLOW_NAME, NAME, wrong_input_name
from .readers import (
    WRONG,
    Choice,
    Duration,
    Expression,
    ListOf,
    MapOf,
    NodesOf,
    Number,
    Reader,
    Reading,
    TemplateTree,
    Text,
)
from .yaml_tree import Mapping, Node, Sequence

TRIGGER_NAME = FLOW_NAME
EVENT_TYPE = r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,126}"
# what `event` holds, by the kind of the trigger: the names that its expressions may use
EVENT_FIELDS: Map[str, tuple[str, ...]] = {
    "schedule": ("at", "date", "late"),
    "webhook": ("id", "hook", "at"),
    "after": ("flow", "id", "number", "state", "outputs", "error", "at"),
    "watch": ("path", "name", "folder", "change", "size", "at"),
    "event": ("type", "data", "id", "source", "subject", "time", "actor"),
}


@dataclass(frozen=True)
class Checked(Text):
    """A text that a function checks; it raises an error with `what` and `hint`."""

    check: Callable[[str], Any] = field(default=str)

    def read(self, node: Node, reading: Reading) -> Any:
        value = super().read(node, reading)
        if value is WRONG:
            return WRONG
        from engine.triggers.moments import BadSchedule

        try:
            return self.check(value)
        except BadSchedule as error:
            return reading.wrong(node, error.what, error.hint)


def _cron(text: str) -> str:
    from engine.triggers.moments import check_cron  # files without schedules do not need it

    return check_cron(text)


def _zone(text: str) -> str:
    from engine.triggers.moments import zone

    zone(text)
    return text


CRON = Checked(form="a cron line", empty=False, hint="such as 0 3 * * *", check=_cron)
ZONE = Checked(form="a time zone", empty=False, hint="such as Europe/Zurich", check=_zone)


def _common(place: str) -> tuple[Key, ...]:
    return (
        Key("name", Text(TRIGGER_NAME, "a trigger's name", "lower case letters, digits, `.`, `_`, "
                         "`-`, at most 64"),
            "Its name within the flow; its ledger and its pause belong to it.", "its kind"),
        Key("if", Expression(place), "It starts the flow only where this is true.", "true"),
        Key("inputs", MapOf(TemplateTree(place=place), wrong_input_name, "a map of inputs"),
            "The inputs of the start, with `${{ }}` over what the trigger brings.", "{}"),
    )


_SCHEDULE_KEYS = (
    Key("timezone", ZONE, "The IANA name of the zone whose clocks count.", "UTC"),
    Key("catchup", Choice(("none", "latest", "all")), "What becomes of moments that passed while "
        "no engine ran: they are missed, the last one is made up for, or all are.", "latest"),
    Key("catchup_window", Duration(), "Only moments that are no older are made up for.", "1h"),
    Key("overlap", Choice(("skip", "queue", "cancel_running", "allow")), "What happens while an "
        "execution that it has started still runs: this moment is skipped, waits its turn, "
        "cancels the other, or starts beside it.", "skip; queue with catchup: all"),
    Key("jitter", Duration(), "Each start comes later by a part of this, always the same for the "
        "same moment, so that many schedules do not start at once.", "0s"),
)


ENDS = ("completed", "partial", "failed", "cancelled")
_WEBHOOK_KEYS = (
    Key("signature", Choice(("github", "standard", "token")), "How the sender proves itself: as "
        "GitHub does (X-Hub-Signature-256), by Standard Webhooks (webhook-id, webhook-timestamp, "
        "webhook-signature), or with the secret itself as a bearer token."),
    Key("secret", Text(NAME, "the name of a secret", "such as HOOK_SECRET; `wingman secret set` "
                       "keeps its value"),
        "The secret that both sides know."),
    Key("rate", Number(0.01, 10_000), "Deliveries a second, on the average; what is more is "
        "refused with 429 and when to come again.", "20"),
)


@dataclass(frozen=True)
class TriggerKind:
    """One way to write a trigger: the key that makes it one, and the keys that only it has."""

    word: str
    kind: str
    reader: Reader
    doc: str
    keys: tuple[Key, ...] = ()
    status: str = BUILT
    hint: str = ""

    @property
    def table(self) -> dict[str, Key]:
        """Its keys by name; the words of the other kinds are known, so that two are one problem."""
        words = tuple(Key(each.word, each.reader, each.doc) for each in TRIGGERS.values())
        return table_of((*words, *_common(self.kind), *self.keys))


TRIGGERS: Map[str, TriggerKind] = {one.word: one for one in (
    TriggerKind("schedule", "schedule", CRON,
                "A cron line of five fields, as Debian's cron reads it: minute, hour, day, month, "
                "weekday; or @daily and the like.", _SCHEDULE_KEYS),
    TriggerKind("every", "schedule", Duration(1.0),
                "An interval, counted from 1970-01-01T00:00:00Z: `15m` comes at 00, 15, 30, 45.",
                _SCHEDULE_KEYS),
    TriggerKind("at", "schedule", Text(form="a time", empty=False,
                                       hint="such as 2027-01-31T18:00:00Z"),
                "One moment, as RFC 3339; without an offset, of `timezone`.", _SCHEDULE_KEYS),
    TriggerKind("webhook", "webhook", Text(TRIGGER_NAME, "a hook's name", "such as deploy"),
                "A request from outside, POST /hooks/NAME, whose sender proves that it knows the "
                "secret. JSON and forms are `body`, headers `headers` by their lower-case names.",
                _WEBHOOK_KEYS),
    TriggerKind("watch", "watch", Text(r"/.*[^/]", "the whole path of files, with `*`, `?` or `**`",
                                       "such as /data/in/*.csv"),
                "Files that come, change or go; `**` stands for any folders. What was there before "
                "the trigger is no event.", (
                    Key("on", ListOf(Choice(("created", "modified", "deleted")), or_one=True,
                                     least=1, form="a list of changes"),
                        "The changes that count.", "[created]"),
                    Key("settle", Duration(), "A file counts once it has stayed as it is for so "
                        "long.", "2s"))),
    TriggerKind("after", "after", Text(FLOW_NAME, "a flow's name", "such as ingest"),
                "The end of an execution of another flow, whatever started it.", (
                    Key("status", ListOf(Choice(ENDS), or_one=True, least=1,
                                         form="a list of states"),
                        "The states of the end that count.", "[completed]"),)),
    TriggerKind("event", "event", Text(EVENT_TYPE, "the type of an event", "such as file.uploaded"),
                "An event that somebody tells the engine by `wingman emit` or POST /v1/events."),
)}


@dataclass(frozen=True)
class Triggers(NodesOf):
    """A list of triggers, each read by its kind; the value is what `triggers` compiles."""

    form: str = "a list of triggers"
    entry: str = "trigger"
    hint: str = "write `- schedule: …`, one a line"

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Sequence):
            return super().read(node, reading)
        found = [_read_one(item, reading) for item in node.items]
        return [one for one in found if one is not None]


_ELSEWHERE = {
    "overlap": "it is for schedules; what this one brings must not be lost: write "
               "concurrency: {limit: 1, on_conflict: …} into the flow",
    "catchup": "it is for schedules; this one misses nothing",
    "timezone": "it is for schedules",
}  # fmt: skip


def _read_one(node: Node, reading: Reading) -> Any:
    """(kind, values, node) of one trigger; None where nothing can be said about it."""
    words = ", ".join(f"`{one.word}`" for one in TRIGGERS.values() if one.status == BUILT)
    if not isinstance(node, Mapping):
        reading.wrong(node, "a trigger is a map", "such as - schedule: 0 3 * * *")
        return None
    there = [name for name in node.entries if name in TRIGGERS]
    if not there:
        reading.wrong(node, "the trigger does not say what starts the flow", f"one of {words}")
        return None
    for name in there[1:]:
        reading.wrong(node.entries[name][0],
                      f"a trigger is one thing: this one has `{there[0]}` and `{name}`",
                      "make it two triggers")
    kind = TRIGGERS[there[0]]
    if kind.status != BUILT:
        reading.wrong(node.entries[kind.word][0],
                      f"`{kind.word}` triggers cannot be carried out yet in this version",
                      kind.hint)
        return None
    what = f"a{'n' if kind.word[0] in 'aeiou' else ''} `{kind.word}` trigger"
    return kind, read_keys(node, kind.table, reading, what, _ELSEWHERE), node
