"""The use cases: start, look, switch debug mode; `verbs` has what is done to an execution.

What the API's routes call. Everything that changes something is journaled before it is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from engine.access.flows import FlowPermissions
from engine.calls import calls_of, check_calls
from engine.clock import Clock
from engine.core import decide
from engine.core.state import Execution
from engine.core.turn import Turn
from engine.errors import Unavailable, UsageError
from engine.filters import Filter
from engine.flowfile.inputs import check_inputs
from engine.ids import new_execution_id
from engine.journal.batch import with_times
from engine.journal.history import History, Page
from engine.journal.journal import Journal
from engine.journal.reader import Reader
from engine.journal.view import live_execution
from engine.library import Library
from engine.model import Event
from engine.once import Once
from engine.recovery import new_execution
from engine.request import check_words, digest_of
from engine.scheduler import Scheduler
from engine.secrets import Secrets
from engine.sensitive import Sensitive

DEBUG_MODES = ("on", "once", "off")


class Reserved(NamedTuple):
    """What a new execution has before it is there."""

    number: int
    debug: str  # how the debug mode of its flow is switched
    inputs: dict[str, Any]


class Start(NamedTuple):
    """What is to be started, with which inputs, by whom and why."""

    compiled: dict[str, Any]
    text: bytes
    source: str
    inputs: dict[str, Any]
    inputs_text: dict[str, str]  # from a command line: typed by their declarations
    actor: str
    trigger: str
    debug: bool | None = None  # None: as the flow's file has it
    key: str | None = None  # of the request, and its digest
    digest: str | None = None
    execution_id: str | None = None
    begin: Callable[[Turn], None] = decide.begin
    audit: tuple[str, str] | None = None  # action and reason, where it is no `run`
    links: Mapping[str, Any] = MappingProxyType({})  # what it goes on from


class Service:
    """What people and programs can ask of one engine."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        reader: Reader,
        scheduler: Scheduler,
        library: Library,
        sensitive: Sensitive,
        flows: dict[str, tuple[int, str]],
        secrets: Secrets,
        permissions: FlowPermissions,
    ) -> None:
        self.scheduler = scheduler
        self.library = library
        self.reader = reader
        self._clock = clock
        self.journal = journal
        self.sensitive = sensitive
        self.secrets = secrets
        self.permissions = permissions
        self._flows = flows  # last number and debug mode by name
        self.once = Once(reader, sensitive)
        self.is_closing = False  # nothing new is started any more

    # -- starting --------------------------------------------------------------------------

    async def start(
        self, request: dict[str, Any], actor: str, key: str | None = None
    ) -> dict[str, Any]:
        """Start an execution; the answer comes when it is durable. The same key gives the same."""
        check_words(request)
        if key is None:
            return await self._start(request, actor, None)
        return await self.once.make(
            key, digest_of(request), lambda: self._start(request, actor, key)
        )

    async def _start(self, request: dict[str, Any], actor: str, key: str | None) -> dict[str, Any]:
        text, source = await self.definition_text(request)
        compiled = await self.library.compile(text, source)
        start = Start(
            compiled,
            text,
            source,
            request.get("inputs") or {},
            request.get("inputs_text") or {},
            actor,
            trigger=request.get("trigger") or "manual",
            debug=request.get("debug"),
            key=key,
            digest=digest_of(request) if key else None,
        )
        return await self.launch(start)

    async def definition_text(self, request: dict[str, Any]) -> tuple[bytes, str]:
        """The text that a start means, and where it lies."""
        if request.get("text") is not None:
            return request["text"].encode(), request.get("source") or ""
        if not request.get("flow"):
            raise UsageError("say what to run: a flow's name, or a file's text")
        file = await self.library.find(request["flow"])
        return file.text, str(file.path)

    async def launch(self, start: Start) -> dict[str, Any]:
        """A new execution, as `enter` puts it in, once it is durable."""
        if calls_of(start.compiled):
            await check_calls(self.library, start.compiled)
        answer = self.enter(start)
        await self.permissions.learn_from(start.compiled)
        await self.journal.durable()
        return answer

    def enter(self, start: Start, reserved: Reserved | None = None) -> dict[str, Any]:
        """Put a new execution into the open transaction, with all else in it.

        `reserved` is what was checked and taken for it. Raises what is in its way.
        """
        compiled, name, now_us = start.compiled, start.compiled["name"], self._clock.now_us()
        if reserved is None:
            inputs = self.check_start(compiled, start.inputs, start.inputs_text)
        else:
            inputs = reserved.inputs
        execution_id = start.execution_id or new_execution_id(now_us)
        sealed = self.sensitive.seal(compiled, inputs, execution_id)  # may fail: no number is taken
        number, switch, _ = reserved or self.reserve(name, inputs)
        self.journal.last_ord += 1
        data = {
            "flow": name,
            "number": number,
            "version": compiled["version"],
            "source": start.source,
            "inputs": sealed,
            "trigger": start.trigger,
            "actor": start.actor,
            "request_key": start.key,
            "request_digest": self.sensitive.seal_digest(compiled, start.digest, execution_id),
            "debug": switch != "off" or (compiled["debug"] if start.debug is None else start.debug),
            **self.scheduler.environment.of(compiled),
            **start.links,
        }
        execution = new_execution(
            self.journal.last_ord, execution_id, now_us, data, compiled, inputs
        )
        text = start.text.decode("utf-8", "replace")
        self.journal.add_version([compiled["version"], name, start.source, text, compiled, now_us])
        self.journal.add_flow(name, *self._flows[name])
        action, reason = start.audit or ("run", start.trigger)
        self.journal.add_audit(now_us, start.actor, action, execution_id, reason)
        first = Event(0, execution_id, now_us, "execution.queued", data)
        self.scheduler.add(execution, first, start.begin)
        return {"id": execution_id, "flow": name, "number": number, "state": execution.state}

    def check_start(
        self, compiled: dict[str, Any], given: dict[str, Any], given_text: dict[str, str]
    ) -> dict[str, Any]:
        """The inputs of a start that can be; raises what is in its way."""
        if self.is_closing:
            raise Unavailable("the engine is ending", "try again in a moment")
        if reason := self.journal.short_of_space:
            raise Unavailable(f"no new execution can start: {reason}", "free some space")
        self.scheduler.slots.check(compiled)
        return check_inputs(compiled["inputs"], given, given_text)

    def reserve(self, flow: str, inputs: dict[str, Any]) -> Reserved:
        """The next number of a flow, for a start with inputs that were checked."""
        number, switch = self._flows.get(flow, (0, "off"))
        self._flows[flow] = (number + 1, "off" if switch == "once" else switch)
        return Reserved(number + 1, switch, inputs)

    def now_us(self) -> int:
        """The time now, as events have it."""
        return self._clock.now_us()

    # -- debug mode of a flow ---------------------------------------------------------------

    async def set_flow_debug(self, name: str, mode: str, actor: str) -> dict[str, Any]:
        """Switch debug mode of a flow: `on` until `off`, or `once` for its next execution."""
        if mode not in DEBUG_MODES:
            raise UsageError(f"debug mode {mode!r}", "on, once or off")
        if name not in self._flows:
            await self.library.find(name)
        number, _ = self._flows.get(name, (0, "off"))
        self._flows[name] = (number, mode)
        self.journal.add_flow(name, number, mode)
        self.journal.add_audit(self._clock.now_us(), actor, f"debug {mode}", name, "")
        await self.journal.durable()
        return {"flow": name, "debug": mode}

    def debug_mode(self, flow: str) -> str:
        """How the debug mode of a flow is switched: on, once or off."""
        return self._flows.get(flow, (0, "off"))[1]

    # -- looking ---------------------------------------------------------------------------

    async def page(self, wanted: Filter, before: int | None, limit: int) -> Page:
        """Executions that fit, newest first."""
        return await self.reader(lambda history: history.page(wanted, before, limit))

    async def resolve(self, reference: str) -> tuple[int, str]:
        """The ord and the id of the execution that a reference means."""
        live = self.scheduler.live.get(reference)
        if live is not None:
            return live.ord, live.id
        return await self.reader(
            lambda history: (ord_ := history.find(reference), history.rows([ord_])[0]["id"])
        )

    async def execution(self, ord_: int, execution_id: str) -> dict[str, Any]:
        """One execution with its steps: from memory while it is open, else from the journal."""
        live = self.scheduler.live.get(execution_id)
        if live is not None:
            found = live_execution(live, self.journal.shown_inputs(live))
            found["waiting_for"] = self.explained(live, found["waiting_for"])
            return found
        return await self.reader(lambda history: history.execution(ord_))

    def explained(self, live: Execution, waiting: dict[str, Any] | None) -> dict[str, Any] | None:
        """What a live execution waits for, with who holds it now, down the executions it calls."""
        if waiting is not None and waiting["kind"] == "flow":
            called = self.scheduler.live.get(waiting["execution"])
            below = self.explained(called, with_times(called.waiting_for)) if called else None
            return {**waiting, "waiting_for": below or waiting["waiting_for"]}
        waiting = self.scheduler.slots.explain(live, waiting)
        return self.scheduler.groups.explain(live, waiting)

    async def named(self, reference: str, hidden: frozenset[str]) -> tuple[str, str]:
        """The id and the flow of an execution, as one who does not see some flows names it."""

        def look(history: History) -> tuple[str, str]:
            row = history.rows([history.find(reference, hidden)])[0]
            return row["id"], row["flow"]

        live = self.scheduler.live.get(reference)
        if live is not None and live.flow not in hidden:
            return live.id, live.flow
        return await self.reader(look)

    async def definition(self, reference: str) -> str:
        """The text of the flow file as the execution was started with it."""

        def look(history: History) -> str:
            row = history.rows([history.find(reference)])[0]
            return history.text_of(row["version"], row["source"]) or ""

        return await self.reader(look)
