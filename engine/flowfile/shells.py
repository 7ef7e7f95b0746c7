"""Which shell gets the text of a `run` step: its words, as they are started, and its program."""

from __future__ import annotations

import contextlib
import os
import shlex

USUAL = ["bash", "-euo", "pipefail"]


def words_of(shell: list[str]) -> list[str]:
    """`shell: bash -eu` as its words; a list is taken as it is, but for the `-c` that is added."""
    words = shell
    if len(shell) == 1:
        with contextlib.suppress(ValueError):
            words = shlex.split(shell[0]) or shell
    return words[:-1] if len(words) > 1 and words[-1] == "-c" else words


def program_of(shell: list[str]) -> str:
    """The name of the program that a shell is, without its folder."""
    return os.path.basename(words_of(shell)[0])
