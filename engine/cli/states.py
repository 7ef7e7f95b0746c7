"""How a state looks: glyph, word, colour; and the exit code of an execution that ended so."""

from __future__ import annotations

from engine.cli.terminal import has_glyphs, paint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

# state: glyph (one cell, no emoji form), its ASCII twin, styles
LOOKS = {
    "queued": ("○", ".", ()),
    "pending": ("·", ".", ("dim",)),
    "waiting": ("◌", "=", ("yellow",)),
    "running": ("▸", ">", ("cyan",)),
    "stuck": ("◈", "*", ("yellow", "bold")),
    "paused": ("‖", "=", ("yellow",)),
    "completed": ("✓", "+", ("green",)),
    "partial": ("◐", "%", ("yellow", "bold")),
    "failed": ("✗", "x", ("red", "bold")),
    "interrupted": ("?", "?", ("magenta", "bold")),
    "skipped": ("»", "s", ("dim",)),
    "cancelled": ("⊘", "-", ("magenta",)),
    "reused": ("≡", "r", ("dim",)),
}
EXIT_CODES = {"completed": 0, "failed": 1, "cancelled": 3, "partial": 4}
TERMINAL = frozenset(EXIT_CODES)  # as in model.py, without its imports


def word(execution: dict[str, Any]) -> str:
    """The execution's state as people say it: `waiting` when only something outside can go on,
    `stuck` when it does not get on as it should.
    """
    if execution["state"] == "running" and execution.get("stuck"):
        return "stuck"
    if execution["state"] == "running" and execution.get("waiting_for"):
        return "waiting"
    return str(execution["state"])


def shown(state: str, file: TextIO) -> str:
    """Glyph and word, coloured where the file takes it; a state of a newer engine as its word."""
    glyph, ascii_glyph, styles = LOOKS.get(state, ("?", "?", ()))
    return paint(f"{glyph if has_glyphs(file) else ascii_glyph} {state}", *styles, file=file)


def exit_code(state: str) -> int:
    """What a command that followed the execution ends with."""
    return EXIT_CODES.get(state, 1)
