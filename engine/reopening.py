"""Takes back what the last engine left open, before anybody can ask. At start only."""

from __future__ import annotations

from engine.failpoints import reach
from engine.journal.history import History
from engine.lost import end_lost
from engine.parts import Parts
from engine.recovery import restore_open
from engine.system_log import log
from engine.triggers.early import load_followers


def reopen(parts: Parts) -> None:
    """Every open execution lives again, or has ended with the reason; each has moved on."""
    scheduler, executor, journal = parts.scheduler, parts.executor, parts.journal
    connection = journal.reader()
    history = History(connection)
    executions, lost = restore_open(connection, parts.sensitive)
    parts.inbox.load(history)
    if executions or lost:
        load_followers(parts.triggers, history)
    end_lost(lost, history, journal, parts.clock.now_us, scheduler.on_ended, log)
    connection.close()
    for execution in executions:
        scheduler.adopt(execution)
    parts.secrets.forget_former(min((ex.created_at_us for ex in executions), default=None))
    executor.open(scheduler.open_attempts())
    calls = parts.children.open_calls()
    scheduler.resume_all()
    if calls:
        connection = journal.reader()
        parts.children.recover(History(connection), calls)
        connection.close()
    reach("recovered")
    if executions:
        log(f"took back {len(executions)} open executions")
