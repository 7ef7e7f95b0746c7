"""Opens the console: `python -m wingman_tui [REF]`; the `wingman` command runs it without a word.

Checks that there is a terminal to draw on, and gives it back as it was whatever happens.
"""

from __future__ import annotations

import gc
import os
import sys

FRAMES_S = "250"  # at most: what a key changes in two steps is drawn 4 to 8 ms apart
# a frame makes some thousand short-lived objects, hardly any of them in cycles
COLLECTED = (5_000, 20, 50)


def main(arguments: list[str] | None = None) -> int:
    """Run the console; its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) > 1 or (arguments and arguments[0].startswith("-")):
        return _fail("usage: python -m wingman_tui [EXECUTION]", 2)
    from wingman_tui.terminal import Keeper, reason_not_to_start

    reason = reason_not_to_start()
    if reason:
        return _fail(f"wingman: {reason}", 2)
    keeper = Keeper()
    try:
        return _run(arguments[0] if arguments else "")
    except KeyboardInterrupt:  # where ssh asks for something
        return 130
    finally:
        keeper.restore()


def _run(reference: str) -> int:
    os.environ.setdefault("TEXTUAL_FPS", FRAMES_S)  # read when Textual is imported
    gc.disable()  # what is imported stays
    from engine.client.console import WingmanError, find_home, log_in
    from wingman_tui.early import EarlyLook

    home = find_home()
    try:
        log_in()
    except WingmanError as error:
        return _fail(f"wingman: {error.message}\n  {error.hint}".rstrip(), error.exit_code)
    early = EarlyLook(home)
    early.start()
    from wingman_tui.keys import KeymapError
    from wingman_tui.settings import SettingsError, load_settings
    from wingman_tui.terminal import look_at_terminal
    from wingman_tui.theme import ThemeError

    terminal = look_at_terminal()
    try:
        settings = load_settings(home.config_file)
        from wingman_tui.app import WingmanApp

        app = WingmanApp(home, settings, terminal, reference=reference, early=early)
    except (SettingsError, KeymapError, ThemeError, WingmanError) as error:
        return _fail(f"wingman: {error}", 2)
    gc.freeze()
    gc.set_threshold(*COLLECTED)
    gc.enable()
    mouse = not terminal.over_ssh if settings.mouse is None else settings.mouse
    code = app.run(mouse=mouse)
    return code if code is not None else app.return_code or 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
