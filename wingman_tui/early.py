"""Finds or starts the engine and asks for the first rows while the console still imports Textual.

Started by `__main__` before anything heavy, so that the first paint shows data; the feed, whose
import takes longer than all of this, takes over a moment later. Imports the light client alone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from engine.client.console import WingmanError, ensure_engine

if TYPE_CHECKING:
    from engine.client.console import Home

FIRST_ROWS = 60


class EarlyLook(threading.Thread):
    """One attempt; `answer` holds the first rows when it is over, or `problem` says why not."""

    def __init__(self, home: Home) -> None:
        super().__init__(name="early-look", daemon=True)
        self._home = home
        self.answer: dict[str, Any] | None = None
        self.problem: WingmanError | None = None

    def run(self) -> None:
        """Ask."""
        try:
            client = ensure_engine(self._home)
            try:
                self.answer = client.request("GET", f"/v1/executions?limit={FIRST_ROWS}")
            finally:
                client.close()
        except WingmanError as error:
            self.problem = error
        except OSError as error:
            self.problem = WingmanError(f"the engine cannot be reached: {error}")

    def snapshot(self) -> dict[str, Any] | None:
        """The rows as the first frame of a window; None before they are there."""
        if self.answer is None:
            return None
        rows = self.answer.get("executions") or []
        return {
            "kind": "snapshot",
            "rows": rows,
            "order": [row["id"] for row in rows],
            "total": len(rows),
            "total_exact": not self.answer.get("next"),
            "offset": 0,
        }
