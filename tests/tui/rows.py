"""Rows as the engine sends them, complete, for tests to change a part of."""

from __future__ import annotations

import time
from typing import Any

Row = dict[str, Any]


def stamp(seconds: float) -> str:
    """A time of the wire, from seconds since the epoch."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1_000_000):06d}Z"


def execution(flow: str, number: int, state: str, **fields: Any) -> Row:
    """An execution's row, complete."""
    return {
        "id": f"0193-{flow}-{number:06d}",
        "flow": flow,
        "number": number,
        "state": state,
        "type": "",
        "tags": [],
        "trigger": "manual",
        "actor": "ops",
        "version": "0" * 64,
        "attempt": 1,
        "debug": False,
        "started_at": None,
        "ended_at": None,
        "duration_ms": None,
        "inputs": {},
        "outputs": {},
        "warnings": None,
        "waiting_for": None,
        "resumed_from": None,
        "rerun_of": None,
        "error": None,
        "progress": {"ended": 0, "running": 0, "total": 0},
        **fields,
    }


def step(path: str, state: str, **fields: Any) -> Row:
    """A step's row, complete."""
    return {
        "id": path.rpartition("/")[2],
        "path": path,
        "state": state,
        "attempts": 1,
        "started_at": None,
        "ended_at": None,
        "duration_ms": None,
        "exit_code": None,
        "error": None,
        "outputs": {},
        "warnings": None,
        "cpu_s": None,
        "max_rss_bytes": None,
        "section": "steps",
        **fields,
    }


def line(at: float, step_: str, level: str, text: str, stream: str = "stdout") -> Row:
    """A log line, without its cursor."""
    return {
        "time": stamp(at),
        "step": step_,
        "attempt": 1,
        "stream": stream,
        "level": level,
        "text": text,
    }
