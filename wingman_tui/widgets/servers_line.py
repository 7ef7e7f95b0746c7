"""The line above the lists of several servers: each one, who we are there, whether it answers."""

from __future__ import annotations

from textual.strip import Strip

from wingman_tui.format import age, count
from wingman_tui.link import Link
from wingman_tui.merged import Merged
from wingman_tui.sanitise import clean
from wingman_tui.view import Part
from wingman_tui.widgets.painted import Painted


class ServersLine(Painted):
    """One entry a server; that of the selected execution stands out."""

    def render_line(self, y: int) -> Strip:
        """As much of each as there is room for."""
        for words in (2, 1, 0):
            parts: list[Part] = []
            for link in self.console_app.session.links:
                parts += self._entry(link, words)
            if sum(len(text) for text, _ in parts) <= self.size.width:
                break
        return self.line(parts)

    def _entry(self, link: Link, words: int) -> list[Part]:
        """Name and state; then who we are, then how many executions there are."""
        app = self.console_app
        is_shown = link.name in app.session.shown
        name = clean(link.name)
        role = "badge_alert" if link.is_production else "strong" if is_shown else "muted"
        mark = self.view.glyph("▸", ">") if link is app.session.link else " "
        name += " PRODUCTION" if link.is_production and words else ""
        parts: list[Part] = [(mark, "key"), (name, role), (" ", "text")]
        if not is_shown:
            parts.append(("hidden", "muted"))
        elif link.is_live:
            parts.append((self.view.glyph("●", "*"), "good"))
        elif link.last_seen is None:
            parts.append(("no answer" if link.problem else "connecting", "warning"))
        else:
            gone = age(self.view.clock() - link.last_seen)
            parts.append((f"{self.view.glyph('✗', 'x')} gone {gone}", "badge_alert"))
        if words > 0 and link.me:
            parts.append((clean(f" {link.me.get('user', '')}:{link.role}"), "muted"))
        held = app.executions
        if words > 1 and is_shown and isinstance(held, Merged) and link.name in held.parts:
            window = held.parts[link.name].window
            parts.append((f" {count(window.total)}{'' if window.total_exact else '+'}", "text"))
        return [*parts, ("  ", "text")]
