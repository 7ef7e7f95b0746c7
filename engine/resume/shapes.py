"""What asks for a resume or a saved fix and what answers, as they cross the wire."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class ResumeRequest(TypedDict):
    """What `resume` asks for; without a text it goes on with the flow's file as it is now."""

    text: NotRequired[str]
    label: NotRequired[str]  # how problems of that text name it
    inputs: NotRequired[dict[str, Any]]
    inputs_text: NotRequired[dict[str, str]]
    run: NotRequired[list[str]]  # steps to run although they could be reused
    reuse: NotRequired[list[str]]  # steps to reuse; what has changed only with `unsafe`
    unsafe: NotRequired[bool]
    version: NotRequired[str]  # refused when the plan would be for another one
    reason: NotRequired[str]
    debug: NotRequired[bool]


class ResumeStep(TypedDict):
    """What becomes of one step; `was` is its state in the earlier execution."""

    path: str
    section: str
    decision: Literal["reuse", "run", "invalidated"]
    because: str
    was: str | None
    can_reuse: bool
    chosen: bool
    content: str  # hash of what the step is made of


class ResumePlan(TypedDict):
    """The plan of a resume; `gone` are steps that the new version does not have."""

    execution: str
    id: str
    flow: str
    version: str
    old_version: str
    steps: list[ResumeStep]
    gone: list[str]
    changed_inputs: list[str]
    counts: dict[str, int]


class Fix(TypedDict):
    """What saving a corrected version into the flow's file would change."""

    execution: str
    path: str
    can_save: bool
    reason: str  # why not
    hint: str
    diff: list[str]  # a unified diff without its head


class SavedFix(TypedDict):
    """The file that holds a fix now."""

    path: str
    version: str
