"""The lines that frame every screen: status on top; message and keys at the bottom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from wingman_tui import looks
from wingman_tui.format import count, fit, fit_middle
from wingman_tui.keymap import Action
from wingman_tui.keys import key_name
from wingman_tui.machine import share_role
from wingman_tui.view import Part, fitted
from wingman_tui.widgets.painted import Painted

NOTICE_S = 6.0
GAUGES = (("cpu", "cpu"), ("mem", "memory"))
COUNTED = ("running", "waiting", "queued", "paused", "failed")


@dataclass
class Status:
    """What the top line tells."""

    host: str = ""
    title: Sequence[str] = ()  # where you are, from the outside in
    connection: Part = ("connecting", "muted")
    server: str = ""  # one far away, and who we are there
    production: bool = False
    read_only: bool = False  # nothing can be changed there
    counts: dict[str, int] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)  # percent of the machine that are in use
    debugged: list[str] = field(default_factory=list)


class StatusBar(Painted):
    """Where you are, what is debugged, how much runs, and whether it is the present."""

    def __init__(self, status: Callable[[], Status]) -> None:
        super().__init__()
        self._status = status

    def render_line(self, y: int) -> Strip:
        """The line, what matters least leaving first where it is narrow."""
        status = self._status()
        badge = [*self._server(status), *self._badge(status)]
        counts, connection = self._counts(status), self._line(status)
        arrow = self.view.glyph(" › ", " > ")
        brand: list[Part] = [(" WINGMAN ", "brand"), ("  ", "text")]
        # from the outside in, so that what is opened stays in sight longest
        titles: list[list[Part]] = [
            [(arrow.join(status.title[outer:]), "strong")] for outer in range(len(status.title))
        ]
        title: list[Part] = titles[0] if titles else []
        edge: list[Part] = [(" ", "text")]
        everything, less = [*badge, *counts, *connection], [*badge, *connection]
        gauges = [*badge, *counts, *self._gauges(status), *connection]
        for left, right in (
            ([*brand, *title], gauges), ([*brand, *title], everything),
            ([*edge, *title], everything),
            *(([*edge, *shorter], less) for shorter in titles), (edge, less),
        ):  # fmt: skip
            room = self.size.width - _cells(left) - _cells(right)
            if room >= 2:
                break
        if left is edge and status.title:  # the name alone is too long: both its ends are seen
            name = fit_middle(status.title[-1], max(0, room - 2)).rstrip()
            left, room = [*edge, (name, "strong")], room - cell_len(name)
        return self.line([*left, (" " * max(0, room), "text"), *right])

    def _server(self, status: Status) -> list[Part]:
        if not status.server:
            return []
        name: Part = (f" {status.server} ", "badge_alert" if status.production else "brand")
        marks: list[Part] = [("PRODUCTION ", "badge_alert")] if status.production else []
        marks += [("READ-ONLY ", "badge_debug")] if status.read_only else []
        return [name, *marks, ("  ", "text")]

    def _badge(self, status: Status) -> list[Part]:
        if not status.debugged:
            return []
        more = f" +{len(status.debugged) - 1}" if len(status.debugged) > 1 else ""
        return [
            (f" DEBUG {fit(status.debugged[0], 20).rstrip()}{more} ", "badge_debug"),
            ("  ", "text"),
        ]

    def _counts(self, status: Status) -> list[Part]:
        parts: list[Part] = []
        for state in COUNTED:
            number = status.counts.get(state, 0)
            if number:
                look = looks.look_of(state)
                parts.append((f"{look.sign(self.view.ascii_only)} {count(number)}", look.role))
                parts.append(("  ", "text"))
        return parts

    def _gauges(self, status: Status) -> list[Part]:
        parts: list[Part] = []
        for word, name in GAUGES:
            share = status.shares.get(name)
            if share is not None:
                parts += [(f"{word} {share}%", share_role(share / 100)), ("  ", "text")]
        return parts

    def _line(self, status: Status) -> list[Part]:
        host: list[Part] = [(f"{status.host} ", "muted")] if self.size.width >= 100 else []
        return [*host, status.connection, (" ", "text")]


class MessageLine(Painted):
    """The one line that answers: what happened, else what is known of the selected row."""

    def __init__(self, about: Callable[[], Sequence[Part]]) -> None:
        super().__init__()
        self._about = about
        self._notice: Part | None = None
        self._expiry: Timer | None = None

    def tell(self, text: str, role: str) -> None:
        """Show a message: an error until a key is pressed, anything else for a while."""
        self._notice = (text, role)
        self.refresh()
        if self._expiry is not None:
            self._expiry.stop()
            self._expiry = None
        if role != "error":
            self._expiry = self.set_timer(NOTICE_S, self.forget)

    def forget(self) -> None:
        """Show what is known of the selection again."""
        if self._notice is not None:
            self._notice = None
            self.refresh()

    @property
    def notice(self) -> str:
        """The message that is shown now."""
        return self._notice[0] if self._notice else ""

    def render_line(self, y: int) -> Strip:
        """The message, or the selection's own line."""
        parts = [self._notice] if self._notice else list(self._about())
        return self.line([(" ", "text"), *fitted(parts, self.size.width - 2)])


class KeyBar(Painted):
    """What can be pressed here: seven hints at most, help last; each can be clicked."""

    class Pressed(Message):
        """A hint was clicked."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    def __init__(
        self,
        hints: Callable[[], Sequence[Action]],
        applies: Callable[[Action], bool] = lambda action: True,
    ) -> None:
        """What does not apply to what is selected keeps its place, and steps back."""
        super().__init__()
        self._hints = hints
        self._applies = applies

    def _shown(self) -> list[tuple[Action, str, str]]:
        """The hints that fit, with key and label; help always does."""
        actions = list(self._hints())
        texts = [(a, key_name(a.keys[0], self.view.ascii_only), a.label) for a in actions]
        while len(texts) > 1 and sum(_hint_cells(hint) for hint in texts) > self.size.width:
            texts.pop(-2)
        return texts

    def render_line(self, y: int) -> Strip:
        """The hints."""
        parts: list[Part] = []
        for action, key, label in self._shown():
            roles = ("key", "key_label") if self._applies(action) else ("muted", "muted")
            parts += [(f" {key}", roles[0]), (f" {label} ", roles[1])]
        return self.line(parts)

    def on_click(self, event: events.Click) -> None:
        """Press what is under the pointer."""
        x = 0
        for hint in self._shown():
            x += _hint_cells(hint)
            if event.x < x:
                self.post_message(self.Pressed(hint[0]))
                return


def _hint_cells(hint: tuple[Action, str, str]) -> int:
    return cell_len(hint[1]) + cell_len(hint[2]) + 3


def _cells(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)
