"""What follows the ends of flows, known before all other triggers: at start some end at once.

Called before recovery, and only where something is to be recovered.
"""

from __future__ import annotations

from typing import Any

from engine.journal import occasions
from engine.journal.database import queries
from engine.journal.history import History, decode
from engine.triggers.arrivals import note_circles
from engine.triggers.keeper import Keeper
from engine.triggers.trigger import from_row


def load_followers(keeper: Keeper, history: History) -> None:
    """Take the `after` triggers back, with the ends that wait for them; `Keeper.load` the rest."""
    rows: list[tuple[Any, ...]] = history.connection.execute(queries()["followers"]).fetchall()
    followers = keeper.by_kind["after"] if rows else {}
    for row in rows:
        followers[row[0]] = keeper.triggers[row[0]] = from_row((*row[:-1], decode(row[-1])))
    for occasion in occasions.waiting(history) if rows else ():
        if occasion[0] in followers:
            followers[occasion[0]].waiting.append(occasion)
    note_circles(followers.values())
