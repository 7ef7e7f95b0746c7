"""A flow's file goes to a server: checked there, shown, written whole, and the former one kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.client.http import Client
from engine.client.launch import is_alive
from engine.errors import (
    Conflict,
    FlowFileError,
    NotAllowed,
    Unavailable,
    UnknownReference,
    UsageError,
    WingmanError,
)
from engine.paths import Home
from engine.push.push import version_of
from tests.conftest import Wingman, kill_leftovers
from tests.engine.api import Engine, until
from tests.engine.served import Served
from tests.engine.someone import As, token_of, write_flow
from tests.engine.test_pools import configure

ONE = "name: ship\nsteps: [{id: a, run: echo one}]\n"
TWO = ONE.replace("one", "two")
LARGE = "# " + "x" * (1 << 20)
THREE = ONE.replace("one", "three")


def put(client: Client, text: str, expected: str | None, **more: Any) -> Any:
    body = {"text": text, "expected": expected, **more}
    return client.request("PUT", "/v1/flows/ship", body)


def push_all(client: Client, *texts: str) -> None:
    expected = None
    for text in texts:
        expected = put(client, text, expected)["version"]


def file_of(home: Home) -> Path:
    return home.flows / "ship.yaml"


def words(client: Client) -> list[tuple[str, str, bool]]:
    """Of each kept version its place in the texts, what was done, and whether it is there."""
    named = {version_of(text.encode()): str(n) for n, text in enumerate((ONE, TWO, THREE), 1)}
    rows = client.request("GET", "/v1/flows/ship/versions")["versions"]
    return [(named.get(row["version"], "?"), row["action"], row["present"]) for row in rows]


def test_a_push_is_written_whole_kept_and_audited(home: Home, engine: Engine) -> None:
    client = engine.client
    looked = client.request("POST", "/v1/flows/ship/look", {"text": ONE})
    assert (looked["present"], looked["problems"], looked["missing"]) == (None, [], [])
    assert not file_of(home).exists(), "a look changes nothing"
    first = put(client, ONE, None, reason="asked for by ops")
    assert (first["changed"], first["replaced"]) == (True, None)
    assert file_of(home).read_text() == ONE
    assert file_of(home).stat().st_mode & 0o777 == 0o600
    assert put(client, ONE, None)["changed"] is False, "asked again: it is there"
    second = put(client, TWO, first["version"])
    assert second["replaced"] == first["version"]
    assert words(client) == [("2", "push", True), ("1", "push", False)]
    assert client.text(f"/v1/flows/ship/versions/{first['version'][:8]}") == ONE
    lines = client.request("GET", "/v1/audit?action=push")["lines"]
    assert [line["subject"] for line in lines] == [
        f"ship {second['version'][:12]}", f"ship {first['version'][:12]}",
    ]  # fmt: skip
    assert lines[1]["reason"] == "asked for by ops"
    assert sorted(path.name for path in home.flows.iterdir()) == ["ship.yaml"]
    assert engine.ended(engine.post("/v1/executions", {"flow": "ship"})["id"])["state"] == "completed"


def test_what_nobody_pushed_is_kept_too(home: Home, engine: Engine) -> None:
    home.flows.mkdir(exist_ok=True)
    file_of(home).write_text(ONE)
    file_of(home).chmod(0o640)
    put(engine.client, TWO, version_of(ONE.encode()))
    assert file_of(home).stat().st_mode & 0o777 == 0o640
    assert words(engine.client) == [("2", "push", True), ("1", "found", False)]


def test_who_was_first_is_not_overwritten(home: Home, engine: Engine) -> None:
    push_all(engine.client, ONE, TWO)
    with pytest.raises(Conflict, match="changed meanwhile") as refused:
        put(engine.client, THREE, version_of(ONE.encode()))
    assert refused.value.details["present"] == version_of(TWO.encode())
    with pytest.raises(Conflict, match="changed meanwhile"):
        put(engine.client, THREE, None)
    assert file_of(home).read_text() == TWO


def test_rollback_goes_back_one_version_after_the_other(home: Home, engine: Engine) -> None:
    client = engine.client
    push_all(client, ONE, TWO, THREE)
    for text, left in ((TWO, 3), (ONE, 2)):
        looked = client.request("POST", "/v1/flows/ship/look", {"to": ""})
        assert looked["text"] == text
        body = {"to": looked["version"], "expected": looked["present"], "reason": f"worse {left}"}
        client.request("PUT", "/v1/flows/ship", body)
        assert file_of(home).read_text() == text
    assert words(client)[0] == ("1", "rollback", True)
    with pytest.raises(UnknownReference, match="no earlier version"):
        client.request("POST", "/v1/flows/ship/look", {"to": ""})
    forward = client.request("POST", "/v1/flows/ship/look", {"to": version_of(THREE.encode())[:8]})
    assert forward["text"] == THREE
    for wrong in ("0" * 12, version_of(ONE.encode())[:3], "%"):
        with pytest.raises(UnknownReference):
            client.request("POST", "/v1/flows/ship/look", {"to": wrong})
    file_of(home).unlink()  # somebody has thrown it away
    assert client.request("POST", "/v1/flows/ship/look", {"to": ""})["text"] == ONE


def test_the_server_says_all_that_it_has_not(home: Home, engine: Engine) -> None:
    configure(home, "[pools]\ndb = 1\n[environment.values]\nhost = 'x'\n")
    text = (
        "name: ship\nsecrets: [PASSWORD]\nrequires: {programs: [no-such-program]}\nsteps:\n"
        "  - {id: a, run: 'true', pools: {tape: 1}, if: environment.hots == 'x'}\n"
        "  - {id: b, python: {call: 'scoring.model:score'}}\n"
        "  - {id: c, python: {call: 'json.decoder:x'}}\n"
        "  - {id: d, flow: {name: nobody}}\n"
    )
    looked = engine.post("/v1/flows/ship/look", {"text": text})
    assert [each["what"] for each in looked["problems"]] == [
        "there is no pool `tape`",
        "this server has no environment.hots (did you mean environment.host?)",
    ]
    said = "; ".join(looked["missing"])
    for what in ("PASSWORD", "no-such-program", "scoring.model", "nobody"):
        assert what in said
    assert "json.decoder" not in said
    assert any("scoring.model is not carried" in note for note in looked["notes"])
    with pytest.raises(FlowFileError, match="tape"):
        put(engine.client, text, None)
    text = text.replace(", pools: {tape: 1}, if: environment.hots == 'x'", "")
    with pytest.raises(Conflict, match="secret PASSWORD is not set"):
        put(engine.client, text, None)
    (home.flows / "scoring").mkdir(parents=True)
    (home.flows / "scoring" / "model.py").write_text("raise SystemExit('imported')\n")
    looked = engine.post("/v1/flows/ship/look", {"text": text})
    assert "scoring.model" not in "; ".join(looked["missing"]), "found, and not imported"
    assert put(engine.client, text, None, allow_missing=True)["changed"]
    (line,) = engine.get("/v1/audit?action=push")["lines"]
    assert line["reason"].startswith("(although missing: secret PASSWORD, program no-such-program")


def test_its_own_tests_have_to_hold(engine: Engine) -> None:
    text = ONE + "tests: [{name: fails, expect: {state: failed}}, {name: holds}]\n"
    looked = engine.post("/v1/flows/ship/look", {"text": text})
    assert [(each["name"], each["passed"]) for each in looked["tests"]] == [
        ("fails", False), ("holds", True),
    ]  # fmt: skip
    with pytest.raises(Conflict, match="1 of 2 tests fail: fails"):
        put(engine.client, text, None)


@pytest.mark.parametrize(("name", "text", "what"), [
    ("ship", "name: other\nsteps: [{id: a, run: x}]\n", "is the flow other"),
    ("ship", "name: ship\nsteps: {}\n", "a list of steps"),
    ("ship", LARGE, "has more than"),
    ("ship", "", "empty"),
    ("ship", ONE + "# \x07", "U\\+0007"),
    ("..", ONE, "is no name of a flow"),
    ("SHIP", ONE, "is no name of a flow"),
    (".ship", ONE, "is no name of a flow"),
    ("x" * 65, ONE, "is no name of a flow"),
    ("a%2Fb", ONE, "Not Found"),
    ("a%00b", ONE, "is no name of a flow"),
], ids=lambda word: word[:12])  # fmt: skip
def test_what_is_no_flow_or_has_no_place_is_refused(
    home: Home, engine: Engine, name: str, text: str, what: str
) -> None:
    body = {"text": text, "expected": None}
    with pytest.raises(WingmanError, match=what):
        engine.client.request("PUT", f"/v1/flows/{name}", body)
    assert not home.flows.exists() or not list(home.flows.iterdir())
    assert not (home.root / "ship.yaml").exists()


def test_links_and_files_of_others_are_left_alone(home: Home, engine: Engine) -> None:
    home.flows.mkdir(exist_ok=True)
    elsewhere = home.root / "kept.yaml"
    elsewhere.write_text(ONE)
    file_of(home).symlink_to(elsewhere)
    with pytest.raises(Conflict, match="symbolic link"):
        put(engine.client, TWO, version_of(ONE.encode()))
    assert elsewhere.read_text() == ONE
    elsewhere.unlink()  # it leads nowhere now
    with pytest.raises(Conflict, match="symbolic link"):
        put(engine.client, TWO, None)
    file_of(home).unlink()
    file_of(home).write_text("name: another\nsteps: [{id: a, run: x}]\n")
    with pytest.raises(Conflict, match="of another flow"):
        put(engine.client, TWO, None)


def test_only_who_may_edit_and_run_it_may_push(home: Home, engine: Engine) -> None:
    home.flows.mkdir(exist_ok=True)
    write_flow(home, "{run: ['user:anna']}", "ship")
    present = version_of(file_of(home).read_bytes())
    anna, eve, otto = (
        As(home, token_of(engine, name, role))
        for name, role in (("anna", "editor"), ("eve", "editor"), ("otto", "operator"))
    )
    body = {"text": ONE, "expected": present}
    for who in (eve, otto):  # eve would give herself the right to run it
        assert isinstance(who.refusal("PUT", "/v1/flows/ship", body), NotAllowed)
        assert isinstance(who.refusal("POST", "/v1/flows/ship/look", {"text": ONE}), NotAllowed)
    assert anna.request("PUT", "/v1/flows/ship", body)["changed"]
    assert eve.request("PUT", "/v1/flows/ship", {"text": TWO, "expected": version_of(ONE.encode())})
    refusals = engine.get("/v1/audit?action=refused")["lines"]
    assert {line["actor"] for line in refusals} == {"eve", "otto"}


def test_a_death_at_any_moment_leaves_one_version_or_the_other(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(home)
    push_all(engine.client, ONE)
    engine.kill()
    for point in ("push_journaled", "push_replaced"):
        before = file_of(home).read_text()
        text = TWO if before == ONE else THREE
        monkeypatch.setenv("WINGMAN_FAILPOINT", point)
        engine.begin()
        pid = engine.status["pid"]
        with pytest.raises(Unavailable):
            put(engine.client, text, version_of(before.encode()))
        engine.client.close()
        until(lambda pid=pid: not (is_alive(pid) or Path(f"/proc/{pid}").exists()))
        monkeypatch.delenv("WINGMAN_FAILPOINT")
        engine.begin()
        assert file_of(home).read_text() == (text if point == "push_replaced" else before)
        rows = engine.get("/v1/flows/ship/versions")["versions"]
        assert rows[0]["version"] == version_of(text.encode())
        assert rows[0]["unfinished"] is (point == "push_journaled")
        put(engine.client, text, version_of(before.encode()))
        assert file_of(home).read_text() == text
        engine.kill()


# -- from far away, by command -------------------------------------------------------------


@pytest.fixture
def far(served: Served, home: Home, tmp_path: Path) -> Iterator[Wingman]:
    """Commands of another machine, with an editor's token for the server `prod`."""
    wingman = Wingman(home)
    lines = [f"{key} = {json.dumps(value)}" for key, value in served.entry("editor").items()]
    home.create()
    servers = home.config_file.parent / "servers.toml"
    servers.write_text("[prod]\n" + "\n".join(lines) + "\n")
    yield wingman
    kill_leftovers(home)


def test_from_a_machine_to_production(served: Served, far: Wingman, tmp_path: Path) -> None:
    file = tmp_path / "ship.yaml"
    file.write_text(ONE)
    asked = far("flows", "push", str(file), "--server", "prod")
    assert asked.returncode == 2
    assert "nobody can be asked" in asked.stderr
    assert "+steps: [{id: a, run: echo one}]" in asked.stdout
    assert not file_of(served.home).exists()
    done = far("flows", "push", str(file), "--server", "prod", "--yes", "--reason", "first", check=True)
    assert "is new there, on prod" in done.stderr
    file.write_text(TWO)
    looked = far("flows", "push", str(file), "--server", "prod", "--dry-run", check=True)
    assert "-steps: [{id: a, run: echo one}]\n+steps: [{id: a, run: echo two}]" in looked.stdout
    pushed = far("flows", "push", str(file), "--server", "prod", "--yes", "--json", check=True)
    assert json.loads(pushed.stdout)["version"] == version_of(TWO.encode())
    again = far("flows", "push", str(file), "--server", "prod", "--yes", check=True)
    assert "already" in again.stderr
    listed = far("flows", "history", "ship", "--server", "prod", "--json", check=True)
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(row["by"], row["origin"], row["action"]) for row in rows] == [
        ("editor", "127.0.0.1", "push"), ("editor", "127.0.0.1", "push"),
    ]  # fmt: skip
    assert "first" in far("flows", "history", "ship", "--server", "prod", check=True).stdout
    far("flows", "rollback", "ship", "--server", "prod", "--yes", check=True)
    assert file_of(served.home).read_text() == ONE
    printed = far("flows", "history", "ship", rows[0]["version"][:8], "--server", "prod", check=True)
    assert printed.stdout == TWO
    file.write_text(ONE.replace("a, run", "a b, run"))
    wrong = far("flows", "push", str(file), "--server", "prod", "--yes")
    assert (wrong.returncode, file_of(served.home).read_text()) == (2, ONE)


def test_words_that_lead_nowhere(far: Wingman, tmp_path: Path) -> None:
    for given, said in (
        (["push"], "FILE is missing"),
        (["push", "ship"], "cannot read ship"),
        (["push", "a.yaml", "b.yaml"], "one argument too many"),
        (["push", "a.yaml", "--to", "abc"], "--to is for rollback"),
        (["rollback", "nope", "--yes"], "there is no flow named nope"),
        (["ship", "--yes"], "--yes is for push and rollback"),
    ):
        done = far("flows", *given, "--server", "prod")
        assert done.returncode == 2, given
        assert said in done.stderr, given


def test_a_change_in_between_is_shown(served: Served, far: Wingman) -> None:
    """What the command line does between a look and a write that comes too late."""
    from engine.cli import push as command

    client = served.client("editor")
    present = client.request("POST", "/v1/flows/ship/look", {"text": ONE})["present"]
    put(client, ONE, present)
    seen = client.request("POST", "/v1/flows/ship/look", {"text": THREE})
    put(client, TWO, version_of(ONE.encode()))
    refusal = Conflict("", "", present="")
    told: list[str] = []
    command.print = told.append  # type: ignore[attr-defined]
    try:
        command._tell_meanwhile(client, "ship", seen, refusal)
    finally:
        del command.print  # type: ignore[attr-defined]
    assert "+steps: [{id: a, run: echo two}]" in told


def test_a_caller_without_a_text_is_told(engine: Engine) -> None:
    for body in ({}, {"text": ONE, "to": "abc"}):
        with pytest.raises(UsageError, match="say a text"):
            engine.post("/v1/flows/ship/look", body)
    with pytest.raises(UsageError, match="did you mean"):
        engine.post("/v1/flows/ship/look", {"txt": ONE})


def test_several_servers_are_listed_together(served: Served, far: Wingman) -> None:
    served.client().request("POST", "/v1/executions", {"text": ONE, "source": ""})
    far("run", "retry-demo")
    done = far("--server", "prod,local", "list", "--json", check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(row["server"], row["flow"]) for row in rows} >= {
        ("prod", "ship"), ("local", "retry-demo"),
    }  # fmt: skip
    assert rows[0]["server"] == "local", "the newest first, wherever it is"
    table = far("list", "--server", "prod,local", "--flow", "ship", check=True).stdout
    assert "SERVER" in table
    assert "local" not in table
    for words, said in (
        (["prod,nope", "list"], "there is no server named 'nope'"),
        (["prod,prod,local", "show", "@last"], "is for one server at a time"),
        (["prod,https://127.0.0.1:1", "list"], "cannot be reached"),
    ):
        assert said in far("--server", *words).stderr, words


def test_a_token_comes_from_a_command(served: Served, home: Home, tmp_path: Path) -> None:
    from engine.client import servers

    entry = served.entry("viewer")
    kept = tmp_path / "vault"
    kept.write_text(entry.pop("token") + "\n")
    entry["token_command"] = f"cat {kept}"
    server = servers.Server("prod", entry)
    assert Client(home, server.transport()).request("GET", "/v1/me")["user"] == "viewer"
    kept.unlink()
    assert server.token(), "it is not asked for each line"
    servers._said.clear()
    for command, said in ((f"cat {kept}", "No such file"), ("true", "printed nothing"),
                          ("no-such-program-here", "No such file"), ("'", "quotation")):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            servers.Server("prod", {**entry, "token_command": command}).token()
