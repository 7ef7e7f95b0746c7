"""Gathers the facts for the questions of `engine.insight`: journal, logs, live executions.

Called by `insight_routes`. Reads only what one answer needs.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from engine.catalog import one_flow
from engine.core.state import Execution
from engine.errors import FlowFileError, UnknownReference, UsageError
from engine.filters import Filter as QueryOf
from engine.insight import critical
from engine.insight.answer import NAMED_LIMIT, Cause, Facts, Help, Why
from engine.insight.diff import difference, first_difference
from engine.insight.flow_why import LEDGER_ROWS, why_flow
from engine.insight.forecast import Usual, expected_words
from engine.insight.shared import group_causes, slot_causes
from engine.insight.why import note_causes, why_execution, why_step
from engine.insight.words import last_words
from engine.journal.history import History
from engine.journal.note_rows import notes_of, notes_of_error
from engine.journal.usual_rows import pool_waits
from engine.journal.view import live_row
from engine.logs.lines import Filter
from engine.logs.reader import LogReader
from engine.runbook import runbook_of
from engine.server.logbook import LogBook
from engine.server.outlook import Outlook
from engine.server.probes import ask_server
from engine.server.timelines import attempts_in, line_of, timeline_json
from engine.service import Service
from engine.stepnames import named
from engine.triggers.keeper import Keeper

Row = dict[str, Any]
EARLIER = 20  # executions before, that are looked at for the same error
LAST_LINES = 5
FAILED_STEPS = 5  # whose last lines are read
COMPARED_LINES = 200_000
FAILED = ("failed", "interrupted")
NOT_TIMED = ("queued", "failed", "cancelled")  # where the time went is not the question


class Insight:
    """Questions about one engine's executions and flows."""

    def __init__(
        self, service: Service, logs: LogBook, triggers: Keeper, outlook: Outlook
    ) -> None:
        self._triggers = triggers
        self._outlook = outlook
        self._service = service
        self._logs = logs

    async def why(self, reference: str, path: str | None, probe: bool = False) -> Why:
        """Why an execution, or one step of it, is in its state; with `probe`, ask a server now.

        Raises UnknownReference.
        """
        ord_, found = await self._execution(reference)
        paths = {step["path"] for step in found["steps"]}
        path = path and named(path, paths)
        if path is not None and path not in paths:
            raise UnknownReference(f"{found['flow']}#{found['number']} has no step {path!r}")
        await self._outlook.add(found)
        now_us = self._service.now_us()
        facts = await self._service.reader(
            lambda history: self._facts(history, ord_, found, path, now_us)
        )
        self._add_places(found, facts, path)
        facts.children = self._children(found)
        pages = await self._last_lines(ord_, found, path)
        facts.lines = {p: [line["text"] for line in lines] for p, lines in pages.items()}
        facts.words = last_words(found["steps"], pages)
        why = why_execution(found, facts) if path is None else why_step(found, path, facts)
        why.causes += note_causes(facts, path)
        if probe and why.probe:
            await ask_server(self._service, why, ord_, found["id"])
        if why.state in ("failed", "partial", "interrupted"):
            compiled = await self._service.reader(
                lambda history: history.compiled_of(found["version"], found["source"])
            )
            why.add_runbook(*await asyncio.to_thread(runbook_of, compiled))
        return why

    async def why_flow(self, name: str, refused: tuple[str, str] | None) -> Why:
        """Why a flow runs or does not, also for who may not start it. Raises UnknownReference."""
        await self._triggers.refresh()
        flow = await one_flow(self._service, name)
        problems: list[str] = []
        hindrances: list[tuple[str, Help | None]] = []
        try:
            file = await self._service.library.find(name)
            compiled = await self._service.library.compile(file.text, str(file.path))
            hindrances = self._hindrances(compiled)
        except FlowFileError as error:
            problems = str(error).splitlines()

        def newest(history: History) -> Row | None:
            try:
                return history.rows([history.find(f"{name}@last")])[0]
            except UnknownReference:
                return None

        triggers = self._triggers.showing.rows(name)
        ledgers = {
            each["name"]: (await self._triggers.showing.ledger(
                self._triggers.triggers[each["name"]], None, LEDGER_ROWS
            ))[0]
            for each in triggers
        }  # fmt: skip
        found = await self._service.reader(newest)
        return why_flow(flow, found, problems, triggers, ledgers, hindrances, refused)

    def _hindrances(self, compiled: Row) -> list[tuple[str, Help | None]]:
        """What keeps a flow from starting now, beside its file."""
        found: list[tuple[str, Help | None]] = [
            (f"there is no secret {name}", Help(f"wingman secret set {name}", "keep its value"))
            for name in self._service.secrets.missing(compiled)
        ]
        try:
            self._service.scheduler.slots.check(compiled)
        except UsageError as error:
            found.append((error.message, Help("wingman pools", "those that there are")))
        if reason := self._service.journal.short_of_space:
            found.append((reason, Help("wingman doctor", "about this machine")))
        return found

    async def diff(self, reference: str, against: str | None) -> Row:
        """An execution against another, without one against the last good one before it."""
        ord_, found = await self._execution(reference)
        if against is None:
            against = await self._service.reader(lambda history: _last_good(history, found))
        other_ord, other = await self._execution(against)
        texts = await asyncio.gather(
            self._service.definition(other["id"]), self._service.definition(found["id"])
        )
        answer = difference(other, found, (texts[0], texts[1]))
        for step in answer["steps"]:
            if "only_in" not in step:
                step["log"] = await self._logs_part(other_ord, other, ord_, found, step["path"])
        return answer

    async def timeline(self, reference: str) -> Row:
        """When each step ran, the critical path, the slack, the end, the bottleneck in words."""
        ord_, found = await self._execution(reference)
        await self._outlook.add(found)
        usual, pools, attempts = await self._service.reader(
            lambda history: (
                self._usual(history, ord_, found), pool_waits(history, ord_),
                attempts_in(history, ord_, found),
            )
        )  # fmt: skip
        return timeline_json(found, self._service.now_us(), usual, pools, attempts)

    async def _execution(self, reference: str) -> tuple[int, Row]:
        ord_, execution_id = await self._service.resolve(reference)
        return ord_, await self._service.execution(ord_, execution_id)

    def _usual(self, history: History, ord_: int, found: Row) -> Usual:
        return self._outlook.usual.of(history, found["flow"], ord_)

    def _facts(
        self, history: History, ord_: int, found: Row, path: str | None, now_us: int
    ) -> Facts:
        earlier = history.page(QueryOf(flows=(found["flow"],)), ord_, EARLIER).rows
        usual = self._usual(history, ord_, found)
        facts = Facts(events=history.decisions(ord_), earlier=earlier, usual_ms=usual.steps)
        facts.expected_words = expected_words(found["expected"])
        if found["state"] not in NOT_TIMED:
            pools = pool_waits(history, ord_)
            facts.bottleneck = critical.bottleneck(line_of(found, now_us), usual.steps, pools)
        facts.notes = notes_of(history, ord_)
        error = found["error"]
        if path is not None:
            step = next(step for step in found["steps"] if step["path"] == path)
            error = step["error"] and {**step["error"], "step": path}
        if error:
            facts.known = notes_of_error(history, ord_, found["flow"], error, NAMED_LIMIT)
        return facts

    def _add_places(self, found: Row, facts: Facts, path: str | None) -> None:
        scheduler = self._service.scheduler
        facts.running_steps = scheduler.running_steps
        facts.max_running_steps = scheduler.max_running_steps
        live = scheduler.live.get(found["id"])
        if live is not None:
            facts.slots = self._slots(live, path)
            obstacle = scheduler.groups.obstacle(live)
            facts.group = group_causes(obstacle) if obstacle else ()
            facts.max_parallel = live.definition["max_parallel"] or 0

    def _children(self, found: Row) -> dict[str, Row]:
        """The live executions that running steps have called, by step."""
        live = self._service.scheduler.live
        called = (
            (step["path"], live.get(step["child"]["execution"]))
            for step in found["steps"] if step["state"] == "running" and step.get("child")
        )  # fmt: skip
        return {path: live_row(child, {}) for path, child in called if child is not None}

    def _slots(self, live: Execution, path: str | None) -> dict[str, list[Cause]]:
        """What the first steps that wait for a pool, or this one, wait for now."""
        found: dict[str, list[Cause]] = {}
        for waiting in sorted(live.pooled)[:NAMED_LIMIT] if path is None else [path]:
            step = live.steps[waiting]
            obstacle = self._service.scheduler.slots.obstacle(live, step)
            if obstacle is not None and step.pool_wait is not None:
                found[waiting] = slot_causes(waiting, obstacle, step.pool_wait[1])
        return found

    async def _last_lines(self, ord_: int, found: Row, path: str | None) -> dict[str, list[Row]]:
        """What the failed steps printed last."""
        failed = [step["path"] for step in found["steps"] if step["state"] in FAILED]
        wanted = [p for p in failed if path in (None, p)][:FAILED_STEPS]
        if not wanted:
            return {}
        log = await self._logs.open(ord_, found["id"])

        def look(reader: LogReader) -> dict[str, list[Row]]:
            pages = {p: reader.page_back(Filter.make(step=p), LAST_LINES).lines for p in wanted}
            return {p: [dict(reader.to_wire(line)) for line in lines] for p, lines in pages.items()}

        return await log.ask(look)

    async def _logs_part(
        self, one_ord: int, one: Row, other_ord: int, other: Row, path: str
    ) -> Row | None:
        """Where the logs of a step part, once times and ids are taken out."""
        lines: list[list[bytes]] = []
        for ord_, execution in ((one_ord, one), (other_ord, other)):
            log = await self._logs.open(ord_, execution["id"])
            lines.append(await log.ask(lambda reader: _lines_of(reader, path)))
        found = await asyncio.to_thread(first_difference, *lines)
        if found is None:
            return None
        number, before, after = found
        return {"line": number, "from": _text(before), "to": _text(after)}


def _text(line: bytes | None) -> str | None:
    return None if line is None else line.decode("utf-8", "replace")


def _lines_of(reader: LogReader, path: str) -> list[bytes]:
    found = reader.lines(Filter.make(step=path))
    return [line.data for line in itertools.islice(found, COMPARED_LINES)]


def _completed(found: Row) -> QueryOf:
    return QueryOf(flows=(found["flow"],), states=("completed",))


def _last_good(history: History, found: Row) -> str:
    ord_ = history.find(found["id"])
    for row in history.page(_completed(found), ord_, 1).rows:
        return str(row["id"])
    raise UsageError(
        f"no execution of {found['flow']} before #{found['number']} has completed",
        "name the one to compare with",
    )
