"""A changed configuration is taken in while the engine runs; a faulty one changes nothing."""

from __future__ import annotations

from pathlib import Path

from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, until


def channels(engine: Engine) -> list[str]:
    return list(engine.get("/v1/alerts")["channels"])


def test_a_change_counts_by_itself_and_a_mistake_changes_nothing(
    engine: Engine, home: Home, tmp_path: Path
) -> None:
    assert channels(engine) == []
    pid = engine.status["pid"]
    home.config_file.write_text('[channels]\nops = "json://127.0.0.1:1"\n')
    until(lambda: channels(engine) == ["ops"])
    home.config_file.write_text("[channels]\nops = 3\n")
    until(lambda: "the configuration stays as it was" in home.system_log.read_text())
    assert channels(engine) == ["ops"]
    more = tmp_path / "more"
    more.mkdir()
    (more / "extra.yaml").write_text(
        "triggers: [{schedule: '0 3 * * *'}]\nsteps: [{id: a, run: 'echo $HIDDEN_WORD'}]"
    )
    home.config_file.write_text(f'flow_paths = ["{more}"]\nmax_running_steps = 3\n')
    until(lambda: [t["flow"] for t in engine.get("/v1/triggers")["triggers"]] == ["extra"])
    assert channels(engine) == []
    home.config_file.unlink()
    until(lambda: engine.get("/v1/triggers")["triggers"] == [])
    assert engine.status["pid"] == pid


def test_what_waits_for_a_channel_goes_when_it_is_there(engine: Engine, home: Home) -> None:
    from tests.alerts.receivers import http

    with http() as hook:
        engine.run("name: f\nalerts: [{on: failed, to: ops}]\nsteps: [{id: a, run: exit 3}]")
        until(lambda: engine.get("/v1/alerts")["alerts"][0]["tries"])
        home.config_file.write_text(f'[channels]\nops = "json://127.0.0.1:{hook.port}"\n')
        until(lambda: hook.titles == ["f#1 failed"])


def test_it_can_be_asked_for(wingman: Wingman, home: Home) -> None:
    assert wingman("engine", "reload").returncode == 6, "no engine"
    wingman("engine", "start", check=True)
    assert "nothing has changed" in wingman("engine", "reload", check=True).stderr
    home.config_file.write_text("max_running_steps = 0\n")
    done = wingman("engine", "reload")
    assert done.returncode == 2
    assert "max_running_steps is a whole number of 1 or more" in done.stderr
    home.config_file.write_text("max_running_steps = 2\n[retention]\nkeep = 5\n")
    wingman("engine", "reload", check=True)
    audited = wingman("audit", check=True).stdout
    assert "engine reload" in audited
