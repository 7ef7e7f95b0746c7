"""Where a flow's file lies on this server, and how it is replaced: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import stat

from engine.errors import Conflict, UsageError
from engine.flowfile.names import FLOW_NAME
from engine.request import present_text

NEW_MODE = 0o600


def place_of(folder: str, name: str, present: str | None) -> str:
    """The path of a flow's file: where it is, else a new one in the flow folder.

    Raises UsageError for what is no flow's name, Conflict for what must not be written through.
    """
    if not re.fullmatch(FLOW_NAME, name):
        raise UsageError(
            f"{name[:64]!r} is no name of a flow",
            "lower case letters, digits, `.`, `_`, `-`, at most 64",
        )
    if present is None:
        path = os.path.join(folder, f"{name}.yaml")
        for taken in (path, os.path.join(folder, f"{name}.yml")):
            if os.path.lexists(taken):
                what = "a symbolic link" if os.path.islink(taken) else "of another flow"
                raise Conflict(f"{taken} is there already and {what}", "move it away first")
        return path
    if os.path.islink(present):
        raise Conflict(
            f"{present} is a symbolic link to {os.path.realpath(present)}",
            "what it leads to is kept by somebody else: change it there",
        )
    return present


def replace_file(path: str, text: bytes, expected: bytes | None) -> None:
    """Put the text in the place of the file, if it still is as expected. Raises OSError.

    Without an expected text there must be no file yet.
    """
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    if expected is None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = os.path.join(folder, f".{os.path.basename(path)}.{os.urandom(6).hex()}")
    mode = NEW_MODE if expected is None else stat.S_IMODE(os.stat(path).st_mode)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if expected is None:
            os.link(temporary, path)  # unlike a rename, it takes no file's place
        elif present_text(path) != expected:
            raise OSError("it has changed just now")
        else:
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
