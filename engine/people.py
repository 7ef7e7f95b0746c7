"""What people decide and write, as it crosses the API. Beside `wire`; standard library only."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Note(TypedDict):
    """What somebody wrote beside an execution, or a step of it; `error` is what it was about."""

    id: int
    execution: str
    flow: str
    number: int
    step: str | None
    at: str
    by: str
    text: str
    error: dict[str, Any] | None
    edited_at: str | None
    edited_by: str | None


class ApprovalRequest(TypedDict):
    """A decision of a person; without a step it is about the only one that waits for one."""

    step: NotRequired[str | None]
    comment: NotRequired[str | None]
    inputs: NotRequired[dict[str, Any] | None]
    inputs_text: NotRequired[dict[str, str] | None]  # from `-i k=v`: typed by their declarations
