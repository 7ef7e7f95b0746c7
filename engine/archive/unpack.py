"""Makes a home of an archive, for an engine that only shows. Standard library only.

Called by `wingman open`. The file may come from anybody: only plain files with the names that an
archive has are taken, whatever else is in it is refused.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile

from engine.archive import FOLDER, FORMAT, MANIFEST
from engine.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.paths import Home

NAMES = frozenset({MANIFEST, "definition.yaml", "compiled.json", "execution.json", "events.jsonl"})
LOG_NAME = re.compile(r"logs/(?:index|[0-9]{6}\.[A-Za-z0-9_.+-]{1,300}\.log)")
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FACT_LIMIT_BYTES = 1 << 30
FILES_LIMIT = 1_000_000


def unpack(path: str, home: Home) -> dict[str, Any]:
    """Put an archive's files into a new home; what it says of itself. Raises UsageError."""
    home.create()
    folder = os.path.join(home.text("root"), FOLDER)
    os.makedirs(folder, mode=0o700)
    try:
        with tarfile.open(path, mode="r:gz") as tar:
            for count, entry in enumerate(tar):
                _check(entry, path, count)
                _take(tar, entry, folder)
        manifest = _manifest(folder)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (tarfile.TarError, EOFError, ValueError, KeyError) as error:
        raise UsageError(
            f"{path} is no archive of an execution: {error}", "wingman export REF writes one"
        ) from error
    logs = os.path.join(folder, "logs")
    if os.path.isdir(logs):
        os.rename(logs, os.path.join(home.text("logs"), manifest["id"]))
    return manifest


def _check(entry: tarfile.TarInfo, path: str, count: int) -> None:
    """Refuse what an archive does not hold: links, devices, paths that lead elsewhere."""
    known = entry.name in NAMES or LOG_NAME.fullmatch(entry.name)
    if not entry.isreg() or not known or count >= FILES_LIMIT:
        raise ValueError(f"it holds {entry.name[:100]!r}")
    if entry.name in NAMES and entry.size > FACT_LIMIT_BYTES:
        raise ValueError(f"its {entry.name} is too large")


def _take(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: str) -> None:
    target = os.path.join(folder, entry.name)
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    source = tar.extractfile(entry)
    assert source is not None
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        shutil.copyfileobj(source, file)


def _manifest(folder: str) -> dict[str, Any]:
    with open(os.path.join(folder, MANIFEST), encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    if not isinstance(found, dict):
        raise ValueError(f"its {MANIFEST} says nothing")
    if missing := sorted(NAMES - set(os.listdir(folder))):
        raise ValueError(f"it has no {missing[0]}")
    if found["format"] != FORMAT:
        raise ValueError(f"it is of format {found['format']!r}, which this version cannot read")
    if not ID.fullmatch(found["id"]):
        raise ValueError("it names no execution")
    return found
