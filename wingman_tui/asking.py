"""What screens ask of the engine and what becomes of the answer. Mixed into the app."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from wingman_tui.typed_ahead import TypedAhead

if TYPE_CHECKING:
    from wingman_tui.lines import Refused

Asked = Coroutine[Any, Any, dict[str, Any]]


class Asking(TypedAhead):
    """The part of the app that sends requests, and tells what has been refused."""

    if TYPE_CHECKING:

        def tell(self, text: str, role: str = "text") -> None:
            """Given by the app: say something in the message line."""

    def _say_given_up(self) -> None:
        self.tell("no answer yet: what was typed meanwhile is not done", "warning")

    def carry_out(
        self,
        request: Asked,
        done: Callable[[dict[str, Any]], None],
        refused: Callable[[], None] = lambda: None,
        *,
        on_refusal: Callable[[Refused], None] | None = None,
        opens: bool = False,
    ) -> None:
        """Send a request; its answer goes to `done`, a refusal to the message line.

        With `on_refusal` it goes there instead. Where the answer `opens` what the next keys are
        meant for, they wait for it.
        """
        release = self.hold_keys() if opens else lambda: None

        async def carry_out() -> None:
            try:
                await self._carry_out(request, done, refused, on_refusal)
            finally:
                release()

        self.run_worker(carry_out(), exit_on_error=True)

    async def _carry_out(
        self,
        request: Asked,
        done: Callable[[dict[str, Any]], None],
        refused: Callable[[], None],
        on_refusal: Callable[[Refused], None] | None,
    ) -> None:
        from wingman_tui.lines import Refused

        try:
            answer = await request
        except Refused as refusal:
            if on_refusal is not None:
                on_refusal(refusal)
                return
            self.tell(str(refusal), "error")
            refused()
            return
        done(answer)
