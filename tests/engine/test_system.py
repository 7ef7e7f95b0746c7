"""What the engine tells of itself over its API: the end of its log by level, and doctor's findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.paths import Home
from engine.server.system_routes import READ_BYTES, last_lines
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


def test_doctor_answers_about_the_machine_of_the_engine(engine: Engine) -> None:
    names = {finding["name"] for finding in engine.get("/v1/doctor")["findings"]}
    assert {"python", "disk", "engine", "containment"} <= names
    assert "terminal" not in names


def test_only_the_end_of_a_large_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_bytes(b"x" * (2 * READ_BYTES) + b"\nlast\xff\n")
    assert [line["text"] for line in last_lines(path, 0, 10)] == ["last�"]
    assert last_lines(tmp_path / "none", 0, 10) == []
