"""The runbook beside a failure: read, edited where it is a file, never over somebody's change."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import Conflict, WingmanError
from tests.conftest import Wingman
from tests.engine.api import Engine

TEXT = "name: risky\nrunbook: RUNBOOK\nsteps: [{id: a, run: exit 3}]\n"


def run(engine: Engine, folder: Path, runbook: str) -> str:
    ended = engine.run(TEXT.replace("RUNBOOK", runbook), source=str(folder / "risky.yaml"))
    return str(ended["id"])


def save(engine: Engine, id_: str, text: str, version: str) -> None:
    path = f"/v1/executions/{id_}/runbook"
    engine.client.request("PUT", path, {"text": text, "version": version})


def test_what_was_learned_is_saved_into_the_file(
    engine: Engine, wingman: Wingman, tmp_path: Path
) -> None:
    file = tmp_path / "risky.md"
    file.write_text("call ann\n")
    id_ = run(engine, tmp_path, "risky.md")
    assert wingman("runbook", "risky#1", check=True).stdout == "call ann\n"
    found = engine.get(f"/v1/executions/{id_}/runbook")
    assert found["path"] == str(file)
    done = wingman("runbook", id_, "--edit", env={"EDITOR": "sed -i s/ann/bob/"})
    assert done.returncode == 0, done.stderr
    assert file.read_text() == "call bob\n"
    with pytest.raises(Conflict, match="has changed meanwhile"):
        save(engine, id_, "mine", found["version"])
    assert "call bob" in wingman("why", id_, check=True).stdout


@pytest.mark.parametrize(
    ("runbook", "words"),
    [("restart it", "stands in the flow's file"), ('""', "is not there"), ("../out.md", "folder")],
)
def test_what_is_no_file_of_the_flow_is_not_written(
    engine: Engine, tmp_path: Path, runbook: str, words: str
) -> None:
    (tmp_path / "out.md").write_text("outside")
    (tmp_path / "flows").mkdir()
    id_ = run(engine, tmp_path / "flows", runbook)
    found = engine.get(f"/v1/executions/{id_}/runbook")
    with pytest.raises(Conflict, match=words):
        save(engine, id_, "x", found["version"])
    assert (tmp_path / "out.md").read_text() == "outside"


def test_a_runbook_is_read_and_put_and_nothing_else(engine: Engine, tmp_path: Path) -> None:
    id_ = run(engine, tmp_path, "restart it")
    with pytest.raises(WingmanError, match="Method Not Allowed"):
        engine.post(f"/v1/executions/{id_}/runbook")
