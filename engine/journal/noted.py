"""Executions that people have written notes about, for the filter `note:`. Read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import apsw

from engine.jsontext import encode

Row = tuple[Any, ...]
ROWS_READ = 200  # at once


def noted_rows(
    db: apsw.Connection, named: Mapping[str, str], texts: tuple[str, ...], high: int
) -> Iterator[Row]:
    """The executions below the key `high` that have a note with one of the texts, newest first."""
    wanted = [text.casefold() for text in texts]
    keys = {
        ord_
        for ord_, said in db.execute(named["all_notes"])
        if ord_ < high and any(text in said.casefold() for text in wanted)
    }
    ordered = iter(sorted(keys, reverse=True))
    while some := list(islice(ordered, ROWS_READ)):
        yield from db.execute(named["executions"], (encode(some).decode(),)).fetchall()
