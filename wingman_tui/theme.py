"""Themes: TOML files that give every role of the console a style. Read by the app at start.

A theme names its roles' styles in words (`bold red`, `#80a0ff on #202020`); the widgets know the
roles alone. The shipped ones lie in `themes/` beside this package, an operator's own in `themes/`
of the configuration directory.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.errors import StyleSyntaxError
from rich.style import Style

if TYPE_CHECKING:
    from textual.theme import Theme

SHIPPED = Path(__file__).resolve().parent.parent / "themes"
DEFAULT_THEME = "ansi"
NO_COLOR_THEME = "mono"
COLOURS = ("terminal", "true", "none")

ROLES = (
    "text",
    "muted",
    "strong",
    "heading",
    "brand",
    "accent",
    "focus",
    "key",
    "key_label",
    "cursor",
    "cursor_idle",
    "badge_debug",
    "badge_alert",
    "bar_done",
    "bar_rest",
    "rule",
    "good",
    "warning",
    "error",
    "chip",
    "chip_on",
    "input",
    "input_cursor",
    "dialog",
    "dialog_border",
    "log_time",
    "log_step",
    "match",
    "match_here",
    "code",
    "link",
    "state_queued",
    "state_pending",
    "state_running",
    "state_waiting",
    "state_paused",
    "state_completed",
    "state_partial",
    "state_failed",
    "state_interrupted",
    "state_skipped",
    "state_cancelled",
    "state_reused",
    "level_debug",
    "level_info",
    "level_warning",
    "level_error",
)


class ThemeError(Exception):
    """A theme file is wrong; the message names the file and what is wrong in it."""


@dataclass(frozen=True)
class Palette:
    """One theme, read: a style for each role."""

    name: str
    label: str
    colours: str  # terminal (its own sixteen) | true | none
    dark: bool
    background: str  # `default` is the terminal's own
    styles: dict[str, Style]
    cursors: dict[str, Style]  # what is laid over the selected row

    def __getitem__(self, role: str) -> Style:
        return self.styles[role]

    def selected(self, role: str, cursor: str = "cursor") -> Style:
        """A role's style on the selected row; where that is told by reverse video, it wins."""
        over = self.cursors[cursor]
        if over.reverse:
            return self.styles["text"] + over
        return self.styles[role] + over

    def textual_theme(self) -> Theme:
        """The same for Textual itself, which paints the ground under our widgets."""
        from textual.theme import Theme

        own = self.background == "default"
        ground = "ansi_default" if own else self.background
        text = self.styles["text"].color
        front = "ansi_default" if own or text is None else text.name
        return Theme(
            name=f"wingman-{self.name}",
            ansi=own,
            dark=self.dark,
            primary=front,
            foreground=front,
            background=ground,
            surface=ground,
            panel=ground,
            boost=ground,
            variables={
                "dialog-border": _textual_color(self.styles["dialog_border"], front),
                # Textual's own styles ask for these; nothing of ours is painted with them
                "ansi-background": "ansi_black",
                "ansi-foreground": "ansi_white",
            },
        )


def _textual_color(style: Style, default: str) -> str:
    """The colour of a style in the words of Textual's style sheets."""
    color = style.color
    if color is None or color.is_default:
        return default
    return color.name if color.name.startswith("#") else f"ansi_{color.name}"


def parse_palette(text: str, name: str) -> Palette:
    """The palette that a theme file describes; ThemeError names what is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThemeError(f"theme {name}: {error}") from None
    colours = data.get("colours", "terminal")
    if colours not in COLOURS:
        raise ThemeError(f"theme {name}: colours is one of {', '.join(COLOURS)}")
    styles = _styles(data.get("styles", {}), name)
    return Palette(
        name=name,
        label=str(data.get("label", name)),
        colours=colours,
        dark=bool(data.get("dark", True)),
        background=str(data.get("background", "default")),
        # every style stands on the ground colour of ordinary text
        styles={role: styles["text"] + style for role, style in styles.items()},
        cursors={role: styles[role] for role in ("cursor", "cursor_idle")},
    )


def _styles(words: dict[str, Any], name: str) -> dict[str, Style]:
    unknown = sorted(set(words) - set(ROLES))
    if unknown:
        raise ThemeError(f"theme {name}: unknown roles {', '.join(unknown)}")
    styles: dict[str, Style] = {}
    for role in ROLES:
        try:
            styles[role] = Style.parse(str(words.get(role, "")))
        except StyleSyntaxError as error:
            raise ThemeError(f"theme {name}: {role}: {error}") from None
    return styles


def theme_files(own: Path | None = None) -> dict[str, Path]:
    """Every theme by name: the shipped ones, then an operator's own, which win."""
    files: dict[str, Path] = {}
    for folder in (SHIPPED, own):
        if folder is not None and folder.is_dir():
            files.update({path.stem: path for path in sorted(folder.glob("*.toml"))})
    return files


def load_palette(name: str, own: Path | None = None) -> Palette:
    """The palette of a theme by name; ThemeError lists the names there are."""
    path = _find(name, own)
    if path is None:
        known = ", ".join(theme_files(own))
        raise ThemeError(f"there is no theme {name} (there are: {known})")
    try:
        return parse_palette(path.read_text(encoding="utf-8"), name)
    except (OSError, UnicodeDecodeError) as error:
        raise ThemeError(f"theme {name}: {error}") from None


def _find(name: str, own: Path | None) -> Path | None:
    for folder in (own, SHIPPED):
        path = folder / f"{name}.toml" if folder is not None else None
        if path is not None and path.is_file():
            return path
    return None
