"""What is to be said of live executions beside their state: their likely end, whether they hang.

Found when somebody looks, from what the flow's last good executions took; nothing is done per step,
and nothing while nobody looks. `next_look` says when the silence of a step becomes too long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from engine.core.state import Execution, StepState
from engine.insight import stuck
from engine.insight.forecast import Usual, expected
from engine.insight.stuck import SILENT_LEAST_US, End, Stuck
from engine.journal.database import queries
from engine.journal.history import History
from engine.journal.usual_rows import UsualRows
from engine.server.silences import Silences
from engine.service import Service

if TYPE_CHECKING:
    from engine.logs.reader import LogReader
    from engine.server.logbook import LogBook

Row = dict[str, Any]
LOOK_AGAIN_US = 10_000_000  # an execution of a list is not looked at more often
ENDS_READ = 20  # attempts of one step
FAILING_READ = 20  # steps of one execution whose attempts are read
SILENT_READ = 50  # steps of one execution whose logs are asked
KEPT = 1_000
# what of a row tells when the whole should end
SHORT = ("id", "state", "started_at", "attempt_started_at", "waiting_for")


class Outlook:
    """Expectations of one engine's live executions."""

    def __init__(self, service: Service, logs: LogBook) -> None:
        self.usual = UsualRows()
        self._service = service
        self._logs = logs
        self._silences = Silences(service, logs)
        self._seen: OrderedDict[str, tuple[int, Row]] = OrderedDict()  # when, which facts
        self._due_us: dict[str, int] = {}  # when an execution has to be looked at again

    async def add(self, found: Row) -> None:
        """Put `expected` and `stuck` on an execution, `stuck` on its steps, too."""
        ex = self._service.scheduler.live.get(found["id"])
        found["expected"] = found["stuck"] = None
        if ex is None or ex.state not in ("running", "paused"):
            return
        now_us = self._service.now_us()
        usual, failing = await self._service.reader(lambda history: self._known(history, ex))
        found["expected"] = expected(found, usual, now_us)
        hanging = await self._stuck(ex, usual, failing, now_us)
        by_path = {each["step"]: each for each in hanging}
        for step in found.get("steps", ()):
            if step["path"] in by_path:
                step["stuck"] = by_path[step["path"]]
        found["stuck"] = hanging[0] if hanging else None
        self._keep(ex.id, now_us, {"expected": found["expected"], "stuck": found["stuck"]})

    async def add_to_rows(self, rows: Iterable[Row]) -> None:
        """The same of the live rows of a list, as they were found a moment ago."""
        for row in rows:
            ex = self._service.scheduler.live.get(row["id"])
            if ex is None or ex.state not in ("running", "paused"):
                continue
            now_us = self._service.now_us()
            at_us, facts = self._seen.get(ex.id, (0, {}))
            due_us = self._due_us.get(ex.id, now_us)
            if now_us >= at_us + LOOK_AGAIN_US or at_us < due_us <= now_us:
                short = {key: row[key] for key in SHORT if key in row}
                await self.add(short)
                facts = self._seen[ex.id][1] if ex.id in self._seen else {}
            row |= facts

    def next_look_s(self, ids: Iterable[str]) -> float | None:
        """In how many seconds one of these should be looked at again; None: an event will tell."""
        moments = [self._due_us[id_] for id_ in ids if id_ in self._due_us]
        if not moments:
            return None
        return max(1.0, (min(moments) - self._service.now_us()) / 1e6)

    def _keep(self, id_: str, now_us: int, facts: Row) -> None:
        self._seen[id_] = (now_us, facts)
        self._seen.move_to_end(id_)
        while len(self._seen) > KEPT:
            old, _ = self._seen.popitem(last=False)
            self._due_us.pop(old, None)

    def _known(self, history: History, ex: Execution) -> tuple[Usual, dict[str, list[End]]]:
        """What is usual, and how the attempts of those steps ended that were tried often."""
        sql, failing = queries()["ends_of_step"], {}
        for step in list(stuck.failing_steps(ex))[:FAILING_READ]:
            values = (ex.ord, step.path, ENDS_READ)
            failing[step.path] = [(*row,) for row in history.connection.execute(sql, values)]
        return self.usual.of(history, ex.flow, ex.ord), failing

    async def _stuck(
        self, ex: Execution, usual: Usual, failing: dict[str, list[End]], now_us: int
    ) -> list[Stuck]:
        found = [stuck.same_error(path, ends) for path, ends in failing.items()]
        found.append(stuck.deep(ex))
        silences = await self._usual_silences(ex, usual, now_us)
        quiet = list(stuck.quiet_steps(ex, usual, silences))
        late = [(step, due) for step, due in quiet if due <= now_us][:SILENT_READ]
        dues = [due for _, due in quiet if due > now_us]
        last = await self._last_output(ex, [step for step, _ in late]) if late else {}
        for step, due in late:
            began_us = step.started_at_us or 0
            since_us = max(began_us, last.get(step.path, 0))
            if since_us - began_us + due > now_us:
                dues.append(since_us - began_us + due)
            else:
                found.append(stuck.silent(step.path, since_us, usual, silences, now_us))
        self._due_us.pop(ex.id, None)
        if dues:
            self._due_us[ex.id] = min(dues)
        return [each for each in found if each is not None]

    async def _usual_silences(self, ex: Execution, usual: Usual, now_us: int) -> dict[str, int]:
        """The longest usual silences of the steps that have run for long enough to ask."""
        old = [
            step.path
            for step, due in stuck.quiet_steps(ex, usual, {})
            if now_us - (step.started_at_us or now_us) >= SILENT_LEAST_US
            and due - (step.started_at_us or 0) > SILENT_LEAST_US
        ]
        return await self._silences.of(ex, old[:SILENT_READ]) if old else {}

    async def _last_output(self, ex: Execution, steps: list[StepState]) -> dict[str, int]:
        """When each step printed last, in microseconds; the log's index knows."""
        wanted = {step.attempt_number: step.path for step in steps}
        begin_us = min((step.started_at_us or 0 for step in steps), default=0)
        log = await self._logs.open(ex.ord, ex.id)

        def look(reader: LogReader) -> dict[str, int]:
            found: dict[str, int] = {}
            for _, record in reader.index.backward(reader.index.count - 1):
                if len(found) == len(wanted) or (record and record.time_ns // 1000 < begin_us):
                    break
                path = wanted.get(record.attempt) if record is not None else None
                if record is not None and path is not None:
                    found.setdefault(path, record.time_ns // 1000)
            return found

        return await log.ask(look)
