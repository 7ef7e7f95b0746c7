"""What a start would do, as it crosses the wire."""

from __future__ import annotations

from typing import Any, TypedDict


class PlannedStep(TypedDict):
    """What a start would make of one step; steps of the same `order` may run side by side."""

    path: str
    section: str
    order: int
    kind: str
    needs: list[str]
    env: dict[str, Any]
    does: dict[str, Any]  # its command, script or arguments, with all that is known put in
    timeout_s: float | None
    max_attempts: int
    unknown: list[str]  # what only the running tells
    problems: list[str]  # why it would fail


class StartPlan(TypedDict):
    """What a start would do, sensitive values masked; each step also has `if`, or null there."""

    flow: str
    version: str
    inputs: dict[str, Any]
    environment: dict[str, Any]  # values of the server that it names
    env: dict[str, Any]
    timeout_s: float | None
    max_parallel: int | None
    concurrency: dict[str, Any] | None  # group, limit, on_conflict, obstacle: text or null
    requires: dict[str, list[str]] | None  # what is missing of it is among the problems
    steps: list[PlannedStep]
    problems: list[str]
