"""A new execution like an earlier one: the present version, the same inputs, edited.

Called for the verb `rerun`. `resume` takes inputs over in the same way.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.errors import UsageError
from engine.journal.history import History
from engine.request import digest_of, present_text
from engine.sensitive import Sensitive, sensitive_names
from engine.service import Service, Start

Row = dict[str, Any]


async def rerun(
    service: Service, reference: str, request: Row, actor: str, key: str | None
) -> Row:
    """Start the linked execution, once for each key; the answer comes when it is durable.

    The present text is that of the flow's file as it is now, else as it was started.
    """
    digest = digest_of({"rerun": reference, **request}) if key else ""
    return await service.once.make(
        key, digest, lambda: _rerun(service, reference, request, actor, key, digest)
    )


async def _rerun(
    service: Service, reference: str, request: Row, actor: str, key: str | None, digest: str
) -> Row:
    await service.journal.durable()
    row, first, stored, old = await service.reader(lambda history: _look(history, reference))
    text = await asyncio.to_thread(present_text, first["source"]) or stored.encode()
    compiled = await service.library.compile(text, first["source"])
    given, given_text = request.get("inputs") or {}, request.get("inputs_text") or {}
    kept = kept_inputs(
        service.sensitive, old, compiled, first["inputs"], row["id"], {*given, *given_text}
    )
    start = Start(
        compiled,
        text,
        first["source"],
        {**kept, **given},
        given_text,
        actor,
        trigger="rerun",
        debug=request.get("debug"),
        key=key,
        digest=digest or None,
        links={"rerun_of": row["id"]},
    )
    return await service.launch(start)


def _look(history: History, reference: str) -> tuple[Row, Row, str, Row]:
    """The earlier execution, its first event, its flow's text, and that compiled."""
    ord_ = history.find(reference)
    row, first = history.rows([ord_])[0], history.first_event(ord_)
    version = (first["version"], first["source"])
    return row, first, history.text_of(*version) or "", history.compiled_of(*version)


def kept_inputs(
    sensitive: Sensitive, old: Row, new: Row, sealed: Row, execution_id: str, edited: set[str]
) -> Row:
    """The inputs that are taken over: those that `new` declares too and nobody has edited.

    Raises UsageError where a sensitive one would become readable.
    """
    declared = {item["name"] for item in new["inputs"]} - edited
    uncovered = sorted(declared & (sensitive_names(old) - sensitive_names(new)))
    if uncovered:
        raise UsageError(
            f"input `{uncovered[0]}` was sensitive and is not any more",
            f"give it again: -i {uncovered[0]}=…",
        )
    kept = {name: value for name, value in sealed.items() if name in declared}
    return sensitive.open(old, kept, execution_id)
