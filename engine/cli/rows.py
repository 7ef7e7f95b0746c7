"""Lists of plain records: a JSON object a line, or a table of some of their fields."""

from __future__ import annotations

import sys

from engine.cli.terminal import clean, print_json, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def print_rows(
    rows: list[dict[str, Any]], as_json: bool, fields: tuple[str, ...], when_empty: str
) -> None:
    """Print them; a field whose name ends in `_at` is a moment, shown on this machine's clock."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    if not rows:
        tell(when_empty)
        return
    from engine.cli.table import Column, lay_out
    from engine.cli.terminal import width

    table = [[_cell(field, row[field]) for field in fields] for row in rows]
    titles = [field.removesuffix("_at").removesuffix("_by").upper() for field in fields]
    titles = [
        f"{title} BY" if field.endswith("_by") else title
        for field, title in zip(fields, titles, strict=True)
    ]
    columns = [Column(title, shrink=1 if n == 0 else 0) for n, title in enumerate(titles)]
    for line in lay_out(columns, table, width(sys.stdout)):
        print(line)


def _cell(field: str, value: Any) -> str:
    if value is None:
        return ""
    if not field.endswith("_at"):
        return clean(value)
    from engine.cli.format import local_time

    return local_time(value)
