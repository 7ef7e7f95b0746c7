"""What a server is to its flows: values of its configuration, kept by each execution."""

from __future__ import annotations

import json

import pytest

from engine.environment import Environments
from engine.errors import UsageError
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine
from tests.engine.test_pools import configure

PROD = '[environment]\nname = "prod"\n[environment.values]\nhost = "db1"\nn = 3\nall = ["a", "b"]\n'
FLOW = """
name: tells
env: {DB: "${{ environment.host }}"}
steps:
  - id: tell
    run: echo "where=${{ environment.name }} $DB" >> $WINGMAN_OUTPUT; test -e ../good
  - id: many
    if: environment.n > 2
    run: "true"
outputs: {where: "${{ steps.tell.outputs.where }}"}
"""


def test_an_execution_keeps_the_values_that_it_was_started_with(
    home: Home, wingman: Wingman
) -> None:
    configure(home, PROD)
    engine = Engine(home)
    failed = engine.run(FLOW)
    assert failed["environment"] == {"name": "prod", "host": "db1", "n": 3}
    configure(home, PROD.replace("db1", "db2"))  # no restart is needed
    (home.work / "good").touch()
    engine.kill()
    engine.begin()
    engine.act(failed["id"], "retry")
    again = engine.ended(failed["id"])
    assert again["outputs"] == {"where": "prod db1"}
    rerun = engine.ended(engine.act(failed["id"], "rerun")["id"])
    assert rerun["outputs"] == {"where": "prod db2"}
    diff = wingman("diff", rerun["id"], failed["id"], check=True).stdout
    assert 'host: "db1" -> "db2"' in diff
    shown = wingman("show", rerun["id"], check=True).stdout
    assert "Environment of the server\n  name = prod\n  host = db2" in shown
    assert json.loads(wingman("show", rerun["id"], "--json").stdout)["environment"]["n"] == 3
    planned = engine.post("/v1/plan", {"text": FLOW, "source": "/f.yaml"})
    assert planned["environment"]["host"] == "db2"
    assert planned["env"] == {"DB": "db2"}


def test_what_the_server_has_not_is_refused_with_the_nearest(home: Home, wingman: Wingman) -> None:
    configure(home, PROD)
    engine = Engine(home)
    text = FLOW.replace("environment.host", "environment.hots").replace("environment.n ", "nope ")
    text = text.replace("if: nope > 2", "if: environment.region == 'x'")
    with pytest.raises(UsageError, match=r"environment.hots \(did you mean environment.host\?\)") as e:
        engine.start(text)
    assert "no environment.region" in e.value.message
    assert "[environment.values]" in e.value.hint
    validated = engine.post("/v1/validate", {"text": text})
    assert len(validated["problems"]) == 2
    file = home.root / "tells.yaml"
    file.write_text(text)
    done = wingman("validate", str(file))
    assert done.returncode == 2
    assert "did you mean environment.host?" in done.stdout
    planned = engine.post("/v1/plan", {"text": text, "source": "/f.yaml"})
    assert any("environment.hots" in problem for problem in planned["problems"])


def test_the_server_says_what_it_is(home: Home, wingman: Wingman) -> None:
    engine = Engine(home)
    assert "environment" not in engine.status
    assert engine.get("/v1/me")["production"] is False
    configure(home, PROD)
    assert engine.get("/v1/me")["environment"] == "prod"
    assert engine.get("/v1/me")["production"] is True
    status = wingman("engine", "status", check=True).stdout
    assert "environment prod, production" in status
    assert "host = db1" in status
    assert "prod (production): host, n, all" in wingman("doctor").stdout


@pytest.mark.parametrize(("text", "what"), [
    ("environment = 3", "is a table"),
    ("[environment]\nnmae = 'x'", "did you mean name"),
    ("[environment]\nname = 'a b'", "is no name of an environment"),
    ("[environment]\nproduction = 'yes'", "production"),
    ("[environment.values]\nname = 'x'", "is the environment's own"),
    ("[environment.values]\na-b = 'x'", "is no name"),
    ("[environment.values]\na = {b = 1}", "a text, a number"),
    ("[environment.values]\na = [[1]]", "a text, a number"),
    ("[environment.values]\na = 99999999999999999999", "a text, a number"),
    ("[environment.values]\na = nan", "a text, a number"),
    ("[environment.values]\na = 2026-01-01", "a text, a number"),
])  # fmt: skip
def test_a_faulty_environment_is_told_and_changes_nothing(
    home: Home, text: str, what: str
) -> None:
    said: list[str] = []
    configure(home, PROD)
    kept = Environments(home.config_file, said.append)
    assert kept.now().values["n"] == 3
    configure(home, text)
    assert kept.now().values["n"] == 3
    assert kept.problem
    from engine.config import read_config

    with pytest.raises(UsageError) as e:
        read_config(home.config_file)
    assert what in f"{e.value.message} {e.value.hint}"
    configure(home, "")
    assert kept.now().names() == {}
