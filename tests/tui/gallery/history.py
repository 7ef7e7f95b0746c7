"""A home with executions of every kind, made by a real engine, and two homes without any."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.paths import Home, home_at

FLOWS = Path(__file__).with_name("flows")
WINGMAN = Path(sys.executable).with_name("wingman")
ENDED = (
    "patch-host", "nightly-backup", "ingest-orders", "nightly-backup -i mode=delta", "patch-all",
    "one-input -i host=web1", "hostile", "log-triage", "nightly-backup -i room=false --debug",
)  # fmt: skip
LIVE = ("queue-heavy", "queue-heavy", "deploy-web", "ingest-orders -i seconds=900")


def make_home(given: str | None) -> tuple[Home, Callable[[], None]]:
    """The home and what ends its engine; one that is given is used as it is."""
    if given:
        return home_at(Path(given)), lambda: None
    folder = Path(tempfile.mkdtemp(prefix="wingman-gallery-"))
    home = folder / "home"
    shutil.copytree(FLOWS, home / "flows")
    for name in ("empty", "gone", "never"):
        (folder / name).mkdir()
    for words in ENDED:
        _wingman(home, "run", *words.split())
    for words in LIVE:
        _wingman(home, "run", "--detach", *words.split())
    _wingman(home, "debug", "patch-host", "on")
    _wingman(home, "note", "nightly-backup@last-failed", "the store was full; lena makes room")

    def stop() -> None:
        for each in ("home", "empty", "gone"):
            stop_engine(home_at(folder / each))
        shutil.rmtree(folder, ignore_errors=True)

    return home_at(home), stop


def stop_engine(home: Home) -> None:
    """End the engine and all that it runs."""
    _wingman(home.root, "engine", "stop", "--all")


def _wingman(home: Path, *words: str) -> None:
    environ = {**os.environ, "WINGMAN_HOME": str(home)}
    subprocess.run([WINGMAN, *words], env=environ, capture_output=True, timeout=60, check=False)
