"""A person's decision about a step that waits for one: who may, what was filled in, and the audit.

Called by `engine.server.approval_routes`.
"""

from __future__ import annotations

from typing import Any

from engine.access.roles import Caller
from engine.core import decide
from engine.core.awaiting import asked
from engine.errors import NotAllowed, UsageError
from engine.flowfile.inputs import check_inputs
from engine.service import Service
from engine.verbs import already_ended, stands

COMMENT_LIMIT = 4000

Row = dict[str, Any]


async def decide_approval(
    service: Service,
    reference: str,
    approved: bool,
    request: Row,
    caller: Caller,
) -> Row:
    """Approve or reject; the answer comes when it is durable. Raises what is wrong with it."""
    comment = request.get("comment") or ""
    if len(comment) > COMMENT_LIMIT:
        raise UsageError(f"the comment is longer than {COMMENT_LIMIT} characters")
    ord_, execution_id = await service.resolve(reference)
    execution = service.scheduler.live.get(execution_id)
    if execution is None:
        row = (await service.reader(lambda history: history.rows([ord_])))[0]
        raise already_ended(row)
    step = asked(execution, request.get("step"))
    role = step.definition["approve"]["role"]
    if not caller.is_one_of([role]):
        raise NotAllowed(f"{step.path} is for {role} to decide, and {caller.name} is {caller.role}")
    actor = caller.name
    values = _filled_in(step.definition["approve"]["inputs"], approved, request)
    mask = service.scheduler.mask_of(execution)
    service.scheduler.take(
        execution, decide.approval, step.path, approved, actor, comment, values
    )
    action, reason = "approve" if approved else "reject", mask(comment) if mask else comment
    service.journal.add_audit(service.now_us(), actor, action, execution.id, reason)
    answer = stands(execution)
    await service.journal.durable()
    return {**answer, "step": step.path, "approved": approved}


def _filled_in(declared: list[Row], approved: bool, request: Row) -> Row:
    """The form's values; who rejects need not fill it in."""
    given, text = request.get("inputs") or {}, request.get("inputs_text") or {}
    known = {item["name"] for item in declared}
    if not approved and {*given, *text} <= known:
        declared = [item for item in declared if item["name"] in given or item["name"] in text]
    return check_inputs(declared, given, text)
