"""The imperative shell around the core: takes what happens, journals what follows, carries it out.

Owns the live executions in memory. Called by the service (people), the executor (ends) and timers.
Runs on the engine's loop and never blocks it.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine import items
from engine.broom import Broom
from engine.clock import Clock
from engine.core import decide
from engine.core.advance import advance
from engine.core.cancelling import cancel_command, is_unwanted
from engine.core.hide import Mask
from engine.core.lining import places
from engine.core.prepare import Surroundings
from engine.core.state import Execution
from engine.core.turn import (
    CancelAttempt,
    CancelOthers,
    ChildCommand,
    Ended,
    StartAttempt,
    Turn,
)
from engine.ends import Ends
from engine.environment import Environments
from engine.errands import Errand, Errands
from engine.errors import WingmanError
from engine.executor import Executor
from engine.failpoints import reach
from engine.groups import GroupLine
from engine.hidden import Hidden
from engine.ids import attempt_id, split_attempt_id
from engine.journal.journal import Journal
from engine.model import Event
from engine.paths import Home
from engine.places import MAX_RUNNING_STEPS, Places
from engine.sandbox.client import Sandbox
from engine.secrets import Secrets
from engine.sensitive import mask_values, shown_inputs
from engine.slots import Slots
from engine.timers import Timers

Samples = dict[str, dict[str, float]]
Observer = Callable[[Execution, list[Event]], None]


class Scheduler:
    """Live executions, and what moves them."""

    def __init__(
        self,
        home: Home,
        clock: Clock,
        journal: Journal,
        sandbox: Sandbox,
        base_env: dict[str, str],
        log: Callable[[str], None],
        secrets: Secrets,
        max_running_steps: int = MAX_RUNNING_STEPS,
    ) -> None:
        self.live: dict[str, Execution] = {}
        self.leaving: set[str] = set()  # ended ones that are being removed: too late to retry them
        self.hidden = Hidden(secrets, self.live)
        self.observers: list[Observer] = []  # hear of changes once they are durable
        # decide what follows from an end, in the same transaction
        self.on_ended: list[Observer] = []
        self.on_grew: Callable[[list[str]], None] = lambda executions: None
        self.on_sampled: Callable[[float, Samples], None] = lambda at, samples: None
        self.on_child: Callable[[Execution, ChildCommand], None]
        # starts in the same transaction what can be, of what a decision calls
        self.on_calls: Callable[[Turn], None] = lambda turn: None
        self.executor: Executor
        self._home = home
        self._clock = clock
        self._journal = journal
        self.base_env = base_env
        self._own_env = {k: v for k, v in os.environ.items() if not k.startswith("WINGMAN_")}
        self._log = log
        self._places = Places(
            max_running_steps, self.live, lambda execution: self.attempt(execution, advance)
        )
        self._around: Surroundings | None = None
        self._broom = Broom(home.text("work"))
        self._timers = Timers(clock.now_us, self._due)
        self.slots = Slots(home.config_file, self._offer, log)
        self.config_file = home.config_file
        self.environment = Environments(home.config_file, log)
        self.groups = GroupLine(lambda execution: self.attempt(execution, decide.begin))
        self._changes: list[tuple[Execution, list[Event]]] = []  # durable, observers wait for them
        journal.on_told = self._carried_out
        self._following: deque[Callable[[], None]] = deque()  # decisions that follow at once
        self._is_deciding = False
        self._ends = Ends()
        self.errands = Errands(home, sandbox, self._answered, log)

    @property
    def running_steps(self) -> int:
        """How many steps run now."""
        return self._places.taken

    @property
    def max_running_steps(self) -> int:
        """How many may run at once."""
        return self._places.limit

    def use(
        self, *, base_env: dict[str, str] | None = None, max_running_steps: int | None = None
    ) -> None:
        """Start steps in another environment, or so many at once, from now on."""
        self.base_env = self.base_env if base_env is None else base_env
        self._around = None
        self._places.limit = max_running_steps or self._places.limit
        self._places.feed()

    # -- entering and leaving --------------------------------------------------------------

    def add(
        self, execution: Execution, first: Event, begin: Callable[[Turn], None] = decide.begin
    ) -> None:
        """Take in a new execution; it is journaled with its first steps in one transaction."""
        shown = self._admit(execution)
        self._journal.add_new(execution, first, shown)
        self.take(execution, begin, before=[first])

    def adopt(self, execution: Execution) -> None:
        """Take back an execution that has left memory; after a start `resume_all` moves it on."""
        shown = self._admit(execution)
        self._journal.watch(execution, shown, execution.state)
        self._places.taken += places(execution)

    def _admit(self, execution: Execution) -> dict[str, Any]:
        """Hold an execution, and hide what it knows; its inputs as people may see them."""
        definition, inputs = execution.definition, execution.inputs
        self.hidden.admit(execution, mask_values(definition, inputs))
        self.live[execution.id] = execution
        return shown_inputs(definition, inputs)

    def open_attempts(self) -> dict[str, set[str]]:
        """By generation, the attempts that should be running, or in line."""
        found: dict[str, set[str]] = {}
        for execution in self.live.values():
            for step in execution.steps.values():
                if step.is_at_runner:
                    name = attempt_id(execution.id, step.attempt_number or 0)
                    found.setdefault(step.generation or "", set()).add(name)
        return found

    def resume_all(self) -> None:
        """After a start: move every adopted execution on, as far as it can go."""
        self._broom.start(self._journal.path)
        self.slots.ledger.adopt(self.live.values())
        self.groups.ledger.adopt(self.live.values())
        for execution in list(self.live.values()):
            self.attempt(execution, decide.begin if execution.state == "queued" else decide.due)
        self.slots.changed()  # what became free may have been the last thing that happened
        self.groups.changed()

    def clock_was_set(self) -> None:
        """What waits for a moment may be due."""
        self._timers.look()

    def close(self) -> None:
        """The engine ends: nothing is decided any more."""
        self._broom.close()

    def wait_ended(self, execution_id: str) -> asyncio.Future[None]:
        """A future that is done when the execution has ended and that is durable."""
        return self._ends.wait(execution_id, execution_id in self.live)

    # -- one decision ----------------------------------------------------------------------

    def take(
        self,
        execution: Execution,
        decision: Callable[..., None],
        *args: Any,
        before: list[Event] | None = None,
        **options: Any,
    ) -> None:
        """Let the core decide about a stimulus, journal the events, then carry the commands out.

        Raises what the decision raises, before anything was journaled.
        """
        if self._is_deciding:
            self._decide(execution, decision, args, before, options)
            return
        with self.together():
            self._decide(execution, decision, args, before, options)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Several decisions, and then what follows from all of them, in one transaction."""
        self._is_deciding = True
        try:
            yield
            while self._following:
                self._following.popleft()()
        finally:
            self._is_deciding = False

    def then(self, work: Callable[[], None]) -> None:
        """Do this after the present decision and in its transaction; `work` must not raise.

        One after the other, not one inside of the other: a thousand may follow from each other.
        """
        self._following.append(work)

    def _decide(
        self, execution: Execution, decision: Callable[..., None], args: tuple[Any, ...],
        before: list[Event] | None, options: dict[str, Any],
    ) -> None:  # fmt: skip
        places_before = places(execution)
        turn = Turn(
            execution, self._clock.now_us(), self.surroundings(), self._places.free_for(execution)
        )
        turn.mask, turn.pools = self.mask_of(execution), self.slots.ledger
        turn.lines = self.executor.keeps_lines and not self._places.anybody_waits
        turn.groups = self.groups.ledger
        decision(turn, *args, **options)
        if execution.calls and turn.commands:
            self.on_calls(turn)
        self._places.taken += places(execution) - places_before
        self._places.note(execution, turn.starved)
        if turn.events:
            self._journal.add(execution, turn.events)
            if execution.has_ended:
                for follow in self.on_ended:
                    follow(execution, turn.events)
            self.slots.changed()
            self.groups.changed()
            reach("decided")
        self._timers.set(execution.id, decide.next_due_us(execution))
        if turn.events or turn.commands:
            events = (before or []) + turn.events
            self._journal.when_durable(lambda: self._carry_out(execution, events, turn.commands))

    def surroundings(self) -> Surroundings:
        """What the engine gives to every step now."""
        if self._around is None or self._around.generation != self.executor.generation:
            self._around = Surroundings(
                self.base_env,
                self._home.text("work"),
                self._home.text("logs"),
                self.executor.generation,
                masks=self.hidden.masks,
                items=items,
                secrets=self.hidden.secret_values,
                own_env=self._own_env,
            )
        return self._around

    def add_masks(self, execution_id: str, values: list[str]) -> None:
        """Mask what a step has derived from secrets; later attempts and engines know it, too."""
        execution = self.live.get(execution_id)
        if execution is None:
            return
        try:
            sealed = self.hidden.add(execution_id, values)
        except WingmanError as error:  # no key: it is masked as long as this engine lives
            self._log(f"what a step wants masked cannot be kept: {error}")
            return
        if sealed is not None:
            self.attempt(execution, decide.note_masked, sealed)

    def mask_of(self, execution: Execution) -> Mask | None:
        """What masks an execution's sensitive values; None where it has none."""
        return self.hidden.mask_of(execution)

    def _carry_out(self, execution: Execution, events: list[Event], commands: list[Any]) -> None:
        """The events are durable: act on them; those who look are told after."""
        reach("journaled")
        for command in commands:
            if isinstance(command, StartAttempt):
                self._start(execution, command)
                reach("started")
            elif isinstance(command, CancelAttempt):
                name = attempt_id(execution.id, command.attempt_number)
                self.executor.cancel(command.generation, name, command.mode, command.reason)
            elif isinstance(command, ChildCommand):
                self.on_child(execution, command)
            elif isinstance(command, Errand):
                self.errands.send(execution, command)
            elif isinstance(command, CancelOthers):
                self._cancel_others(execution, command)
            elif isinstance(command, Ended):
                self.release(execution)
        self._changes.append((execution, events))

    def _carried_out(self) -> None:
        """What a commit led to leaves for the runner, before anybody who only looks on is told."""
        self.executor.flush()
        changes, self._changes = self._changes, []
        for execution, events in changes:
            for observer in list(self.observers):
                try:
                    observer(execution, events)
                except Exception:  # who only looks on must not hold up what is carried out
                    self._log(traceback.format_exc())

    def _start(self, execution: Execution, command: StartAttempt) -> None:
        """Send an order to the runner that its attempt was journaled for.

        If that runner has died since, the attempt is known to its burial and not sent to another.
        """
        number = command.spec["number"]
        step = execution.by_number.get(number)
        if step is None or not (step.state == "running" or step.is_lined_up):
            return
        if step.generation != self.executor.generation:
            self.about(command.spec["attempt"], decide.attempt_never_started)
            return
        self.executor.start(command.spec)
        if is_unwanted(execution, step):
            cancel = cancel_command(execution, step)
            self.executor.cancel(
                cancel.generation, command.spec["attempt"], cancel.mode, cancel.reason
            )

    def _cancel_others(self, execution: Execution, command: CancelOthers) -> None:
        """End those who hold what another one takes over, unless they end already."""
        actor, now_us = execution.actor, self._clock.now_us()
        for other in filter(None, map(self.live.get, command.executions)):
            if other.has_ended or other.cancelling or other.state == "queued":
                continue
            if self.attempt(other, decide.cancel, "cancel", command.reason, actor):
                self._journal.add_audit(now_us, actor, "cancel", other.id, command.reason)

    def release(self, execution: Execution) -> None:
        """An ended execution leaves memory, and its working directory if nobody needs it."""
        if not execution.has_ended:
            return  # retried meanwhile
        self.live.pop(execution.id, None)
        self.hidden.forget(execution.id)
        self._places.forget(execution)
        self.slots.ledger.forget(execution)
        self.groups.ledger.forget(execution)
        self._timers.set(execution.id, None)
        self._journal.forget(execution)
        self._ends.ended(execution.id)
        if execution.state == "completed" and not execution.debug:
            self._broom.completed(execution.id)

    def _answered(self, execution: Execution, decision: Callable[..., None], *found: Any) -> None:
        """An errand is done."""
        if execution.id in self.live:
            self.attempt(execution, decision, *found)

    def _offer(self, execution: Execution, paths: list[str]) -> None:
        self.attempt(execution, decide.offered, paths)

    def _due(self, execution_id: str) -> None:
        execution = self.live.get(execution_id)
        if execution is not None:
            self.attempt(execution, decide.due)

    def about(self, attempt: str, decision: Callable[..., None], *args: Any) -> None:
        """Take a decision about an attempt, if its execution is live."""
        execution_id, number = split_attempt_id(attempt)
        execution = self.live.get(execution_id)
        if execution is not None:
            self.attempt(execution, decision, number, *args)

    def attempt(self, execution: Execution, decision: Callable[..., None], *args: Any) -> bool:
        """Take a decision that nobody asked for: a fault in one execution must not be the others'.

        What it was about is not acknowledged, so that the next engine gets it again.
        """
        try:
            self.take(execution, decision, *args)
        except Exception:
            self._log(f"{execution.flow}#{execution.number}: {traceback.format_exc()}")
            return False
        return True

