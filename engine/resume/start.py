"""Makes the plan of a resume from what is recorded, and starts the linked execution.

Called by `engine.server.resume_routes`. Nothing is journaled before everything is known to be
right; what was prepared on the disk goes again when the start is refused.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from engine.core.prepare import missing_words
from engine.core.state import Execution
from engine.core.takeover import begin_resumed
from engine.errors import Conflict, FlowFileError, UsageError
from engine.flowfile.inputs import check_inputs
from engine.ids import new_execution_id
from engine.journal.history import History
from engine.paths import Home
from engine.recovery import restore
from engine.request import digest_of, present_text
from engine.rerun import kept_inputs
from engine.resume.carry import copy_folder, forget, take_logs
from engine.resume.plan import REUSE, Choices, Plan, make_plan
from engine.service import Service, Start


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for: another text, other inputs, switched rows."""

    text: str | None = None
    label: str = ""  # how problems of that text name it
    inputs: dict[str, Any] | None = None
    inputs_text: dict[str, str] | None = None
    run: tuple[str, ...] = ()
    reuse: tuple[str, ...] = ()
    unsafe: bool = False
    version: str | None = None  # the version that the plan was made for
    reason: str = ""
    debug: bool | None = None

    @property
    def choices(self) -> Choices:
        return Choices(frozenset(self.run), frozenset(self.reuse), self.unsafe)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that a resume needs to know."""

    old: Execution
    attempts: dict[str, list[list[Any]]]  # by step: number, try, state, log bytes, log records
    definition: dict[str, Any]
    text: bytes
    inputs: dict[str, Any]
    plan: Plan

    def to_json(self) -> dict[str, Any]:
        return {
            "execution": f"{self.old.flow}#{self.old.number}",
            "id": self.old.id,
            "flow": self.definition["name"],
            "version": self.definition["version"],
            "old_version": self.old.version,
            **self.plan.to_json(),
        }


class Resumption:
    """Resumes executions of one engine."""

    def __init__(self, service: Service, home: Home) -> None:
        self._service = service
        self._home = home

    async def plan(self, reference: str, wanted: Wanted) -> dict[str, Any]:
        """What a resume would do; changes nothing. Raises what `start` would."""
        return (await self._prepare(reference, wanted)).to_json()

    async def start(
        self, reference: str, wanted: Wanted, actor: str, key: str | None = None
    ) -> dict[str, Any]:
        """Start the linked execution, once for each key; the answer comes when it is durable."""
        digest = digest_of({"resume": reference, **msgspec.to_builtins(wanted)}) if key else ""
        return await self._service.once.make(
            key, digest, lambda: self._start(reference, wanted, actor, key, digest)
        )

    async def _start(
        self, reference: str, wanted: Wanted, actor: str, key: str | None, digest: str
    ) -> dict[str, Any]:
        prepared = await self._prepare(reference, wanted)
        version = prepared.definition["version"]
        if wanted.version not in (None, version):
            raise Conflict(
                "the flow's file has changed since the plan was made", "look at the plan again"
            )
        if missing := self._service.secrets.missing(prepared.definition):
            raise Conflict(*missing_words(missing))
        execution_id = new_execution_id(self._service.now_us())
        taken = [_taken(prepared, row.path) for row in prepared.plan.rows if row.decision == REUSE]
        folders = [self._home.work / execution_id, self._home.logs / execution_id]
        try:
            await asyncio.to_thread(self._carry, prepared.old, execution_id, taken)
            start = Start(
                prepared.definition,
                prepared.text,
                prepared.old.source,
                prepared.inputs,
                {},
                actor,
                trigger="resume",
                debug=wanted.debug,
                key=key,
                digest=digest or None,
                execution_id=execution_id,
                begin=partial(begin_resumed, taken=taken),
                audit=("resume", wanted.reason),
                links={"resumed_from": prepared.old.id},
            )
            return await self._service.launch(start)
        except BaseException:
            if execution_id not in self._service.scheduler.live:
                for folder in folders:
                    forget(folder)
            raise

    def _carry(self, old: Execution, execution_id: str, taken: list[dict[str, Any]]) -> None:
        work = self._home.work / old.id
        is_swept = old.state == "completed" and not old.debug
        if taken and not is_swept and work.is_dir():
            copy_folder(work, self._home.work / execution_id)
        numbers = {number for step in taken for number, *_ in step["attempts"]}
        take_logs(self._home.logs / old.id, self._home.logs / execution_id, numbers)

    async def _prepare(self, reference: str, wanted: Wanted) -> Prepared:
        service = self._service
        ord_, execution_id = await service.resolve(reference)
        if execution_id in service.scheduler.live:
            live = service.scheduler.live[execution_id]
            raise Conflict(
                f"{live.flow}#{live.number} has not ended: {live.state}",
                f"cancel it first: wingman cancel {live.flow}#{live.number}",
            )
        await service.journal.durable()
        old, sealed, stored, attempts = await service.reader(
            lambda history: self._read(history, ord_)
        )
        text = await self._text(old, stored, wanted)
        definition = await self._compile(old, text, wanted)
        given, given_text = wanted.inputs or {}, wanted.inputs_text or {}
        edited = {*given, *given_text}
        kept = kept_inputs(
            service.sensitive, old.definition, definition, sealed, old.id, edited
        )
        inputs = check_inputs(definition["inputs"], {**kept, **given}, given_text)
        # what completed is being swept, or soon will be
        is_gone = old.state == "completed" and not old.debug
        is_gone = is_gone or not await asyncio.to_thread((self._home.work / old.id).is_dir)
        values = service.scheduler.environment.of(definition).get("environment") or {}
        plan = make_plan(
            old, definition, inputs, wanted.choices, files_gone=is_gone, environment=values
        )
        return Prepared(old, attempts, definition, text, inputs, plan)

    def _read(self, history: History, ord_: int) -> Any:
        """The execution as it ended, its inputs as they are stored, its text, its attempts."""
        old = restore(history.connection, ord_, self._service.sensitive)
        attempts: dict[str, list[list[Any]]] = {}
        for number, step, nth, state, log_bytes, records in history.ended_attempts(ord_):
            outer, _, name = step.rpartition("/")
            own = outer if name.isdigit() else step  # what its batches said is the step's
            attempts.setdefault(own, []).append([number, nth, state, log_bytes, records])
        sealed = history.first_event(ord_)["inputs"]
        return old, sealed, history.text_of(old.version, old.source) or "", attempts

    async def _text(self, old: Execution, stored: str, wanted: Wanted) -> bytes:
        """The text to go on with: the given one, else the flow's file as it is now."""
        if wanted.text is not None:
            return wanted.text.encode()
        return await asyncio.to_thread(present_text, old.source) or stored.encode()

    async def _compile(self, old: Execution, text: bytes, wanted: Wanted) -> dict[str, Any]:
        """The version to go on with; it belongs to the flow's folder, wherever it was edited."""
        library = self._service.library
        try:
            definition = await library.compile(text, old.source)
        except FlowFileError:
            if wanted.label:
                await library.compile(text, wanted.label)  # the same problems, under its own name
            raise
        if definition["name"] != old.flow:
            raise UsageError(
                f"the file is the flow {definition['name']}, the execution one of {old.flow}",
                "keep its `name:`",
            )
        return definition


def _taken(prepared: Prepared, path: str) -> dict[str, Any]:
    """What the event says about a step that is taken over."""
    old = prepared.old
    step = old.steps[path]
    name = f"{old.flow}#{old.number}"
    if step.state == "skipped":
        return {
            "step": path, "state": "skipped", "reason": f"{step.reason} (as in {name})",
            "from": old.id, "attempts": [],
        }  # fmt: skip
    return {
        "step": path,
        "state": "reused",
        "reason": f"taken over from {name}",
        "from": old.id,
        "outputs": step.outputs,
        "exit_code": step.exit_code,
        "log_bytes": step.usage.get("log_bytes", 0),
        "attempts": prepared.attempts.get(path, []),
    }
