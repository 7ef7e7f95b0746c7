"""Glyphs are ASCII where locale or terminal say so, though Python itself prints UTF-8 everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ASKS = """
import os, sys
from engine.glyphs import shows_glyphs
print(shows_glyphs(sys.stdout.encoding, os.environ))
"""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, True),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "en_US.utf8"}, True),
        ({"LANG": "C"}, False),
        ({"LC_ALL": "POSIX"}, False),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "de_CH.ISO-8859-1@euro"}, False),
        ({"LANG": "C.UTF-8", "TERM": "linux"}, False),
        ({"LANG": "C.UTF-8", "TERM": "vt100"}, False),
        ({"LANG": "C.UTF-8", "TERM": "xterm-256color"}, True),
        ({"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, False),
    ],
)
def test_what_is_said_decides_on_glyphs(said: dict[str, str], shown: bool) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "screen", **said}
    asked = subprocess.run(
        [sys.executable, "-c", ASKS], env=env, capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == str(shown)
