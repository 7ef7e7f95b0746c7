"""What failed steps said last, for the failures that tell an exit code alone.

Held by the lists that show failures. Asked when the cursor rests: of the selected one first, then
of those in sight, one after the other, once for each failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wingman_tui.failing import said, says_little
from wingman_tui.merged import key_of

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Row = Mapping[str, Any]
LAST_LINES = 30
KEPT_LIMIT = 500


class Failure(NamedTuple):
    """A failed step of an attempt of an execution, and the row that shows it."""

    row: str  # its key
    execution: str
    step: str
    attempt: Any

    @classmethod
    def of_execution(cls, row: Row) -> Failure | None:
        """The failure of an execution; None where its error says enough."""
        if not says_little(row.get("error")):
            return None
        step = str(row["error"].get("step") or "")
        return cls(key_of(row), str(row["id"]), step, row.get("attempt"))

    @classmethod
    def of_entry(cls, entry: Row) -> Failure | None:
        """The newest failure of an entry of the inbox."""
        if not says_little(entry) or not entry.get("execution"):
            return None
        return cls(str(entry["id"]), str(entry["execution"]), str(entry.get("step") or ""), None)


class LastWords:
    """The last words of failed steps, as far as they have been asked for."""

    def __init__(self, app: WingmanApp, came: Callable[[str], object]) -> None:
        """`came` is told the row whose words are known now."""
        self._app = app
        self._came = came
        self._known: dict[Failure, str] = {}
        self._wanted: list[Failure] = []
        self._is_asking = False

    def of(self, failure: Failure | None) -> str:
        """What the step said, once that is known."""
        return self._known.get(failure, "") if failure is not None else ""

    def ask(self, failures: Sequence[Failure | None]) -> None:
        """Ask for the words of these, in this order, and of no others that were wanted before."""
        if len(self._known) >= KEPT_LIMIT:
            self._known.clear()
        self._wanted = [each for each in failures if each and each not in self._known]
        if not self._is_asking:
            self._ask_next()

    def _ask_next(self) -> None:
        session = self._app.session
        if not self._wanted or not session.is_live:
            return
        failure = self._wanted.pop(0)
        self._known[failure] = ""  # asked once, whatever comes
        self._is_asking = True

        def came(answer: dict[str, Any]) -> None:
            self._is_asking = False
            self._known[failure] = said(answer["lines"])
            if self._known[failure]:
                self._came(failure.row)
            self._ask_next()

        def refused(_: object) -> None:
            self._is_asking = False
            self._ask_next()

        request = session.log_page(failure.execution, step=failure.step, limit=LAST_LINES)
        self._app.carry_out(request, came, on_refusal=refused)
