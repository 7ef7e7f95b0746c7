"""Secrets: kept sealed, given to the steps that declare them, and left nowhere in any form."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Conflict, UnknownReference, UsageError
from engine.paths import Home
from tests.conftest import Wingman, processes_of
from tests.engine.api import Engine, states, step_of, until
from tests.engine.test_canary import forms

WORD = "S3cr3t0fTheStore&4 'canary'/x=?"
LINES = "-----BEGIN KEY-----\nkeptFirstLineOfTheKey\nkeptSecondLine+/=\n-----END KEY-----"
LATER = "anotherValue0fTheSame=Name"  # 26 characters
CANARIES = sorted(
    {form for text in (WORD, *LINES.splitlines()[1:3], LATER) for form in forms(text)}
)
ECHO = """
secrets: [STORE_TOKEN, SIGNING_KEY]
steps:
  - id: shell
    run: |
      test -n "$STORE_TOKEN" && test -n "$SIGNING_KEY"
      echo "$STORE_TOKEN"; echo "$SIGNING_KEY" >&2; env
      printf %s "$STORE_TOKEN" | base64; printf 'a%s' "$SIGNING_KEY" | base64 -w0; echo
      printf %s "$STORE_TOKEN" | od -An -tx1 | tr -d ' \\n'; echo
      python3 -c 'import os, json, urllib.parse as u; w = os.environ["STORE_TOKEN"]; print(u.quote(w), u.quote_plus(w), json.dumps(w), repr(w))'
      printf %s "$STORE_TOKEN" | while IFS= read -rn1 c; do printf %s "$c"; sleep 0.005; done; echo
      echo "text=$STORE_TOKEN" >> "$WINGMAN_OUTPUT"
  - id: raises
    continue_on_error: true
    python:
      script: |
        import os
        outputs["key"] = os.environ["SIGNING_KEY"]
        raise ValueError("no luck with " + os.environ["STORE_TOKEN"])
"""


def keep(engine: Engine, **values: str) -> None:
    for name, value in values.items():
        engine.client.request("PUT", f"/v1/secrets/{name}", {"value": value})


def search(engine: Engine, home: Home, *ids: str) -> None:
    """Nothing of a value in a file of the home, an answer or a command line."""
    texts = [Path(folder, name) for folder, _, names in os.walk(home.root) for name in names]
    found = [path.read_bytes() for path in texts if path.is_file()]
    assert len(found) > 4
    found += [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_of(home)]
    for path in ("/v1/executions", "/v1/events?limit=1000", "/v1/secrets"):
        found.append(json.dumps(engine.get(path), ensure_ascii=False).encode())
    for id_ in ids:
        found.append(json.dumps(engine.show(id_), ensure_ascii=False).encode())
        found.append(engine.log(id_, "level=debug&engine=true").encode())
    for data in found:
        assert [form for form in CANARIES if form in data] == []


def test_steps_have_them_and_nothing_else_has(engine: Engine, home: Home) -> None:
    keep(engine, STORE_TOKEN=WORD, SIGNING_KEY=LINES)
    found = engine.run(ECHO, debug=True)
    assert states(found) == {"shell": "completed", "raises": "failed"}, found["error"]
    assert step_of(found, "shell")["outputs"] == {"text": "***"}
    assert step_of(found, "raises")["error"]["message"] == "no luck with ***"
    search(engine, home, found["id"])
    engine.stop()
    engine.begin()
    assert engine.ended(engine.act(found["id"], "rerun")["id"])["state"] == "partial"
    search(engine, home, found["id"])


def test_without_them_no_step_runs_and_all_are_named(engine: Engine) -> None:
    keep(engine, SIGNING_KEY=LINES)
    text = "secrets: [STORE_TOKEN, SIGNING_KEY, THIRD]\n" + (
        "steps: [{id: s, run: 'true'}]\nfinally: [{id: f, run: 'true'}]"
    )
    found = engine.run(text)
    assert found["state"] == "failed"
    assert found["error"]["type"] == "input"
    assert "not set: STORE_TOKEN, THIRD" in found["error"]["message"]
    assert "wingman secret set STORE_TOKEN" in found["error"]["message"]
    assert states(found) == {"s": "skipped", "f": "skipped"}
    plan = engine.post("/v1/plan", {"text": text, "source": "/f.yaml"})
    assert "the secrets are not set: STORE_TOKEN, THIRD" in plan["problems"]
    with pytest.raises(Conflict, match="STORE_TOKEN"):
        engine.act(found["id"], "resume")
    keep(engine, STORE_TOKEN=WORD, THIRD=LATER)
    engine.act(found["id"], "retry")
    assert states(engine.ended(found["id"])) == {"s": "completed", "f": "completed"}


GATE = """
secrets: [STORE_TOKEN]
steps:
  - {id: first, run: 'echo "$STORE_TOKEN" ready; until [ -e go ]; do sleep 0.02; done; echo "$STORE_TOKEN"'}
  - {id: second, run: 'echo "$STORE_TOKEN"; test "${#STORE_TOKEN}" = 26; env | base64 -w0'}
"""


def go(home: Home, id_: str) -> None:
    (home.work / id_ / "go").touch()


@pytest.mark.parametrize("death", ["none", "engine"])
def test_a_value_that_is_replaced_while_steps_run(engine: Engine, home: Home, death: str) -> None:
    keep(engine, STORE_TOKEN=WORD)
    id_ = engine.start(GATE, debug=True)["id"]
    until(lambda: "ready" in engine.log(id_))
    keep(engine, STORE_TOKEN=LATER)
    if death == "engine":
        engine.kill()
        engine.begin()
    go(home, id_)
    assert states(engine.ended(id_)) == {"first": "completed", "second": "completed"}
    search(engine, home, id_)


def test_a_secret_that_is_removed_while_steps_run(engine: Engine, home: Home) -> None:
    keep(engine, STORE_TOKEN=WORD)
    id_ = engine.start(GATE)["id"]
    until(lambda: "ready" in engine.log(id_))
    engine.client.request("DELETE", "/v1/secrets/STORE_TOKEN")
    engine.kill()
    engine.begin()
    go(home, id_)
    found = engine.ended(id_)
    assert states(found) == {"first": "completed", "second": "failed"}
    assert found["error"]["type"] == "input"
    assert "the secret is not set: STORE_TOKEN" in found["error"]["message"]
    search(engine, home, id_)
    assert engine.get("/v1/secrets")["secrets"] == []


@pytest.mark.parametrize("victim", ["engine", "runner"])
def test_nothing_is_left_when_one_is_killed(engine: Engine, home: Home, victim: str) -> None:
    keep(engine, STORE_TOKEN=WORD, SIGNING_KEY=LINES)
    runner = engine.status["runner_pid"]
    text = """
secrets: [STORE_TOKEN, SIGNING_KEY]
steps:
  - {id: a, run: 'for i in $(seq 40); do echo "$STORE_TOKEN $SIGNING_KEY"; printf %s "$STORE_TOKEN"; sleep 0.02; done; exit 4'}
  - {id: b, needs: [], retry: {max_attempts: 3}, on_interrupt: retry, run: 'echo "$SIGNING_KEY"; sleep 0.5; echo "x=$STORE_TOKEN" >> "$WINGMAN_OUTPUT"'}
"""
    id_ = engine.start(text, debug=True)["id"]
    until(lambda: len(engine.log(id_)) > 300)
    if victim == "engine":
        engine.kill()
        engine.begin()
    else:
        os.kill(runner, signal.SIGKILL)
    assert engine.ended(id_)["state"] == "failed"
    assert step_of(engine.show(id_), "b")["outputs"] == {"x": "***"}
    search(engine, home, id_)


def test_rotate_seals_all_anew_and_loses_nothing(engine: Engine, home: Home) -> None:
    keep(engine, STORE_TOKEN=WORD, SIGNING_KEY=LINES)
    sensitive = (
        "inputs: {pin: {type: string, sensitive: true}}\nsteps: [{id: s, run: 'test $pin = 12345'}]"
    )
    earlier = engine.run(sensitive, inputs={"pin": "12345"})["id"]
    key = home.key_file.read_bytes()
    assert engine.post("/v1/secrets/rotate") == {"secrets": 2}
    assert home.key_file.read_bytes().endswith(key), "what was sealed before still opens"
    assert home.key_file.stat().st_mode & 0o777 == 0o600
    engine.kill()
    engine.begin()
    assert engine.run(ECHO)["state"] == "partial"
    assert engine.ended(engine.act(earlier, "rerun")["id"])["state"] == "completed"
    actions = [row["name"] for row in engine.get("/v1/secrets")["secrets"]]
    assert actions == ["SIGNING_KEY", "STORE_TOKEN"]


def test_a_passphrase_may_be_the_key(wingman: Wingman, engine: Engine, home: Home) -> None:
    engine.kill()
    phrase = home.root / "phrase"
    phrase.write_text("correct horse battery staple\n")
    home.config_file.write_text(f'key_command = "cat {phrase}"\n')
    engine.begin()
    keep(engine, STORE_TOKEN=WORD, SIGNING_KEY=LINES)
    phrase.write_text("a phrase that is newer\ncorrect horse battery staple\n")
    assert engine.post("/v1/secrets/rotate") == {"secrets": 2}
    phrase.write_text("a phrase that is newer\n")
    engine.kill()
    engine.begin()
    assert engine.run(ECHO)["state"] == "partial"
    assert not home.key_file.exists(), "nothing on the disk opens them"
    engine.kill()
    phrase.unlink()
    refused = wingman("engine", "start")
    assert refused.returncode == 6
    assert "the command for the key ended with 1: cat:" in refused.stderr
    phrase.write_text("a phrase that is newer\n")
    engine.begin()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PATH", "long enough", "may not be called"),
        ("LD_PRELOAD", "long enough", "may not be called"),
        ("9x", "long enough", "no name of a secret"),
        ("A-B", "long enough", "no name of a secret"),
        ("SHORT", "abc", "shorter than 4"),
        ("BLANK", "   a   ", "shorter than 4"),
        ("NUL", "with\0nul", "NUL"),
        ("LARGE", "x" * 70_000, "larger than 64 KiB"),
    ],
)
def test_what_cannot_be_a_secret(engine: Engine, name: str, value: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        keep(engine, **{name: value})


def test_the_command(wingman: Wingman, engine: Engine) -> None:
    done = wingman("secret", "set", "DB_PASSWORD", input=WORD + "\n", check=True)
    assert done.stdout == "set DB_PASSWORD\n"
    done = wingman("secret", "set", "DB_PASSWORD", "--json", input=LATER, check=True)
    assert json.loads(done.stdout) == {"name": "DB_PASSWORD", "replaced": True}
    listed = wingman("secret", "list", check=True).stdout
    assert "DB_PASSWORD" in listed
    assert LATER not in listed
    row: dict[str, Any] = json.loads(wingman("secret", "list", "--json", check=True).stdout)
    assert set(row) == {"name", "set_at", "set_by"}
    assert wingman("secret", "set", "DB_PASSWORD", WORD).returncode == 2, "never an argument"
    assert wingman("secret", "set").returncode == 2
    assert wingman("secret", "rm", "OTHER").returncode == 2
    assert wingman("secret", "rotate", check=True).stdout.startswith("sealed under a new key: 1 ")
    text = f'secrets: [DB_PASSWORD]\nsteps: [{{id: s, run: "test $DB_PASSWORD = {LATER}"}}]'
    assert engine.run(text)["state"] == "completed"
    assert wingman("secret", "rm", "DB_PASSWORD", check=True).stdout == "removed DB_PASSWORD\n"
    with pytest.raises(UnknownReference):
        engine.client.request("DELETE", "/v1/secrets/DB_PASSWORD")


DERIVED = "derivedT0ken+of=this"
DERIVES = """
secrets: [STORE_TOKEN]
steps:
  - id: other
    needs: []
    run: 'echo up; until [ -e go ]; do sleep 0.02; done; cat token; base64 -w0 token'
  - id: derive
    needs: []
    run: |
      printf derivedT0ken >> half; printf '%s+of=this' "$(cat half)" > token; echo
      printf '::add-mask::'; sleep 0.05; cat token; echo
      echo "it is $(cat token)"; cat token >&2; base64 -w0 token; echo "t=$(cat token)" >> "$WINGMAN_OUTPUT"
  - {id: later, needs: [derive], run: 'touch waits; until [ -e go ]; do sleep 0.02; done; cat token; exit 3'}
outputs: {t: "${{ steps.derive.outputs.t }}"}
"""


@pytest.mark.parametrize("death", ["none", "engine"])
def test_what_a_step_derives_is_masked_from_then_on(
    engine: Engine, home: Home, death: str
) -> None:
    keep(engine, STORE_TOKEN=WORD)
    id_ = engine.start(DERIVES, debug=True)["id"]
    until(lambda: (home.work / id_ / "waits").exists())
    if death == "engine":
        engine.kill()
        engine.begin()
    go(home, id_)
    found = engine.ended(id_)
    assert states(found) == {"other": "completed", "derive": "completed", "later": "failed"}
    assert step_of(found, "derive")["outputs"] == {"t": "***"}
    engine.act(id_, "retry")
    engine.ended(id_)
    log = engine.log(id_)
    assert "::add-mask::***\n" in log
    assert "it is ***\n" in log
    for form in forms(DERIVED):
        for folder in (home.logs, home.data, home.run):
            for path in folder.rglob("*"):
                assert not path.is_file() or form not in path.read_bytes(), path
        assert form not in json.dumps(engine.show(id_)).encode()
