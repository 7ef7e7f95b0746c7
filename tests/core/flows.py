"""Compiled flows for the core's tests, made by hand: the core knows no files."""

from __future__ import annotations

from typing import Any


def step(step_id: str, *needs: str, **changes: Any) -> dict[str, Any]:
    """A compiled `run` step."""
    retry = {
        "max_attempts": 1,
        "delay_s": 0.0,
        "backoff": 1.0,
        "max_delay_s": None,
        "jitter": 0.0,
        "on": ["any"],
    } | changes.pop("retry", {})
    return {
        "id": step_id, "path": step_id, "kind": "run", "needs": list(needs), "if": None,
        "waits_for_failure": False, "env": {}, "timeout_s": None, "grace_s": 10.0, "retry": retry,
        "on_interrupt": "retry" if retry["max_attempts"] > 1 else "fail",
        "continue_on_error": False, "expect": None, "outputs": "lines", "run": "true",
        "shell": ["bash", "-euo", "pipefail"], "python": None,
        "pools": {}, "wait": None, "approve": None, "flow": None, "parent": None, "clause": None,
        "on_error": [], "batch": None,
    } | changes  # fmt: skip


def wait(step_id: str, *needs: str, span: str = "10s", **changes: Any) -> dict[str, Any]:
    """A compiled `wait` step."""
    what = {"for": span, "until": None}
    return step(step_id, *needs, kind="wait", run=None, wait=what, **changes)


def approve(step_id: str, *needs: str, **changes: Any) -> dict[str, Any]:
    """A compiled `approve` step; the changes are its own keys, or those of any step."""
    own = {"message": "Go on?", "timeout_s": None, "on_timeout": "fail", "role": "operator",
           "inputs": []}  # fmt: skip
    own |= {key: changes.pop(key) for key in list(changes) if key in own}
    return step(step_id, *needs, kind="approve", run=None, approve=own, **changes)


def call(step_id: str, *needs: str, **changes: Any) -> dict[str, Any]:
    """A compiled `flow` step that calls `other`."""
    what = {"name": "other", "inputs": changes.pop("inputs", {})}
    return step(step_id, *needs, kind="flow", run=None, flow=what, **changes)


def batch(step_id: str, *needs: str, items: Any, size: int = 1, **changes: Any) -> dict[str, Any]:
    """A compiled `run` step with batches."""
    what = {
        "items": items, "file": None, "format": None, "size": size, "items_format": "json",
        "max_parallel": changes.pop("batch_parallel", None), "uses_items": False,
        "tolerate": {"count": changes.pop("tolerate", 0), "share": None},
    }  # fmt: skip
    return step(step_id, *needs, batch=what, **changes)


def flow(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A compiled flow of these steps."""
    return {
        "format": 2, "name": "sample", "version": "v1", "source": "", "description": "",
        "type": "", "tags": [], "inputs": [], "env": {}, "timeout_s": None, "max_parallel": None,
        "fail_fast": False, "debug": False, "env_passthrough": [], "outputs": {},
        "python_path": [], "runbook": "", "environment": [], "steps": list(steps), "on_failure": [],
        "on_success": [], "on_cancel": [], "finally": [],
    } | changes  # fmt: skip
