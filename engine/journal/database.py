"""Opening the journal's file: pragmas that are verified, its check, its named statements.

Called by `Journal` and by readers. Raises StorageError with a hint for a file that cannot serve.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path

import apsw

from engine.errors import StorageError
from engine.journal.migrations import migrate

BUSY_TIMEOUT_MS = 10_000
_COLUMN = re.compile(r"value->>?(\d+)")
_ROWS = "FROM json_each(?1)"
# an insert of the rows' values as they are, in their order
_PLAIN_INSERT = re.compile(
    r"(INSERT\s[^?]*?)\sSELECT\s((?:value->>?\d+[,\s]+)+)FROM json_each\(\?1\)"
)
CACHED_STATEMENTS = 256  # each table's statement for each size of a group
CHECKED_BYTES = 32 << 20  # a check of this much costs some hundredths of a second


@cache
def queries() -> dict[str, str]:
    """The named statements of queries.sql."""
    text = resources.files("engine.journal").joinpath("queries.sql").read_text("utf-8")
    parts = text.split("-- name: ")[1:]
    return {name.strip(): body.strip() for name, _, body in (p.partition("\n") for p in parts)}


@cache
def row_queries() -> dict[str, str]:
    """The same statements for one row that is bound value by value, not handed over as JSON.

    Reading JSON inside SQLite costs more than it saves where a group has only a few rows.
    """
    return {
        name: _COLUMN.sub(lambda found: f"?{int(found[1]) + 1}", text).replace(_ROWS, "")
        for name, text in queries().items()
        if text.count(_ROWS) == 1 and f"{_ROWS} j" not in text  # not those that join the rows
    }


@cache
def rows_query(name: str, n: int, width: int) -> str:
    """The same for `n` rows of `width` values, all bound: a third of the cost of JSON in SQLite."""
    if n == 1:
        return row_queries()[name]
    text = queries()[name]
    row = f"({','.join('?' * width)})"
    rows = f"VALUES {','.join([row] * n)}"
    inserted = _PLAIN_INSERT.fullmatch(text)
    if inserted and inserted[2].count("value") == width:
        return f"{inserted[1]} {rows}"
    text = _COLUMN.sub(lambda found: f"column{int(found[1]) + 1}", text)
    return text.replace(_ROWS, f"FROM ({rows})")


def open_writer(path: Path) -> apsw.Connection:
    """The one connection that writes: WAL, every commit synced, checkpoints apart from commits."""
    is_suspect = _is_suspect(path)
    try:
        connection = apsw.Connection(str(path), statementcachesize=CACHED_STATEMENTS)
        path.chmod(0o600)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        _demand(connection, "PRAGMA journal_mode = WAL", "wal")
        connection.execute("PRAGMA synchronous = FULL")
        _demand(connection, "PRAGMA synchronous", 2)
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        if is_suspect:
            check(connection)
        migrate(connection, path)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise damaged(error) from error
    except apsw.Error as error:
        raise StorageError(
            f"cannot open the journal {path}: {error}",
            "check the disk's space and rights; `wingman doctor` looks at both",
        ) from error
    return connection


def _is_suspect(path: Path) -> bool:
    """Whether the file is to be checked: small, or its last writer did not close it."""
    try:
        size_bytes = path.stat().st_size
        return size_bytes <= CHECKED_BYTES or path.with_name(path.name + "-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def check(connection: apsw.Connection) -> None:
    """Raises StorageError where the file is damaged: what it says could be wrong."""
    found = connection.execute("PRAGMA quick_check(1)").get
    if found != "ok":
        raise damaged(found)


def damaged(cause: object) -> StorageError:
    """The error to raise for a journal that SQLite finds damaged."""
    return StorageError(
        f"the journal is damaged: {cause}",
        "nothing was changed; restore data/journal.db from a backup, with no -wal file beside it",
    )


def open_reader(path: Path) -> apsw.Connection:
    """A connection that only reads."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    return connection


def _demand(connection: apsw.Connection, pragma: str, expected: object) -> None:
    """Run a pragma and look at its answer: SQLite refuses some of them silently."""
    answer = connection.execute(pragma).get
    if answer != expected:
        raise StorageError(
            f"SQLite answered {answer!r} to {pragma}", "is the file system read-only?"
        )
