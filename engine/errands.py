"""What a decision asks for that is no attempt and takes time: a value, items, a look around.

Owned by the scheduler, which carries the rest out itself; each answer is a decision of its own.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable

from engine import items
from engine.core import decide
from engine.core.entering import checked
from engine.core.state import Execution
from engine.core.turn import CheckRequirements, Evaluate, Gather
from engine.errors import WingmanError
from engine.paths import Home
from engine.sandbox.client import Sandbox

Errand = Evaluate | CheckRequirements | Gather


class Errands:
    """The errands of one engine; `answer` takes the execution, the decision, what was found."""

    def __init__(
        self, home: Home, sandbox: Sandbox, answer: Callable[..., None], log: Callable[[str], None]
    ) -> None:
        self.requirements: Callable[[dict[str, list[str]], str, str], Awaitable[list[str]]]
        self._home = home
        self._sandbox = sandbox
        self._answer = answer
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, execution: Execution, errand: Errand) -> None:
        """Begin with it; the answer comes later."""
        if isinstance(errand, Evaluate):
            work = self._evaluate(execution, errand)
        elif isinstance(errand, CheckRequirements):
            work = self._check(execution, errand)
        else:
            work = self._gather(execution, errand)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _evaluate(self, execution: Execution, errand: Evaluate) -> None:
        value, error = None, None
        try:
            value = await self._sandbox.evaluate(errand.text, errand.names, masked=execution.masked)
        except WingmanError as failed:
            error = failed.message
        self._answer(execution, decide.evaluated, errand.step, errand.text, value, error)

    async def _check(self, execution: Execution, errand: CheckRequirements) -> None:
        misses = await self.requirements(errand.wanted, errand.path, execution.source)
        self._answer(execution, checked, misses)

    async def _gather(self, execution: Execution, errand: Gather) -> None:
        """Put the items of a batch step aside, on a thread."""
        count, error = 0, None
        folder = self._home.text("work") + f"/{execution.id}"
        try:
            count = await asyncio.to_thread(items.put_aside, errand.store, errand.source, folder)
        except WingmanError as failed:
            error = failed.message
        except Exception as fault:  # the step must not wait for ever
            self._log(traceback.format_exc())
            error = f"a fault in Wingman: {fault}"
        self._answer(execution, decide.gathered, errand.step, count, error)
