"""Working directories: gone when an execution completed, kept as evidence of all others."""

from __future__ import annotations

from tests.engine.api import Engine, until

KEEPS = "steps:\n  - {id: a, run: 'echo evidence > left.txt'}\n"
FAILS = KEEPS + "  - {id: b, run: 'exit 3'}\n"


def test_an_engine_removes_what_one_that_died_has_left(engine: Engine) -> None:
    completed, failed = engine.run(KEEPS), engine.run(FAILS)
    debugged = engine.run("debug: true\n" + KEEPS)
    work = engine.home.work
    until(lambda: not (work / completed["id"]).exists())
    engine.kill()
    for name in (completed["id"], "not-of-an-execution"):
        (work / name).mkdir()
        (work / name / "left.txt").write_text("evidence")
    engine.begin()
    until(lambda: not (work / completed["id"]).exists())
    for name in (failed["id"], debugged["id"], "not-of-an-execution"):
        assert (work / name / "left.txt").read_text().strip() == "evidence", name
