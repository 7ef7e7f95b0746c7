"""Starts a flow for a trigger: condition, inputs, execution and ledger in one transaction.

Called by the keeper's parts. `prepare` may wait for the sandbox; what follows does not, so that
nothing comes between a decision and what it puts into the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.calls import calls_of, check_calls
from engine.clock import Clock
from engine.errors import StorageError, Unavailable, WingmanError
from engine.expression import NOW, HeavyExpression, evaluate, references, resolve, values_of
from engine.flowfile.inputs import check_inputs, fitted
from engine.journal.history import History
from engine.sensitive import shown_inputs
from engine.service import Service, Start
from engine.times import to_text
from engine.triggers.trigger import Row, Trigger, occasion_row, shown_occasion

KEPT_FLOWS = 64


class Prepared(NamedTuple):
    """What a start needs; or why there is none: `skipped` by its condition, `missed` by a fault."""

    compiled: dict[str, Any]
    text: str
    inputs: dict[str, Any]
    refused: str = ""  # the outcome, where it does not start
    reason: str = ""


class Firing:
    """The way from an occasion to an execution."""

    def __init__(self, service: Service, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self.on_missed: Callable[[str, str, str, str, list[Any]], None] = _nothing
        self.on_waiting: Callable[[str, str, int, list[Any]], None] = _nothing
        self.on_held: Callable[[Trigger], None] = _nothing
        self._kept: dict[tuple[str, str], tuple[dict[str, Any], str]] = {}

    async def prepare(self, trigger: Trigger, names: Mapping[str, Any]) -> Prepared:
        """The flow as it is to start, its inputs; or why it does not start. Raises nothing."""
        try:
            compiled, text = await self._flow(trigger)
            if calls_of(compiled):
                await check_calls(self._service.library, compiled)
            await self._service.permissions.learn_from(compiled)
        except WingmanError as error:
            return Prepared({}, "", {}, "missed", str(error))
        names = {**names, NOW: to_text(self._clock.now_us())}
        masked = self._masked(trigger, compiled)
        condition = trigger.definition["if"]
        try:
            if condition is not None:
                value = await self._evaluate(condition, names, masked)
                if value is not True:
                    words = _untrue(condition, value, names, masked)
                    return Prepared(compiled, text, {}, "skipped", words)
            inputs = await self._resolve(trigger.definition["inputs"], names, masked)
        except WingmanError as error:
            return Prepared(compiled, text, {}, "missed", str(error))
        return Prepared(compiled, text, fitted(compiled["inputs"], inputs))

    def start(
        self, trigger: Trigger, prepared: Prepared, key: str, at_us: int, outcome: str, reason: str,
        **data: Any,
    ) -> Row:  # fmt: skip
        """Put the execution and the outcome into the open transaction; the row of the ledger.

        Raises Unavailable where nothing may start now: then nothing is decided.
        """
        if prepared.refused:
            return self.record(trigger, key, at_us, prepared.refused, prepared.reason)
        try:
            start = Start(
                prepared.compiled,
                prepared.text.encode(),
                trigger.source,
                prepared.inputs,
                {},
                actor=trigger.name,
                trigger=trigger.kind,
                key=trigger.request_key(key),
            )
            answer = self._service.enter(start)
        except Unavailable:
            raise
        except WingmanError as error:
            return self.record(trigger, key, at_us, "missed", str(error))
        except Exception as error:  # told, and not tried again: it may have begun
            self.record(trigger, key, at_us, "missed", f"a fault: {type(error).__name__}: {error}")
            raise
        trigger.running.add(answer["id"])
        return self.record(trigger, key, at_us, outcome, reason, execution=answer, **data)

    def record(
        self, trigger: Trigger, key: str, at_us: int, outcome: str, reason: str = "", **more: Any
    ) -> Row:
        """Put an outcome, and the trigger as it is now, into the open transaction."""
        row = occasion_row(trigger, key, at_us, self._clock.now_us(), outcome, reason, **more)
        if outcome != "waiting":
            trigger.last = shown_occasion(row)
        trigger.decisions += 1
        if outcome == "missed" and trigger.alerts:
            self.on_missed(trigger.flow, trigger.name, key, reason, trigger.alerts)
        if outcome == "waiting" and trigger.alerts:
            self.on_waiting(trigger.name, key, at_us, trigger.alerts)
        self._service.journal.add_trigger(trigger.row(), row)
        return row

    def hold(self, trigger: Trigger, why: str) -> None:
        """Nothing may start now, and something waits for that; or it may again, with no reason."""
        if trigger.held != why:
            trigger.held = why
            self.on_held(trigger)

    async def rehearse(self, trigger: Trigger, names: Mapping[str, Any]) -> dict[str, Any]:
        """What a start with these names would do, as shapes.Trial; starts nothing."""
        prepared = await self.prepare(trigger, names)
        outcome, reason = prepared.refused or "start", prepared.reason
        shown: dict[str, Any] = {}
        if not prepared.refused:
            try:
                inputs = check_inputs(prepared.compiled["inputs"], prepared.inputs, {})
                shown = shown_inputs(prepared.compiled, inputs)
            except WingmanError as error:
                outcome, reason = "missed", str(error)
        return {
            "trigger": trigger.name,
            "flow": trigger.flow,
            "version": trigger.version,
            "outcome": outcome,
            "reason": reason,
            "inputs": shown,
            "event": names.get("event"),
        }

    async def has_started(self, trigger: Trigger, key: str) -> bool:
        """Whether an occasion has made an execution already."""
        name = trigger.request_key(key)
        return await self._service.reader(lambda history: history.by_request_key(name)) is not None

    async def _flow(self, trigger: Trigger) -> tuple[dict[str, Any], str]:
        """The compiled flow and its text, as they were when the trigger was armed."""
        key = (trigger.version, trigger.source)
        if key not in self._kept:

            def look(history: History) -> tuple[dict[str, Any], str]:
                return history.compiled_of(*key), history.text_of(*key) or ""

            try:
                found = await self._service.reader(look)
            except StorageError:  # armed a moment ago: it is not on the disk yet
                await self._service.journal.durable()
                found = await self._service.reader(look)
            if len(self._kept) >= KEPT_FLOWS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = found
        return self._kept[key]

    def _masked(self, trigger: Trigger, compiled: Mapping[str, Any]) -> set[str]:
        """What goes into sensitive inputs is shown in no reason."""
        secret = {one["name"] for one in compiled["inputs"] if one["sensitive"]}
        given = trigger.definition["inputs"]
        texts = [given[name] for name in secret & given.keys() if isinstance(given[name], str)]
        return {name for text in texts for name in references(text)}

    async def _evaluate(self, text: str, names: Mapping[str, Any], masked: set[str]) -> Any:
        try:
            return evaluate(text, names, masked=masked)
        except HeavyExpression:
            return await self._service.library.sandbox.evaluate(text, names, masked=masked)

    async def _resolve(self, tree: Any, names: Mapping[str, Any], masked: set[str]) -> Any:
        try:
            return resolve(tree, names, masked=masked)
        except HeavyExpression:
            return await self._service.library.sandbox.resolve(tree, names, masked=masked)


def _nothing(*told: Any) -> None:
    """Nobody is told."""


def _untrue(condition: str, value: Any, names: Mapping[str, Any], masked: set[str]) -> str:
    """A condition that does not hold, with what it saw."""
    seen = "; ".join(values_of(condition, names, masked=masked))
    what = "false" if value is False else f"{value!r:.40}, not true or false"
    return f"if: {condition} is {what}" + (f" ({seen})" if seen else "")
