"""The actions of the scope `global`, one function each: modes, help, theme, engine, leaving."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from wingman_tui.theme import theme_files

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp
    from wingman_tui.screens.base import ModeScreen

INTERRUPT_S = 2.0


def do_flows(app: WingmanApp) -> None:
    """Go to the flows."""
    app.go("flows")


def do_executions(app: WingmanApp) -> None:
    """Go to all executions."""
    app.go("executions")


def do_inbox(app: WingmanApp) -> None:
    """Go to what has failed and not recovered."""
    app.go("inbox")


def do_triggers(app: WingmanApp) -> None:
    """Go to what starts flows by itself."""
    app.go("triggers")


def do_machine(app: WingmanApp) -> None:
    """Go to the machine's gauges."""
    app.go("machine")


def do_audit(app: WingmanApp) -> None:
    """Go to the audit."""
    app.go("audit")


def do_system(app: WingmanApp) -> None:
    """Go to the engine's own state."""
    app.go("system")


def do_help(app: WingmanApp) -> None:
    """Show the help of where we are."""
    app.go("help")


def do_quit(app: WingmanApp) -> None:
    """Leave this view, at the root the console."""
    if not app.back():
        app.exit(0)


def do_leave(app: WingmanApp) -> None:
    """Leave the console."""
    app.exit(0)


def do_interrupt(app: WingmanApp) -> None:
    """Leave when pressed twice."""
    if time.monotonic() - app.interrupted_at < INTERRUPT_S:
        app.exit(0)
    app.interrupted_at = time.monotonic()
    app.tell("ctrl+c again quits the console; the engine goes on", "warning")


def do_start_engine(app: WingmanApp) -> None:
    """Start the engine of this home."""
    if app.session.is_live:
        app.tell("the engine is running")
        return
    app.tell("starting the engine")
    app.run_worker(app.session.start_engine(), exit_on_error=True)


def do_theme(app: WingmanApp) -> None:
    """Change to the next theme."""
    names = list(theme_files(app.settings.themes_folder))
    here = app.view.palette.name
    name = names[(names.index(here) + 1) % len(names)] if here in names else names[0]
    app.change_theme(name)
    keep_theme(app)


def keep_theme(app: WingmanApp) -> None:
    """Remember the theme of the screen, unless it is said elsewhere."""
    app.kept.choose_theme(app.view.palette.name)
    app.keep()
    app.tell(f"theme {app.view.palette.label} ({app.view.palette.name})")


def do_themes(app: WingmanApp) -> None:
    """Choose a theme while it is seen."""
    from wingman_tui.screens.themes import ThemeDialog

    def chosen(name: str | None) -> None:
        if name is not None:
            keep_theme(app)

    names = list(theme_files(app.settings.themes_folder))
    app.push_screen(ThemeDialog(names, app.view.palette.name), chosen)


def do_palette(app: WingmanApp) -> None:
    """Find an action by its name."""
    from wingman_tui.screens.palette import PaletteDialog

    _on_screen(app, lambda screen: app.push_screen(PaletteDialog(screen), screen.perform_chosen))


def do_command(app: WingmanApp) -> None:
    """Ask for a command."""
    from wingman_tui.typed_actions import ask

    _on_screen(app, ask)


def _on_screen(app: WingmanApp, do: Callable[[ModeScreen], object]) -> None:
    """Do something on the mode's screen; one that was opened just now is still being composed."""
    screen = app.shown
    if screen is None:
        app.call_later(_on_screen, app, do)
    else:
        do(screen)


def do_suspend(app: WingmanApp) -> None:
    """Go back to the shell."""
    app.action_suspend_process()


def do_redraw(app: WingmanApp) -> None:
    """Paint the screen anew, whatever it shows now."""
    app.forget_screen()
    app.repaint()
