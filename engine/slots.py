"""The engine's side of pools: their capacities from `config.toml`, and who is offered a free slot.

Owned by the scheduler. The configuration is looked at again when an execution starts, when somebody
asks, and every two seconds while a step waits; a faulty one changes nothing and is told.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.config import read_config
from engine.core.ledger import Claim, Ledger, Obstacle
from engine.core.state import Execution, StepState
from engine.errors import UsageError
from engine.model import SECTIONS
from engine.times import to_text

LOOK_AGAIN_S = 2.0

Row = dict[str, Any]


class Slots:
    """The pools of one engine."""

    def __init__(
        self,
        config_file: Path,
        offer: Callable[[Execution, list[str]], object],
        log: Callable[[str], None],
    ) -> None:
        self.ledger = Ledger()
        self.problem = ""  # what is wrong with the configuration now
        self._config_file = config_file
        self._offer = offer
        self._log = log
        self._seen: tuple[int, int, int] | None = None
        self._looks_again = self._offers_soon = False
        self.refresh()

    # -- capacities ------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the capacities where the configuration's file has changed."""
        try:
            status = os.stat(self._config_file)
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            seen = (0, 0, 0)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            capacities = read_config(self._config_file).pools
        except UsageError as error:
            self.problem = error.message
            self._log(f"the pools stay as they were: {error.message}")
            return
        self.problem = ""
        if capacities != self.ledger.capacities:
            self.ledger.capacities = capacities
            self.changed()

    def check(self, compiled: Row) -> None:
        """Refuse a flow whose steps could never start. Raises UsageError with all misses."""
        if not any(step["pools"] for step in _steps(compiled)):
            return
        self.refresh()
        misses = missing_pools(compiled, self.ledger.capacities)
        if misses:
            raise UsageError("; ".join(misses), hint_of(self._config_file))

    # -- offering --------------------------------------------------------------------------

    def changed(self) -> None:
        """Something has moved: offer free slots to those that wait, at the end of this turn."""
        if not self.ledger.waiting:
            return
        loop = asyncio.get_running_loop()
        if not self._offers_soon:
            self._offers_soon = True
            loop.call_soon(self._offer_all)
        if not self._looks_again:
            self._looks_again = True
            loop.call_later(LOOK_AGAIN_S, self._look_again)

    def _offer_all(self) -> None:
        self._offers_soon = False
        by_execution: dict[str, list[Claim]] = {}
        for claim in self.ledger.grantable():
            by_execution.setdefault(claim.execution.id, []).append(claim)
        for claims in by_execution.values():
            self._offer(claims[0].execution, [claim.step.path for claim in claims])

    def _look_again(self) -> None:
        self._looks_again = False
        if self.ledger.waiting:
            self.refresh()
            self._looks_again = True
            asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._look_again)

    # -- telling ---------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """Every pool that there is or that somebody wants: wire.Pool."""
        self.refresh()
        ledger = self.ledger
        wanted = [pool for pool, queue in ledger.queues.items() if queue]
        held = [pool for pool, claims in ledger.holders.items() if claims]
        return [
            {
                "name": pool,
                "capacity": ledger.capacities.get(pool),
                "used": ledger.used.get(pool, 0),
                "holders": claim_rows(ledger.holders.get(pool, {}).values(), pool),
                "waiters": claim_rows(ledger.queues.get(pool, {}).values(), pool),
            }
            for pool in sorted({*ledger.capacities, *wanted, *held})
        ]

    def obstacle(self, ex: Execution, step: StepState) -> Obstacle | None:
        """What a step that waits for a pool waits for now."""
        if step.pool_wait is None:
            return None
        return self.ledger.obstacle(Claim(ex, step, step.definition["pools"], step.pool_wait[1]))

    def explain(self, ex: Execution, waiting: Row | None) -> Row | None:
        """What an execution waits for, with who holds it now."""
        step = ex.steps.get(waiting.get("step") or "") if waiting else None
        obstacle = self.obstacle(ex, step) if step else None
        if waiting is None or obstacle is None:
            return waiting
        return {
            **waiting,
            "pool": obstacle.pool,
            "reason": obstacle.words(),
            "holders": claim_rows(obstacle.holders, obstacle.pool),
        }


def claim_rows(claims: Any, pool: str) -> list[Row]:
    """Claims on a pool as wire.Claim."""
    return [
        {
            "execution": claim.execution.id,
            "flow": claim.execution.flow,
            "number": claim.execution.number,
            "step": claim.step.path,
            "slots": claim.wants[pool],
            "since": to_text(claim.since_us),
        }
        for claim in claims
    ]


def _steps(compiled: Row) -> list[Row]:
    return [step for section in SECTIONS for step in compiled[section]]


def missing_pools(compiled: Row, capacities: Any) -> list[str]:
    """In words, each pool of a flow that is not there or too small."""
    wanted: dict[str, int] = {}
    for step in _steps(compiled):
        for pool, n in step["pools"].items():
            wanted[pool] = max(n, wanted.get(pool, 0))
    misses = []
    for pool, n in wanted.items():
        if pool not in capacities:
            misses.append(f"there is no pool `{pool}`")
        elif n > capacities[pool]:
            misses.append(f"pool `{pool}` has {capacities[pool]} slots, and a step wants {n}")
    return misses


def hint_of(config_file: Path) -> str:
    return f"set it under [pools] in {config_file}, such as db = 4; no restart is needed"
