"""The filter language, as far as the console needs it: completion and what a word means. Pure.

The server reads the filter; here are only its words, so that they can be offered.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

# what is looked for most comes first
STATES = ("failed", "running", "waiting", "queued", "paused", "partial", "cancelled", "completed")
TRIGGERS = (
    "manual", "schedule", "webhook", "watch", "after", "event", "rerun", "resume", "flow",
)  # fmt: skip
AGES = ("10m", "1h", "2h", "24h", "7d")
# the console's own word, of several servers; it is asked of none of them
SERVER = "server:"
WORDS = ("state:", "flow:", "type:", "since:", "until:", "trigger:", "warnings:", "note:")
NAMED = "@"  # begins the name of a filter that was kept
UNHEARD = {
    "flow": "no flow folder has a flow", "type": "no flow is of the type",
    "trigger": "nothing is started by",
}  # fmt: skip
EXAMPLE = "state:failed flow:backup @yesterday text"


def complete(
    text: str, flows: Iterable[str] = (), types: Iterable[str] = (), named: Iterable[str] = (),
    servers: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """What the last word of a filter could become, nearest first."""
    words = (*WORDS, SERVER) if servers else WORDS
    if not text or text.endswith(" "):
        return [*words, *(NAMED + name for name in sorted(named))]
    last = text.split(" ")[-1]
    if last.startswith(NAMED):
        return [NAMED + name for name in sorted(named) if name.startswith(last[1:])]
    name, colon, value = last.partition(":")
    if not colon:
        return [word for word in words if word.startswith(last)]
    done, _, part = value.rpartition(",")
    before = f"{name}:{done}," if done else f"{name}:"
    return [before + word for word in _values(name, flows, types, servers) if word.startswith(part)]


def _values(
    name: str, flows: Iterable[str], types: Iterable[str], servers: Sequence[str]
) -> Sequence[str]:
    known: dict[str, Sequence[str]] = {
        "state": STATES,
        "flow": sorted(flows),
        "server": sorted(servers),
        "type": sorted(set(types) - {""}),
        "since": AGES,
        "until": AGES,
        "trigger": TRIGGERS,
        "warnings": (">0", ">10", ">100"),
    }
    return known.get(name, ())


def unheard_of(
    text: str, flows: Iterable[str], types: Iterable[str], named: Iterable[str] = ()
) -> str:
    """The first word of a filter that means nothing here, in words; where nothing fits it."""
    names = sorted(named)
    known = {"flow": sorted(flows), "type": sorted(set(types) - {""}), "trigger": TRIGGERS}
    for word in text.split():
        if word.startswith(NAMED) and names and word[1:] not in names:
            near = difflib.get_close_matches(word[1:], names, 1) or names
            is_near = f"did you mean {NAMED}{near[0]}?" if len(near) == 1 else f"such as @{near[0]}"
            return f"no filter is called {word} ({is_near})"
        name, colon, values = word.partition(":")
        if colon and name.isalpha() and not values.startswith("//") and f"{name}:" not in WORDS:
            near = difflib.get_close_matches(f"{name}:", WORDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {' '.join(WORDS)}"
            return f"{name}: is looked for as a text ({hint})"
        for value in values.split(",") if known.get(name) else ():
            if value and value not in known[name]:
                near = difflib.get_close_matches(value, known[name], 1)
                few = ", ".join(known[name][:5])
                hint = f"did you mean {near[0]}?" if near else f"such as {few}"
                return f"{UNHEARD[name]} {value} ({hint})"
    return ""


def usual(now: float, zone: tzinfo | None) -> dict[str, str]:
    """The filters that have a name from the beginning; days are the reader's own."""
    today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = (today - timedelta(hours=12)).replace(hour=0)  # also where a day has 23 or 25 hours
    first, last = (day.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for day in (yesterday, today))
    return {
        "today": f"since:{last}",
        "yesterday": f"since:{first} until:{last}",
        "live": "state:running,waiting,queued,paused",
        "failures": "state:failed,partial",
    }


def expanded(text: str, named: Mapping[str, str]) -> str:
    """The filter with each `@name` replaced by the filter of that name."""
    words = (named.get(word[1:], word) if word.startswith(NAMED) else word for word in text.split())
    return " ".join(words)


def meant(text: str, named: Iterable[str]) -> str:
    """The filter with each `@begin` that only one name begins with written out."""
    names = list(named)

    def written(word: str) -> str:
        fits = [name for name in names if name.startswith(word[1:])]
        is_clear = word.startswith(NAMED) and word[1:] and word[1:] not in names and len(fits) == 1
        return NAMED + fits[0] if is_clear else word

    return " ".join(map(written, text.split(" ")))


def on_servers(text: str, known: Sequence[str]) -> tuple[list[str], str]:
    """The servers that a filter names, none for all, and the rest of it.

    Raises ValueError for one that is not seen here.
    """
    servers: list[str] = []
    rest = []
    for word in text.split(" "):
        if not word.startswith(SERVER):
            rest.append(word)
            continue
        servers += [name for name in word.removeprefix(SERVER).split(",") if name]
    for name in servers:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
            raise ValueError(f"no server {name} is shown here ({hint})")
    return list(dict.fromkeys(servers)), " ".join(rest).strip()


def as_query(text: str) -> dict[str, str]:
    """The filter as the parameters of the list's address."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    query: dict[str, str] = {}
    for word in words:
        name, colon, value = word.partition(":")
        if not (colon and f"{name}:" in WORDS):
            name, value = "text", word
        joint = " " if name == "text" else ","
        query[name] = f"{query[name]}{joint}{value}" if name in query else value
    return query


def completed(text: str, word: str) -> str:
    """The filter with its last word completed."""
    head, space, _ = text.rpartition(" ")
    return head + space + word
