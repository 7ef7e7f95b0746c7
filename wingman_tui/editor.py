"""The operator's own editor on a text: the terminal is lent to it and taken back.

Called by `screens.fixing`. The draft lies in a private folder that goes when the text is back.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

FALLBACKS = ("sensible-editor", "editor", "nano", "vi")
TEXT_LIMIT_BYTES = 4 << 20


class EditorProblem(Exception):
    """The editor could not be used, in words for a person."""


def editor_words(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The command line of $VISUAL, else $EDITOR, else what this machine has."""
    for name in ("VISUAL", "EDITOR"):
        text = environ.get(name, "").strip()
        if text:
            try:
                return shlex.split(text)
            except ValueError as error:
                raise EditorProblem(f"${name} cannot be read: {error}") from error
    for program in FALLBACKS:
        if shutil.which(program):
            return [program]
    raise EditorProblem("no editor was found: set $EDITOR")


def edit(app: WingmanApp, text: str, name: str) -> str:
    """The text as the operator leaves it. Raises EditorProblem; the screen is restored in any case.

    The app stands still meanwhile: what it would paint would go into the editor's screen.
    """
    words = editor_words()
    folder = tempfile.mkdtemp(prefix="wingman-")
    path = os.path.join(folder, name)
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            with app.suspend():  # what is raised in it would leave the app suspended
                problem = _run([*words, path])
        except SuspendNotSupported as error:
            raise EditorProblem("this terminal cannot be lent to an editor") from error
        if problem:
            raise EditorProblem(problem)
        return _read(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(words: list[str]) -> str:
    """Run the editor; what went wrong, or nothing. Ctrl+c is its key now, not ours."""
    name = os.path.basename(words[0])
    # a handler, not SIG_IGN: that would be inherited by the editor
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        code = subprocess.call(words)
    except OSError as error:
        return f"{name} cannot be started: {error.strerror}"
    finally:
        signal.signal(signal.SIGINT, before)
    return f"{name} ended with {code}: nothing was taken over" if code else ""


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(TEXT_LIMIT_BYTES + 1)
    except OSError as error:
        raise EditorProblem(f"the text is gone: {error.strerror}") from error
    if len(data) > TEXT_LIMIT_BYTES:
        raise EditorProblem("the text is too large for a flow file")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise EditorProblem(f"the text is not UTF-8 ({error.reason})") from error
