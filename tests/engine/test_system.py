"""What the engine tells of itself over its API: the end of its log by level, and doctor's findings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine import system_log
from engine.errors import UsageError
from engine.paths import Home
from engine.server.system_routes import READ_BYTES, last_lines
from tests.conftest import ROOT
from tests.engine.api import Engine


def test_the_log_is_told_by_level_the_newest_last(engine: Engine, home: Home) -> None:
    with home.system_log.open("a") as file:
        file.write("2026-11-22T14:00:00.000Z error: a planted one\nTraceback\n")
    lines = engine.get("/v1/engine/log")["lines"]
    assert any("serves" in line["text"] for line in lines)
    assert lines[-1] == {"at": None, "level": lines[-1]["level"], "text": "Traceback"}
    (planted,) = engine.get("/v1/engine/log?level=error&limit=1")["lines"]
    assert planted["text"] == "error: a planted one"
    assert planted["at"] == "2026-11-22T14:00:00.000Z"
    with pytest.raises(UsageError, match="no level"):
        engine.get("/v1/engine/log?level=loud")


def test_the_log_is_of_a_bounded_size(home: Home) -> None:
    before = b"2026-11-22T14:00:00.000Z a former engine\n"
    home.system_log.write_bytes(before + b"x" * system_log.LIMIT_BYTES)
    engine = Engine(home)
    lines = engine.get("/v1/engine/log")["lines"]
    assert any("serves" in line["text"] for line in lines)
    assert home.system_log.stat().st_size < 10_000
    assert (home.logs / "engine.log.1").read_bytes().startswith(before)


def test_the_log_is_bounded_also_where_somebody_else_reads_along(home: Home) -> None:
    text = """
from engine import system_log
from engine.paths import find_home
system_log.LIMIT_BYTES = 100
system_log.keep_log(find_home())
for number in range(20):
    system_log.log(f"line {number}")
"""
    environment = {**os.environ, "WINGMAN_HOME": str(home.root)}
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment, stderr=subprocess.PIPE, text=True, check=True,
        cwd=ROOT,
    )  # fmt: skip
    heard = done.stderr.splitlines()
    assert len(heard) == 20
    kept = [(home.logs / name).read_text().splitlines() for name in ("engine.log.1", "engine.log")]
    assert [*kept[0], *kept[1]] == heard[-len(kept[0]) - len(kept[1]):]
    assert 0 < len(kept[1]) <= len(kept[0]) < 6


def test_doctor_answers_about_the_machine_of_the_engine(engine: Engine) -> None:
    names = {finding["name"] for finding in engine.get("/v1/doctor")["findings"]}
    assert {"python", "disk", "engine", "containment"} <= names
    assert "terminal" not in names


def test_only_the_end_of_a_large_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_bytes(b"x" * (2 * READ_BYTES) + b"\nlast\xff\n")
    assert [line["text"] for line in last_lines(path, 0, 10)] == ["last�"]
    assert last_lines(tmp_path / "none", 0, 10) == []
