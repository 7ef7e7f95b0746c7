"""Why nothing fits a filter of `wingman list`: a word that there is not. Asked only where it is so.

Flows and types are free words, and an execution may have one that no flow has any more: what was
never heard of is told. Of triggers there is a fixed set: another word is refused, unless somebody
has started executions by it.
"""

from __future__ import annotations

from engine.cli.parser import nearest
from engine.cli.terminal import clean
from engine.client.http import with_query
from engine.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from engine.cli.parser import Arguments
    from engine.client.http import Client

NAMED_LIMIT = 10  # as many as can be told in a line


def words_that_mean_nothing(client: Client, args: Arguments) -> str:
    """What of the filter nothing has, to be told behind a comma. Raises UsageError."""
    if args.trigger:
        _check_triggers(client, args.trigger)
    if not (args.flow or args.type):
        return ""
    flows = client.request("GET", "/v1/flows")["flows"]
    told = [
        _told(client, key, word, {str(flow[field]) for flow in flows} - {""})
        for key, field, given in (("flow", "name", args.flow), ("type", "type", args.type))
        for word in (given or "").split(",")
        if word
    ]
    return "".join(told)


def _check_triggers(client: Client, given: str) -> None:
    from engine.model import STARTED_BY

    for word in given.split(","):
        if word and word not in STARTED_BY and not _has_any(client, trigger=word):
            meant = nearest(word, STARTED_BY)
            near = f"did you mean {meant}? there are: " if meant else "one of "
            raise UsageError(f"there is no trigger {word!r}", near + ", ".join(STARTED_BY))


def _told(client: Client, key: str, word: str, known: Collection[str]) -> str:
    if word in known or _has_any(client, **{key: word}):
        return ""
    meant = nearest(word, known)
    few = [*sorted(known)[:NAMED_LIMIT], *(["…"] if len(known) > NAMED_LIMIT else [])]
    hint = f"did you mean {clean(meant)}?" if meant else f"there are {clean(', '.join(few))}"
    return f", there is no {key} {clean(word)} ({hint})"


def _has_any(client: Client, **wanted: Any) -> bool:
    """Whether an execution was ever so."""
    path = with_query("/v1/executions", **wanted, limit=1)
    return bool(client.request("GET", path)["executions"])
