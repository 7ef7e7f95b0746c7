"""What asks for a push and what answers, as they cross the wire."""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec


class LookRequest(msgspec.Struct):
    """A text, or the version of a former one in its place."""

    text: str | None = None
    to: str | None = None


class PushRequest(msgspec.Struct, kw_only=True):
    """The same, to be written where the file still is as expected."""

    text: str | None = None
    to: str | None = None
    expected: str | None  # the version of the file that it takes the place of; null: there is none
    reason: str = ""
    allow_missing: bool = False


class Look(TypedDict):
    """What a push would meet on this server; it changes nothing."""

    name: str
    path: str  # where it would be written
    version: str
    present: str | None  # the version that is there
    present_text: str | None
    text: str
    standard: bool  # it would take the place of a flow that comes with Wingman
    problems: list[dict[str, Any]]  # why it cannot be pushed, as wire.Problem
    missing: list[str]  # what it needs and this server has not
    tests: list[dict[str, Any]]  # how the flow's own tests went
    notes: list[str]  # what is not carried with the file
    environment: str
    production: bool


class Pushed(TypedDict):
    """What a push has done."""

    name: str
    path: str
    version: str
    replaced: str | None  # the version that was there
    changed: bool  # false where the file had this version already


class Version(TypedDict):
    """One version of a flow's file, as it was kept."""

    version: str
    at: str
    by: str
    origin: str
    action: str  # push | rollback | save fix | found: it was there, and nobody had pushed it
    reason: str
    size_bytes: int
    present: bool
    unfinished: bool  # it was asked for, and never was in the file's place
