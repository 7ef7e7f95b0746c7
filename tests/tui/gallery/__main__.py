"""Takes the pictures: `python -m tests.tui.gallery OUT --scenes failed why --sizes 80x24 --themes dark`.

Without a home in WINGMAN_HOME it makes one with executions of every kind, and an engine that it ends.
`OUT` gets an SVG, a text and, where rsvg-convert is installed, a PNG for each. `ansi@light` is the
theme of the terminal's own colours on a light terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI, TerminalTheme
from textual.pilot import Pilot

from engine.paths import Home, home_at
from tests.tui.gallery.history import make_home, stop_engine
from tests.tui.gallery.scenes import SCENES, Scene
from wingman_tui.app import WingmanApp
from wingman_tui.settings import Settings
from wingman_tui.terminal import Terminal

WAIT_S = 15.0
THEMES = ("ansi", "ansi@light", "dark", "light", "mono", "colour-blind", "high-contrast")
SIZES = ("60x15", "80x24", "120x40", "200x50")


def main() -> int:
    """Read the arguments and take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.tui.gallery")
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenes", nargs="*", default=list(SCENES))
    parser.add_argument("--sizes", nargs="*", default=list(SIZES))
    parser.add_argument("--themes", nargs="*", default=["ansi"], help=", ".join(THEMES))
    parser.add_argument("--all", action="store_true", help="every theme")
    words = parser.parse_args()
    words.themes = list(THEMES) if words.all else words.themes
    words.out.mkdir(parents=True, exist_ok=True)
    home, stop = make_home(os.environ.get("WINGMAN_HOME"))
    try:
        for theme in words.themes:
            for size in words.sizes:
                for name in words.scenes:
                    asyncio.run(_take(home, name, size, theme, words.out / f"{name}-{size}-{theme}"))
    finally:
        stop()
    if shutil.which("rsvg-convert"):
        for file in sorted(words.out.glob("*.svg")):
            subprocess.run(["rsvg-convert", file, "-o", file.with_suffix(".png")], check=True)
    return 0


async def _take(home: Home, name: str, size: str, theme: str, out: Path) -> None:
    scene, (columns, _, rows) = SCENES[name], size.partition("x")
    theme, _, ground = theme.partition("@")
    world = home_at(home.root.parent / scene.world) if scene.world else home
    app = WingmanApp(
        world, Settings(theme=theme), Terminal(False, theme == "mono", False),
        reference=scene.open, host="db1",
    )  # fmt: skip
    if scene.world == "never":
        app.session.link.start_engine = _no_engine(app)  # type: ignore[method-assign]
    async with app.run_test(size=(int(columns), int(rows))) as pilot:
        if scene.world == "gone":
            await _rest(app, pilot)
            await asyncio.to_thread(stop_engine, world)
        seen = await _lead(app, pilot, scene)
        if not seen:
            print(f"{out.name}: {scene.sees!r} was not seen", file=sys.stderr)
        out.with_suffix(".txt").write_text(_text(app), "utf-8")
        out.with_suffix(".svg").write_text(_picture(app, ground), "utf-8")


def _no_engine(app: WingmanApp) -> Callable[[], Coroutine[None, None, None]]:
    """An engine that cannot be started."""

    async def fails() -> None:
        app.session.link.problem = "the engine did not start: its home is on a full disk"
        app.connection_changed()

    return fails


async def _lead(app: WingmanApp, pilot: Pilot[Any], scene: Scene) -> bool:
    await _rest(app, pilot)
    for key in scene.keys.split():
        await pilot.press(key)
        await _rest(app, pilot)
    waited = 0.0
    while scene.sees not in _text(app) and waited < WAIT_S:
        await pilot.pause(0.1)
        waited += 0.1
    await pilot.pause(0.4)
    return waited < WAIT_S


async def _rest(app: WingmanApp, pilot: Pilot[Any]) -> None:
    waited = 0.0
    while not (app.session.is_live or app.session.problem) and waited < WAIT_S:
        await pilot.pause(0.05)
        waited += 0.05
    await pilot.pause(0.05)


def _text(app: WingmanApp) -> str:
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


def _picture(app: WingmanApp, ground: str) -> str:
    theme: TerminalTheme = DEFAULT_TERMINAL_THEME if ground == "light" else MONOKAI
    console = Console(
        width=app.size.width, height=app.size.height, file=io.StringIO(), force_terminal=True,
        color_system="truecolor", record=True, legacy_windows=False, safe_box=False,
    )  # fmt: skip
    console.print(
        app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    )
    picture = console.export_svg(title="wingman", theme=theme)
    return picture.replace("<text ", '<text xml:space="preserve" ')


if __name__ == "__main__":
    sys.exit(main())
