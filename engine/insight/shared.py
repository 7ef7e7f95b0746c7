"""What a step waits for that others hold: the causes for `why`. Pure; called by `explain`."""

from __future__ import annotations

from engine.core import groups
from engine.core.ledger import Obstacle
from engine.insight.answer import NAMED_LIMIT, Cause
from engine.times import to_text


def group_causes(obstacle: groups.Obstacle) -> list[Cause]:
    """Who holds a concurrency group and who is before, since when."""
    causes = [
        Cause(
            groups.name_of(holder),
            f"holds it, and {'ends now' if holder.cancelling else f'is {holder.state}'}",
            1,
            to_text(holder.attempt_started_at_us),
        )
        for holder in obstacle.holders[:NAMED_LIMIT]
    ]
    if obstacle.ahead is not None:
        since = to_text(obstacle.ahead.group_since_us)
        causes.append(Cause(groups.name_of(obstacle.ahead), "waits before it", 1, since))
    return causes


def slot_causes(path: str, obstacle: Obstacle, since_us: int) -> list[Cause]:
    """That a step waits for a pool, who holds it and who is before it, since when."""
    causes = [Cause(path, obstacle.words(), 1, to_text(since_us))]
    for claim in obstacle.holders[:NAMED_LIMIT]:
        held = claim.wants[obstacle.pool]
        what = f"holds {held} of pool {obstacle.pool}"
        causes.append(Cause(claim.name, what, 2, to_text(claim.since_us)))
    if obstacle.ahead is not None:
        since = to_text(obstacle.ahead.since_us)
        causes.append(Cause(obstacle.ahead.name, "waits before it", 2, since))
    return causes
