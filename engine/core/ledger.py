"""Who holds what of shared resources and who waits for it, over all executions. Pure.

A ledger is no second truth: `Turn.emit` makes it agree with a step's state after each event, and a
restarted engine makes it anew from the executions that it takes back. So nobody holds a slot whose
step does not run, whatever has died. Served in the order of asking; who could start, but for a
slot, is not passed by anybody who came later and wants the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.core.state import Execution, StepState

NAMED_LIMIT = 3
DEFAULT_MAX_PARALLEL = 32

Key = tuple[str, str]  # an execution's id, a step's path


class Claim(NamedTuple):
    """What one step wants, or has, of some pools."""

    execution: Execution
    step: StepState
    wants: Mapping[str, int]
    since_us: int

    @property
    def key(self) -> Key:
        return (self.execution.id, self.step.path)

    @property
    def name(self) -> str:
        return f"{self.execution.flow}#{self.execution.number} {self.step.path}"

    @property
    def may_start(self) -> bool:
        """Whether only a slot is missing: who waits for something else as well lets others pass."""
        ex = self.execution
        return ex.state == "running" and ex.in_hands < max_parallel(ex)


class Obstacle(NamedTuple):
    """Why a claim is not granted: the first pool that has no room for it."""

    pool: str
    wanted: int
    capacity: int | None  # None: there is no such pool
    used: int
    holders: list[Claim]
    ahead: Claim | None  # the first who waits before it

    def words(self) -> str:
        """The obstacle in a sentence that stays true: without ages."""
        if self.capacity is None:
            return f"there is no pool {self.pool}: add it under [pools] in config.toml"
        if self.wanted > self.capacity:
            return (
                f"pool {self.pool} has {self.capacity} slots, and {self.wanted} are wanted: "
                "raise it under [pools] in config.toml"
            )
        taken = f"pool {self.pool}: {self.used} of {self.capacity} slots taken"
        if self.holders:
            taken += f" by {_named(self.holders)}"
        return taken + (f"; {self.ahead.name} is before it" if self.ahead else "")


def _named(claims: list[Claim]) -> str:
    names = ", ".join(claim.name for claim in claims[:NAMED_LIMIT])
    more = len(claims) - NAMED_LIMIT
    return f"{names} and {more} more" if more > 0 else names


def max_parallel(ex: Execution) -> int:
    """How many steps of an execution may run at once."""
    return ex.definition["max_parallel"] or DEFAULT_MAX_PARALLEL


@dataclass(slots=True)
class Ledger:
    """Holders and waiters of every pool."""

    capacities: Mapping[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    held: dict[Key, Claim] = field(default_factory=dict)
    holders: dict[str, dict[Key, Claim]] = field(default_factory=dict)  # by pool
    waiting: dict[Key, Claim] = field(default_factory=dict)  # in the order of asking
    queues: dict[str, dict[Key, Claim]] = field(default_factory=dict)  # the same, by pool

    def note(self, ex: Execution, step: StepState) -> None:
        """Agree with the state of a step: holding while it runs, waiting, or neither."""
        wants = step.definition["pools"]
        if not wants or step.is_group:  # it is its batches that hold slots
            return
        key = (ex.id, step.path)
        if step.state == "running":
            self._stop_waiting(key)
            self._hold(Claim(ex, step, wants, step.started_at_us or 0))
        elif step.pool_wait is not None:
            self._release(key)
            if key not in self.waiting:
                self._wait(Claim(ex, step, wants, step.pool_wait[1]))
        else:
            self._release(key)
            self._stop_waiting(key)

    def adopt(self, executions: Iterable[Execution]) -> None:
        """Begin with what these executions hold and wait for, in the order in which they asked."""
        steps = [
            (ex, step)
            for ex in executions
            for step in ex.steps.values()
            if step.definition["pools"] and (step.state == "running" or step.pool_wait)
        ]
        steps.sort(
            key=lambda each: ((each[1].pool_wait or ("", 0))[1], each[0].ord, each[1].pool_place)
        )
        for ex, step in steps:
            self.note(ex, step)

    def forget(self, ex: Execution) -> None:
        """An execution has left memory."""
        for step in ex.steps.values():
            if step.definition["pools"]:
                self._release((ex.id, step.path))
                self._stop_waiting((ex.id, step.path))

    def _hold(self, claim: Claim) -> None:
        if claim.key in self.held:
            return
        self.held[claim.key] = claim
        for pool, wanted in claim.wants.items():
            self.holders.setdefault(pool, {})[claim.key] = claim
            self.used[pool] = self.used.get(pool, 0) + wanted

    def _release(self, key: Key) -> None:
        claim = self.held.pop(key, None)
        for pool, wanted in claim.wants.items() if claim else ():
            del self.holders[pool][key]
            self.used[pool] -= wanted

    def _wait(self, claim: Claim) -> None:
        self.waiting[claim.key] = claim
        for pool in claim.wants:
            self.queues.setdefault(pool, {})[claim.key] = claim

    def _stop_waiting(self, key: Key) -> None:
        claim = self.waiting.pop(key, None)
        for pool in claim.wants if claim else ():
            del self.queues[pool][key]

    def is_possible(self, claim: Claim) -> bool:
        """Whether the pools are large enough, were they free."""
        return all(n <= self.capacities.get(pool, 0) for pool, n in claim.wants.items())

    def obstacle(self, claim: Claim) -> Obstacle | None:
        """What keeps a claim from being granted now; None when nothing does."""
        for pool, wanted in claim.wants.items():
            capacity, used = self.capacities.get(pool), self.used.get(pool, 0)
            full = capacity is None or used + wanted > capacity
            ahead = self._ahead(pool, claim.key)
            if full or ahead is not None:
                holders = list(self.holders.get(pool, {}).values())
                return Obstacle(pool, wanted, capacity, used, holders, ahead)
        return None

    def _ahead(self, pool: str, key: Key) -> Claim | None:
        """The first who waits for a pool before this one, and could start."""
        for other, claim in self.queues.get(pool, {}).items():
            if other == key:
                break
            if claim.may_start and self.is_possible(claim):
                return claim
        return None

    def grantable(self) -> list[Claim]:
        """The waiting claims that may be granted now, in their order."""
        free = {pool: n - self.used.get(pool, 0) for pool, n in self.capacities.items()}
        closed: set[str] = set()  # someone waits there, who must not be passed
        wanted = {pool for pool, queue in self.queues.items() if queue}
        found = []
        for claim in self.waiting.values():
            if closed >= wanted:
                break
            if not self.is_possible(claim) or not claim.may_start:
                continue
            if closed.isdisjoint(claim.wants) and all(
                free[pool] >= n for pool, n in claim.wants.items()
            ):
                found.append(claim)
                for pool, n in claim.wants.items():
                    free[pool] -= n
            else:
                closed.update(claim.wants)
        return found
