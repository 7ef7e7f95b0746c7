"""Copying to the clipboard of the terminal, however far away it is: OSC 52, and a file beside it.

Called by the app alone. No terminal answers whether it took the text, and many must be told to, so
that the same text also lies in a file that only its owner can read. Standard library only.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

LIMIT_BYTES = 74_000  # of text: what xterm takes in one sequence, once it is base64
SCREEN_CHUNK = 500  # screen drops a longer string of its own


def sequence(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """What sets the terminal's clipboard; empty where the text is too long for it."""
    data = text.encode("utf-8", "replace")
    if len(data) > LIMIT_BYTES:
        return ""
    plain = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    if environ.get("TMUX"):
        # tmux takes it itself (set-clipboard on), or hands it through (allow-passthrough on)
        return plain + "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("STY"):
        parts = (plain[at : at + SCREEN_CHUNK] for at in range(0, len(plain), SCREEN_CHUNK))
        return "".join(f"\x1bP{part}\x1b\\" for part in parts)
    return plain


def keep(path: str, text: str) -> None:
    """Leave the text in a file for its owner alone; raises OSError."""
    part = f"{path}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    os.replace(part, path)
