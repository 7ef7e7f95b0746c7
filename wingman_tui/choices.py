"""What the operator has chosen and the app paints and filters by: the theme, the named filters.

Mixed into the app; where it is written down is `kept.py`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App

from wingman_tui.filters import usual
from wingman_tui.theme import (
    DEFAULT_THEME,
    NO_COLOR_THEME,
    Palette,
    ThemeError,
    load_palette,
)

if TYPE_CHECKING:
    from wingman_tui.kept import Kept
    from wingman_tui.settings import Settings
    from wingman_tui.view import View


def first_palette(settings: Settings, kept: Kept, no_color: bool) -> Palette:
    """What the settings say, else what was chosen last, if it is still there."""
    if no_color or settings.theme:
        name = NO_COLOR_THEME if no_color else settings.theme or ""
        return load_palette(name, settings.themes_folder)
    try:
        return load_palette(kept.theme or DEFAULT_THEME, settings.themes_folder)
    except ThemeError:
        return load_palette(DEFAULT_THEME, settings.themes_folder)


class Choices(App[int]):
    """The part of the app that knows them."""

    settings: Settings
    kept: Kept
    view: View

    if TYPE_CHECKING:

        def tell(self, text: str, role: str = "text") -> None:
            """Given by the app: say something in the message line."""

    def use_palette(self) -> None:
        """Tell Textual the colours of the palette."""
        theme = self.view.palette.textual_theme()
        self.register_theme(theme)
        self.theme = theme.name

    def begin_with_palette(self) -> None:
        """The same before anything is styled: the style sheet is read once."""
        theme = self.view.palette.textual_theme()
        self.register_theme(theme)
        self.set_reactive(App.theme, theme.name)
        self._refresh_truecolor_filter(self.ansi_theme)  # colours stay those of the terminal

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our style sheet asks for, until the palette's theme is set."""
        return {"dialog-border": "ansi_default"}

    def change_theme(self, name: str) -> None:
        """Paint by another theme from now on."""
        try:
            self.view.change(palette=load_palette(name, self.settings.themes_folder))
        except ThemeError as error:
            self.tell(str(error), "error")
            return
        self.use_palette()
        self.repaint()

    def repaint(self) -> None:
        """Paint every widget of the screen again."""
        for screen in self.screen_stack:
            for widget in screen.walk_children(with_self=True):
                widget.refresh()

    # filters

    @property
    def named_filters(self) -> dict[str, str]:
        """The usual ones, those of `config.toml`, and those that were named here."""
        usual_ones = usual(self.view.now(), self.view.zone)
        return {**usual_ones, **self.settings.filters, **self.kept.filters}

    def unforgettable(self, name: str) -> str:
        """Why a filter's name cannot be forgotten, in words."""
        own = ", ".join(sorted(self.kept.filters))
        there = f"; there are {own}" if own else ""
        if name in self.settings.filters:
            return f"@{name} is named in config.toml: it is taken out there"
        if name in self.named_filters:
            return f"@{name} is there from the beginning: only what was saved is forgotten{there}"
        return f"no filter is named {name}{there}"

    def keep(self) -> None:
        """Write down what is kept from one day to the next."""
        self.run_worker(self.kept.save, thread=True)
