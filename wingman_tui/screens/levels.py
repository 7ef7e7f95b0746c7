"""The keys for how bad a line of a log must be to be shown. Mixed into screens with such a log."""

from __future__ import annotations


class Levels:
    """The four levels, by their actions."""

    def set_level(self, level: str) -> None:
        """Show lines of this level and worse; the screen says how."""
        raise NotImplementedError

    def do_level_debug(self) -> None:
        """Every line."""
        self.set_level("debug")

    def do_level_info(self) -> None:
        """Info and worse."""
        self.set_level("info")

    def do_level_warning(self) -> None:
        """Warnings and errors."""
        self.set_level("warning")

    def do_level_error(self) -> None:
        """Errors alone."""
        self.set_level("error")
