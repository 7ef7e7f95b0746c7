"""Executions that steps of others call: found, started once, awaited, ended with their callers.

Carries out what `core/calling` decides. The caller's journal names the execution before it exists,
so after any death `recover` finds out which of them were started.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from engine.access.access import Needs
from engine.access.roles import Caller
from engine.callees import Callee, Callees
from engine.calls import chain_of, check_chain
from engine.core import calling, decide
from engine.core.cancelling import cancel_child, is_unwanted
from engine.core.hide import Mask, hide
from engine.core.state import Execution, StepState
from engine.core.turn import CancelChild, ChildCommand, StartChild, Turn
from engine.errors import Conflict, InputError, Unavailable, WingmanError
from engine.failpoints import reach
from engine.journal.history import History
from engine.model import OPEN_EXECUTION_STATES, Event
from engine.sensitive import sensitive_names
from engine.service import Reserved, Service, Start
from engine.verbs import act

CALL = Needs("operator", "run")
TRY_AGAIN_S = 1.0  # while nothing can be started
RETRIABLE = ("failed", "partial", "cancelled")
Row = dict[str, Any]


class Children:
    """The called executions of one engine."""

    def __init__(self, service: Service, log: Callable[[str], None]) -> None:
        self._service = service
        self._scheduler = service.scheduler
        self._log = log
        self._callees = Callees(service.library)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: dict[str, list[tuple[str, str, Row]]] = {}  # by caller, not yet delivered
        self._scheduler.on_child = self.carry_out
        self._scheduler.on_calls = self._start_at_once
        self._scheduler.on_ended.append(self._ended)
        self._scheduler.observers.append(self._seen)

    # -- what the core asks for --

    def carry_out(self, caller: Execution, command: ChildCommand) -> None:
        """Start or end a called execution."""
        if isinstance(command, StartChild):
            self._spawn(self._start(caller, command))
            return
        child = self._scheduler.live.get(command.execution)
        if child is not None and not child.has_ended:
            self._cancel(child, command)

    def _cancel(self, child: Execution, command: CancelChild) -> None:
        self._take(child, decide.cancel, command.mode, command.reason, command.actor)

    def _take(self, execution: Execution, decision: Callable[..., None], *args: Any) -> None:
        """Let the core decide; a fault of one execution must not be the others'."""
        if execution.id not in self._scheduler.live:
            return
        try:
            self._scheduler.take(execution, decision, *args)
        except Conflict:
            pass  # it has moved on meanwhile
        except Exception:
            self._log(f"{execution.flow}#{execution.number}: {traceback.format_exc()}")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- starting --

    async def _start(self, caller: Execution, command: StartChild) -> None:
        """Start or retry, patiently while the engine is short of space."""
        while True:
            try:
                if command.attempt == 1 or not await self._retried(caller, command):
                    await self._launch(caller, command)
                return
            except Unavailable:
                if self._service.is_closing:
                    return  # the next engine starts it
                await asyncio.sleep(TRY_AGAIN_S)
            except WingmanError as error:
                kind = "input" if isinstance(error, InputError) else "start_failed"
                self._refuse(caller, command, kind, str(error))
                return
            except Exception:  # a fault of ours: told, and not waited for in vain
                self._log(traceback.format_exc())
                self._refuse(caller, command, "start_failed", "a fault of the engine; see its log")
                return

    def _refuse(self, caller: Execution, command: StartChild, kind: str, why: str) -> None:
        error = {"type": kind, "message": f"{command.flow}: {why}"}
        self._take(caller, calling.child_refused, command.step, command.execution, error)

    async def _launch(self, caller: Execution, command: StartChild) -> None:
        service, step = self._service, caller.steps[command.step]
        check_chain(chain_of(caller), command.flow)
        found = await self._callees.find(command.flow, caller.source)
        await self._check_right(caller, found.compiled)
        inputs = service.check_start(found.compiled, command.inputs, {})
        check_secrecy(found.compiled, inputs, self._scheduler.mask_of(caller))
        if is_unwanted(caller, step) or not self._is_awaited(caller, command):
            self._take(caller, calling.child_refused, command.step, command.execution, None)
            return
        reach("child_starting")
        if command.execution in self._scheduler.live:
            return
        number = self._enter(caller, command, found)
        await service.permissions.learn_from(found.compiled)
        await service.journal.durable()
        reach("child_started")
        self._take(caller, calling.child_started, command.step, command.execution, number)
        child = self._scheduler.live.get(command.execution)
        if child is not None:
            self._tell_waiting(child)
        if child is not None and is_unwanted(caller, step):
            self._cancel(child, cancel_child(caller, step))

    def _enter(
        self, caller: Execution, command: StartChild, found: Callee,
        reserved: Reserved | None = None,
    ) -> int:  # fmt: skip
        """Put the called execution into the open transaction; its number."""
        above = [*(caller.parent or {}).get("above", ()), caller.id]
        parent = {"execution": caller.id, "above": above, "flow": caller.flow,
                  "number": caller.number,
                  "step": command.step, "chain": chain_of(caller)}  # fmt: skip
        start = Start(
            found.compiled, found.text, found.source, command.inputs, {}, caller.actor,
            trigger="flow", debug=caller.debug or None, execution_id=command.execution,
            links={"parent": parent},
        )  # fmt: skip
        return int(self._service.enter(start, reserved)["number"])

    # -- starting at once, where nothing has to be waited for --

    def _start_at_once(self, turn: Turn) -> None:
        """Start what can be in the transaction that decides to call it; the rest is found out."""
        turn.commands = [
            command for command in turn.commands
            if not (isinstance(command, StartChild) and self._is_begun(turn, command))
        ]  # fmt: skip

    def _is_begun(self, turn: Turn, command: StartChild) -> bool:
        found = self._ready(turn.execution, command)
        if found is None:
            return False
        callee, inputs = found
        reserved = self._service.reserve(command.flow, inputs)
        turn.emit("child.started", step=command.step, number=reserved.number)
        self._scheduler.then(partial(self._begin, turn.execution, command, callee, reserved))
        return True

    def _ready(self, caller: Execution, command: StartChild) -> tuple[Callee, Row] | None:
        """The flow to be called and its inputs, if it is known and nothing is in the way."""
        found = self._callees.known(command.flow, caller.source) if command.attempt == 1 else None
        if found is None or self._role_of(caller).role != "admin":
            return None
        try:
            check_chain(chain_of(caller), command.flow)
            inputs = self._service.check_start(found.compiled, command.inputs, {})
            check_secrecy(found.compiled, inputs, self._scheduler.mask_of(caller))
        except WingmanError:
            return None  # the other way says so
        except Exception:  # the caller's decision must be journaled, whatever is wrong here
            self._log(traceback.format_exc())
            return None
        return found, inputs

    def _begin(
        self, caller: Execution, command: StartChild, found: Callee, reserved: Reserved
    ) -> None:
        reach("child_starting")
        try:
            self._enter(caller, command, found, reserved)
        except Exception:  # a fault of ours: told, and not waited for in vain
            self._log(traceback.format_exc())
            self._refuse(caller, command, "start_failed", "a fault of the engine; see its log")
        reach("child_started")

    # -- rights --

    def _role_of(self, caller: Execution) -> Caller:
        """Whoever started the caller, as they are now."""
        return self._service.permissions.access.users.by_actor(caller.actor)

    async def _check_right(self, caller: Execution, compiled: Row) -> None:
        """Whoever started the caller must be allowed to run what it calls. Raises NotAllowed."""
        service = self._service
        who = self._role_of(caller)
        if who.role == "admin":
            return
        await service.permissions.learn_from(compiled)
        try:
            service.permissions.access.check_flow(who, CALL, compiled["name"])
        except WingmanError as error:
            service.journal.add_audit(
                service.now_us(), who.name, "refused", f"call {compiled['name']}", error.message
            )
            raise

    def _is_awaited(self, caller: Execution, command: StartChild) -> bool:
        step = caller.steps[command.step]
        return caller.id in self._scheduler.live and step.state == "running"

    async def _retried(self, caller: Execution, command: StartChild) -> bool:
        """Retry what was called before; False where that is gone, and starts anew."""
        if command.execution in self._scheduler.live:
            return True  # somebody has retried it: its end is awaited
        row = await self._service.reader(lambda history: row_of(history, command.execution))
        if row is None:
            return False
        if row["state"] in RETRIABLE:
            found = await self._callees.find(command.flow, caller.source)
            await self._check_right(caller, found.compiled)
            name = f"{caller.flow}#{caller.number}"
            request = {"reason": f"{name}, which calls it, is retried"}
            await act(self._service, command.execution, "retry", request, caller.actor)
        else:
            self._deliver(caller, command.step, command.execution, facts_of(row))
        return True

    # -- ending --

    def _ended(self, execution: Execution, events: list[Event]) -> None:
        """A called execution ends: so does the step that called it, in the same transaction."""
        parent = execution.parent
        if parent is None or not execution.has_ended:
            return
        caller = self._scheduler.live.get(parent["execution"])
        if caller is not None and any(event.type == "execution.ended" for event in events):
            facts = {key: getattr(execution, key) for key in FACTS}
            ends = self._ends.setdefault(caller.id, [])
            if not ends:
                self._scheduler.then(partial(self._deliver_all, caller))
            ends.append((parent["step"], execution.id, facts))

    def _deliver_all(self, caller: Execution) -> None:
        """What has ended of one caller by the end of a report, at once."""
        self._take(caller, calling.children_ended, self._ends.pop(caller.id))

    def _deliver(self, caller: Execution, path: str, execution_id: str, facts: Row) -> None:
        self._take(caller, calling.child_ended, path, execution_id, facts)

    # -- waiting --

    def _seen(self, execution: Execution, events: list[Event]) -> None:
        """A called execution has moved: its caller waits with it, and goes on with it."""
        if execution.parent is not None and not execution.has_ended:
            self._tell_waiting(execution)

    def _tell_waiting(self, execution: Execution) -> None:
        parent = execution.parent or {}
        caller = self._scheduler.live.get(parent["execution"])
        step = caller.steps.get(parent["step"]) if caller else None
        if caller is None or step is None or not step.child or step.child["number"] is None:
            return  # it is told when that is known
        waiting, mask = execution.waiting_for, self._scheduler.mask_of(execution)
        if waiting and mask:
            waiting = hide({"waiting_for": waiting}, mask)["waiting_for"]
        if waiting != step.child.get("waiting_for"):
            self._take(caller, calling.child_waits, step.path, execution.id, waiting)

    # -- after a death --

    def open_calls(self) -> list[tuple[Execution, StepState, Row]]:
        """What the executions that were taken back have called, or were about to."""
        return [
            (caller, step, step.child)
            for caller in self._scheduler.live.values() if caller.calls
            for step in caller.steps.values() if step.state == "running" and step.child
        ]  # fmt: skip

    def recover(self, history: History, calls: list[tuple[Execution, StepState, Row]]) -> None:
        """Go on with them: `open_calls` of the moment before anything moved."""
        for caller, step, child in calls:
            self._recover(history, caller, step, child)

    def _recover(self, history: History, caller: Execution, step: StepState, child: Row) -> None:
        live = self._scheduler.live.get(child["execution"])
        if live is not None:
            self._take(caller, calling.child_started, step.path, live.id, live.number)
            self._tell_waiting(live)
            if is_unwanted(caller, step):
                self._cancel(live, cancel_child(caller, step))
            return
        row = row_of(history, child["execution"])
        if row is None:
            self._take(caller, calling.child_never_started, step.path, child["execution"])
        elif row["attempt"] < child["attempt"] and row["state"] in RETRIABLE:
            command = StartChild(
                step.path, child["flow"], {}, child["execution"], child["attempt"]
            )
            self._spawn(self._start(caller, command))
        else:
            self._deliver(caller, step.path, child["execution"], facts_of(row))


FACTS = ("state", "number", "attempt", "outputs", "error")


def facts_of(row: Row) -> Row:
    """What a caller wants to know of an ended execution; one that could not go on is lost."""
    facts = {key: row[key] for key in FACTS}
    if row["state"] in OPEN_EXECUTION_STATES:
        error = {"step": None, "type": "lost", "message": "it cannot go on"}
        facts |= {"state": "failed", "error": error}
    return facts


def row_of(history: History, execution_id: str) -> Row | None:
    """An execution by its whole id; None where there is none."""
    ord_ = history.by_id(execution_id)
    return None if ord_ is None else history.rows([ord_])[0]


def check_secrecy(compiled: Row, inputs: Row, mask: Mask | None) -> None:
    """Refuse a sensitive value for an input that would show it. Raises InputError."""
    hidden = sensitive_names(compiled)
    for name, value in inputs.items() if mask else ():
        if name not in hidden and mask and mask(value) != value:
            raise InputError(
                f"a sensitive value is given to the input `{name}`, which is not sensitive",
                f"declare it so in {compiled['name']}: {name}: {{sensitive: true}}",
            )
