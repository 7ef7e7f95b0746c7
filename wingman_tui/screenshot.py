"""Makes a picture of the console, without a terminal: `python -m wingman_tui.screenshot OUT.svg`.

    python -m wingman_tui.screenshot docs/console.svg --size 120x32 --theme dark --keys e enter

It opens the console on the engine of this home, presses the keys, waits until the screen rests and
writes what it shows as SVG. The README's picture is made so.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from engine.client.console import find_home
from wingman_tui.app import WingmanApp
from wingman_tui.settings import Settings
from wingman_tui.terminal import Terminal

REST_S = 1.0
WAIT_S = 20.0


async def take(app: WingmanApp, size: tuple[int, int], keys: list[str]) -> str:
    """The console after some keys, as SVG."""
    async with app.run_test(size=size) as pilot:
        waited = 0.0
        while not app.session.is_live and waited < WAIT_S:
            await pilot.pause(0.1)
            waited += 0.1
        await pilot.pause(REST_S)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(REST_S)
        app.mode_screen.forget_message()
        await pilot.pause()
        return app.export_screenshot(title="wingman")


def main() -> int:
    """Read the arguments and write the picture."""
    parser = argparse.ArgumentParser(prog="python -m wingman_tui.screenshot")
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="120x32", help="columns x rows")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--host", default=None, help="the name shown instead of this machine's")
    parser.add_argument("--keys", nargs="*", default=[], help="keys to press, such as down enter f")
    words = parser.parse_args()
    columns, _, rows = words.size.partition("x")
    app = WingmanApp(
        find_home(), Settings(theme=words.theme), Terminal(False, False, False), host=words.host
    )
    picture = asyncio.run(take(app, (int(columns), int(rows)), words.keys))
    # viewers collapse blanks without this
    words.out.write_text(picture.replace("<text ", '<text xml:space="preserve" '), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
