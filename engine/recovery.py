"""From the journal back to live executions, after any end of the engine.

Called once at start. One execution that cannot be restored is ended as failed, with the reason: it
must neither strand the others nor be shown as running for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from engine.core.decide import rebuild_queues
from engine.core.reduce import apply
from engine.core.state import Execution
from engine.errors import StorageError, UnknownReference, WingmanError
from engine.flowfile.formats import current
from engine.journal.database import damaged, queries
from engine.model import Event, ForbiddenTransition
from engine.sensitive import Sensitive, sensitive_names

decode = msgspec.json.decode


def new_execution(
    ord_: int,
    id_: str,
    at_us: int,
    data: dict[str, Any],
    definition: dict[str, Any],
    inputs: dict[str, Any],
) -> Execution:
    """An execution as its first event `execution.queued` describes it."""
    return Execution(
        id=id_,
        ord=ord_,
        flow=data["flow"],
        number=data["number"],
        version=data["version"],
        source=data["source"],
        definition=definition,
        inputs=inputs,
        trigger=data["trigger"],
        actor=data["actor"],
        created_at_us=at_us,
        debug=data["debug"],
        rerun_of=data.get("rerun_of"),
        resumed_from=data.get("resumed_from"),
        request_key=data.get("request_key"),
        parent=data.get("parent"),
        environment_values=data.get("environment") or {},
    )


def replay(
    ord_: int, id_: str, definition: dict[str, Any], inputs: dict[str, Any],
    events: Sequence[tuple[int, int, str, dict[str, Any]]],
) -> Execution:  # fmt: skip
    """An execution as these events (seq, at, type, data) made it. Raises WingmanError."""
    try:
        _, at_us, _, data = events[0]
        execution = new_execution(ord_, id_, at_us, data, definition, inputs)
        for seq, at, type_, each in events:
            apply(execution, Event(seq, id_, at, type_, each))
    except (ForbiddenTransition, KeyError, IndexError) as error:
        raise WingmanError(f"its records do not fit: {type(error).__name__}: {error}") from error
    return execution


def restore(connection: apsw.Connection, ord_: int, sensitive: Sensitive) -> Execution:
    """One execution as its events left it. Raises WingmanError when its records do not fit."""
    try:
        return _restore(connection, ord_, sensitive)
    except (ForbiddenTransition, KeyError, msgspec.DecodeError) as error:
        raise WingmanError(f"its records do not fit: {type(error).__name__}: {error}") from error


def _restore(connection: apsw.Connection, ord_: int, sensitive: Sensitive) -> Execution:
    named = queries()
    rows = list(connection.execute(named["events_of"], (ord_,)))
    id_ = connection.execute(named["id_of"], (ord_,)).get
    if id_ is None:
        raise UnknownReference("there is no such execution any more", "retention removed it")
    if not rows or rows[0][2] != "execution.queued":
        raise WingmanError(f"execution {id_} has no first event")
    _, at_us, _, text = rows[0]
    data = decode(text)
    compiled = connection.execute(named["version"], (data["version"], data["source"])).get
    if compiled is None:
        raise WingmanError(f"the definition of execution {id_} is missing")
    definition = current(decode(compiled))
    inputs = sensitive.open(definition, data["inputs"], id_)
    execution = new_execution(ord_, id_, at_us, data, definition, inputs)
    for seq, at_us, type_, text in rows:
        apply(execution, Event(seq, id_, at_us, type_, decode(text)))
    rebuild_queues(execution)
    return execution


def restore_open(
    connection: apsw.Connection, sensitive: Sensitive
) -> tuple[list[Execution], dict[int, str]]:
    """Every execution that had not ended, and by ord why one cannot go on.

    Raises StorageError where the journal is damaged, or the key does not open what it should: then
    nothing is decided until it is the right one again.
    """
    found: list[Execution] = []
    lost: dict[int, str] = {}
    sealed: list[StorageError] = []
    try:
        rows: list[tuple[Any, ...]] = connection.execute(queries()["open_executions"]).fetchall()
        for (ord_,) in rows:
            try:
                found.append(restore(connection, ord_, sensitive))
            except WingmanError as error:
                lost[ord_] = str(error)
                if isinstance(error, StorageError):
                    sealed.append(error)
    except apsw.Error as error:
        raise damaged(error) from error
    if sealed and not any(sensitive_names(execution.definition) for execution in found):
        raise sealed[0]  # not one opens: it is the key, not what it should open
    return found, lost
