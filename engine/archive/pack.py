"""Writes an execution into one file. Called by the route of `wingman export`, on a thread."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import msgspec

from engine import __version__
from engine.archive import FORMAT, MANIFEST
from engine.journal.history import History
from engine.times import to_text

UNNEEDED = frozenset({"levels"})  # caches beside the logs
PRIVATE = ("request_key", "request_digest")  # of the first event: they say nothing to others
Row = dict[str, Any]


def facts_of(history: History, ord_: int) -> dict[str, bytes]:
    """The small files of an archive, by their names; inputs as they may be shown."""
    execution = history.execution(ord_)
    events: list[Row] = [
        {"seq": seq, "at_us": at_us, "type": type_, "data": data}
        for seq, at_us, type_, data in history.events(ord_)
    ]
    first = events[0]["data"]
    version = (first["version"], first["source"])
    events[0]["data"] = {
        **{name: value for name, value in first.items() if name not in PRIVATE},
        "inputs": execution["inputs"],
    }
    manifest = {
        "format": FORMAT, "wingman": __version__, "exported_at": to_text(time.time_ns() // 1000),
        **{name: execution[name] for name in ("id", "flow", "number", "state")},
    }  # fmt: skip
    return {
        MANIFEST: _json(manifest),
        "definition.yaml": (history.text_of(*version) or "").encode(),
        "compiled.json": _json(history.compiled_of(*version)),
        "execution.json": _json(execution),
        "events.jsonl": b"\n".join(map(_json, events)),
    }


def write(target: IO[bytes], facts: dict[str, bytes], logs: Path) -> None:
    """The whole file."""
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=6) as tar:
        for name, data in facts.items():
            tar.addfile(_entry(name, len(data)), io.BytesIO(data))
        for path in _log_files(logs):
            with path.open("rb") as file:
                size_bytes = path.stat().st_size  # a live one grows; what is there now is taken
                tar.addfile(_entry(f"logs/{path.name}", size_bytes), file)


def _log_files(folder: Path) -> Iterable[Path]:
    """The index first: what it names is on the disk by then."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.is_file() and path.name not in UNNEEDED)
    return sorted(found, key=lambda path: (path.name != "index", path.name))


def _entry(name: str, size_bytes: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size_bytes, 0o600, int(time.time())
    return entry


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)
