"""Routes of the inbox: its entries, and what people do with them."""

from __future__ import annotations

import difflib
import pwd
import re
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.access.roles import USER_NAME
from engine.errors import UsageError
from engine.flowfile import durations
from engine.inbox.keeper import Inbox
from engine.journal.history import History
from engine.journal.note_rows import notes_of_failure
from engine.server.app import Json
from engine.server.gate import caller_of
from engine.server.routes import body_of, context_of, limit_of
from engine.times import from_text

PAGE_LIMIT = 500
NOTES_SHOWN = 20
LONGEST_SNOOZE_US = 366 * 86_400 * 1_000_000
Entry = dict[str, Any]


class InboxPlace(msgspec.Struct):
    """Where a failure happened: a step of a flow, and the newest execution that had it."""

    flow: str
    step: str | None
    open: bool
    times: int
    first: str
    last: str
    execution: str
    number: int


class InboxEntry(msgspec.Struct):
    """Failures that are alike, as long as a flow of them has not recovered."""

    id: str
    type: str
    message: str
    state: str  # open | acknowledged | snoozed | recovered | closed
    open: bool
    times: int
    total: int
    first: str
    since: str
    last: str
    flows: int
    flow: str
    step: str | None
    execution: str
    number: int
    places: list[InboxPlace]
    acked_at: str | None
    acked_by: str | None
    snoozed_until: str | None
    snoozed_by: str | None
    assigned_to: str | None
    assigned_by: str | None
    left_at: str | None
    left_by: str | None


class InboxAckRequest(msgspec.Struct):
    """To acknowledge an entry, or to take that back."""

    undo: bool = False


class SnoozeRequest(msgspec.Struct):
    """How long an entry stays away: a duration, or a moment; neither: no longer."""

    duration: str | None = None
    until: str | None = None


class AssignRequest(msgspec.Struct):
    """Who takes care: a user, oneself without one; with `nobody`, no one any more."""

    user: str | None = None
    nobody: bool = False


class InboxCloseRequest(msgspec.Struct):
    """Nothing is to be said about closing an entry."""


async def _around(request: Request) -> tuple[Inbox, str, str, frozenset[str]]:
    """The inbox, what the path names, who asks, and what of it they may not see."""
    context = context_of(request)
    hidden = await context.gate.hidden(caller_of(request))
    return context.inbox, request.path_params.get("id", ""), request.state.actor, hidden


async def entries(request: Request) -> Response:
    inbox, _, _, hidden = await _around(request)
    query = request.query_params
    limit = limit_of(request, 100, PAGE_LIMIT)
    text = query.get("text") or ""
    found = await inbox.page(query.get("show") or "open", hidden, text=text, limit=limit)
    return Json({"entries": found.entries, "counts": found.counts})


async def entry(request: Request) -> Response:
    """One entry, with what people wrote about it and who was told."""
    inbox, reference, _, hidden = await _around(request)
    context = context_of(request)
    found = await inbox.find(reference, hidden)

    def notes(history: History) -> list[Entry]:
        places = [(place["flow"], place["step"]) for place in found["places"]]
        return notes_of_failure(history, found["type"], places, NOTES_SHOWN)

    found["notes"] = await context.service.reader(notes)
    executions = [place["execution"] for place in found["places"]]
    found["alerts"] = await context.alerts.delivery.about(executions)
    return Json(found)


async def acknowledge(request: Request) -> Response:
    wanted = await body_of(request, InboxAckRequest)
    inbox, reference, actor, hidden = await _around(request)
    return Json(await inbox.acknowledge(reference, actor, hidden, wanted.undo))


async def snooze(request: Request) -> Response:
    wanted = await body_of(request, SnoozeRequest)
    inbox, reference, actor, hidden = await _around(request)
    now_us = context_of(request).service.now_us()
    until_us = snoozed_until(wanted.duration, wanted.until, now_us)
    return Json(await inbox.snooze(reference, until_us, actor, hidden))


async def assign(request: Request) -> Response:
    wanted = await body_of(request, AssignRequest)
    inbox, reference, actor, hidden = await _around(request)
    user = None if wanted.nobody else wanted.user or actor
    if user not in (None, actor):
        _check_user(user, [row["name"] for row in context_of(request).gate.users.rows()])
    return Json(await inbox.assign(reference, user, actor, hidden))


async def close(request: Request) -> Response:
    await body_of(request, InboxCloseRequest)
    inbox, reference, actor, hidden = await _around(request)
    return Json(await inbox.close(reference, actor, hidden))


def snoozed_until(duration: str | None, until: str | None, now_us: int) -> int | None:
    """The moment up to which an entry stays away; None for no longer. Raises UsageError."""
    if duration is not None and until is not None:
        raise UsageError("`duration` and `until` say the same", "leave one of them out")
    if duration is not None:
        duration_s = durations.seconds(duration)
        if duration_s is None:
            raise UsageError(f"{duration!r} is no duration", "such as 30m, 2h, 1d")
        at_us = now_us + round(duration_s * 1_000_000)
    elif until is not None:
        try:
            at_us = from_text(until)
        except (ValueError, OverflowError):
            hint = "such as 2027-01-31, or 2027-01-31T08:00:00+01:00"
            raise UsageError(f"{until!r} is no time", hint) from None
        if at_us <= now_us:
            raise UsageError(f"{until} has passed", "name a moment that is to come")
    else:
        return None
    if at_us > now_us + LONGEST_SNOOZE_US:
        raise UsageError("nothing stays away for more than a year", "close it instead")
    return at_us


def _check_user(name: str | None, known: list[str]) -> None:
    """Raises UsageError for a name that nobody has, here or on this machine."""
    if name in known:
        return
    if name and re.fullmatch(USER_NAME, name):
        try:
            pwd.getpwnam(name)
        except KeyError:
            pass
        else:
            return
    near = difflib.get_close_matches(name or "", known, 1)
    hint = f"did you mean {near[0]}?" if near else "wingman user set NAME --role ROLE makes one"
    raise UsageError(f"there is no user {name!r}", hint)
