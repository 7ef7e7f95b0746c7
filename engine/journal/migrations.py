"""The journal's schema, from the version that a file has to ours: a script each, a backup before.

Called by `database.open_writer` alone. `schema.sql` is version 1; `migrations/NNNN_name.sql` leads
from the version before NNNN to it. Each is one transaction: a file is never between two versions.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import apsw

from engine.errors import StorageError

BASE_VERSION = 1
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@cache
def scripts() -> dict[int, str]:
    """Every version's script; raises ValueError for a number that is missing or taken twice."""
    room = resources.files("engine.journal")
    steps = room.joinpath("migrations")
    entries = steps.iterdir() if steps.is_dir() else ()  # there may be none yet
    texts = {entry.name: entry.read_text("utf-8") for entry in entries}
    return {BASE_VERSION: room.joinpath("schema.sql").read_text("utf-8"), **numbered(texts)}


def numbered(texts: Mapping[str, str]) -> dict[int, str]:
    """The scripts by the number in their names: without a hole, and no number twice."""
    found: dict[int, str] = {}
    for number, name in enumerate(sorted(texts), BASE_VERSION + 1):
        match = _NAME.fullmatch(name)
        if match is None or int(match[1]) != number:
            raise ValueError(f"migrations/{name}: the next one is to be {number:04}_name.sql")
        found[number] = texts[name]
    return found


def newest_version() -> int:
    """The version that this program reads and writes."""
    return max(scripts())


def migrate(connection: apsw.Connection, path: Path) -> None:
    """Bring the file to the newest version; raises StorageError for one of a newer program."""
    found: int = connection.execute("PRAGMA user_version").get
    newest = newest_version()
    if found > newest:
        raise StorageError(
            f"the journal {path} was written by a newer version (schema {found}, "
            f"this one knows {newest})",
            "install that version again, or restore a backup from before the upgrade",
        )
    if 0 < found < newest:
        back_up(connection, path.with_name(f"{path.name}.v{found}.bak"))
    for version in range(found + 1, newest + 1):
        with connection:
            connection.execute(scripts()[version])
            connection.execute(f"PRAGMA user_version = {version}")


def back_up(connection: apsw.Connection, target: Path) -> None:
    """Copy the whole database; raises StorageError where there is no room for it."""
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        copy = apsw.Connection(str(part))
        try:
            part.chmod(0o600)
            with copy.backup("main", connection, "main") as backup:
                backup.step()
        finally:
            copy.close()
        part.replace(target)
    except (apsw.Error, OSError) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(
            f"the journal is of an older version, and cannot be backed up to {target}: {error}",
            "make room beside it: nothing is changed without a backup",
        ) from error
