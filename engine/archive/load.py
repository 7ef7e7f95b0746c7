"""An archive's execution into the empty journal of its home: its own events, applied again.

Called once by an engine that serves such a home, before anybody can ask. It decides nothing: what
was running when it was exported stays so, in the picture of that moment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from engine.archive import FOLDER, MANIFEST
from engine.core.reduce import apply
from engine.errors import StorageError
from engine.flowfile.formats import current
from engine.journal.journal import Journal
from engine.model import Event, ForbiddenTransition
from engine.paths import Home
from engine.recovery import new_execution


def archive_of(home: Home) -> Path | None:
    """The folder of the archive that this home was made of, if it was."""
    folder = home.root / FOLDER
    return folder if (folder / MANIFEST).is_file() else None


def load(folder: Path, journal: Journal) -> None:
    """Take the execution in, unless that has been done. Raises StorageError."""
    if journal.last_ord:
        return
    try:
        _load(folder, journal)
    except (msgspec.MsgspecError, ForbiddenTransition, LookupError, TypeError, ValueError,
            AttributeError, AssertionError) as error:  # fmt: skip
        what = f"{type(error).__name__}: {error}"[:300]
        raise StorageError(f"the archive's records do not fit: {what}") from error


def _load(folder: Path, journal: Journal) -> None:
    def read(name: str) -> Any:
        return msgspec.json.decode((folder / name).read_bytes())

    manifest, compiled = read(MANIFEST), current(read("compiled.json"))
    rows = [msgspec.json.decode(line) for line in (folder / "events.jsonl").open("rb")]
    first = rows[0]
    data, id_ = first["data"], manifest["id"]
    data["source"] = ""  # a path of another machine: here it would be another file
    journal.last_ord += 1
    execution = new_execution(
        journal.last_ord, id_, first["at_us"], data, compiled, data["inputs"]
    )
    text = (folder / "definition.yaml").read_text(encoding="utf-8", errors="replace")
    version = [data["version"], data["flow"], data["source"], text, compiled, first["at_us"]]
    journal.add_version(version)
    journal.add_flow(data["flow"], data["number"], "off")
    events = [Event(0, id_, row["at_us"], row["type"], row["data"]) for row in rows]
    journal.add_new(execution, events[0], data["inputs"])
    for event in events[1:]:
        apply(execution, event)
        journal.add(execution, [event])
