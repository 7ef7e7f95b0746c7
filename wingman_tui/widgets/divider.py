"""The line between what stands beside each other."""

from __future__ import annotations

from textual.strip import Strip

from wingman_tui.widgets.painted import Painted


class Divider(Painted):
    """One column, as high as what it divides."""

    def render_line(self, y: int) -> Strip:
        """A piece of it."""
        return self.line([(self.view.glyph("│", "|"), "rule")])
