"""Sensitive inputs in every shape, echoed in every way: nothing of them is left anywhere.

What a step writes into files of its own is its own doing; everything that Wingman writes, answers
or puts into a command line is searched.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import time
import urllib.parse
from pathlib import Path

import pytest

from engine.errors import WingmanError
from engine.paths import Home
from tests.conftest import processes_of
from tests.engine.api import Engine, step_of, until

WORD = "Tr0ub4dor&3 'canary'/x=?"
LINES = "-----BEGIN KEY-----\nc4n4ryFirstLineOfTheKey\nc4n4rySecondLine+/=\n-----END KEY-----"
PIN = 80917355
DEEP = {"user": "ops", "keys": ["canaryDeepSecretOne", {"inner": 'canary deep "secret" two'}]}
SECRETS = {"word": WORD, "lines": LINES, "pin": PIN, "deep": DEEP}
LEAVES = [WORD, *LINES.splitlines()[1:3], str(PIN), DEEP["keys"][0], DEEP["keys"][1]["inner"]]
DECLARED = """
inputs:
  word: {type: string, sensitive: true}
  lines: {type: string, sensitive: true}
  pin: {type: integer, sensitive: true}
  deep: {type: object, sensitive: true}
"""
ECHO = """
env: {FLOW_LEVEL: "pre ${{ inputs.word }} post", PINNED: "${{ inputs.pin }}"}
outputs: {again: "${{ inputs.word }}", number: "${{ inputs.pin }}", tree: "${{ inputs.deep }}", mixed: "x${{ inputs.lines }}y"}
steps:
  - id: shell
    env: {STEP_LEVEL: "${{ inputs.deep.keys[0] }}"}
    run: |
      echo "$word"; echo "$lines" >&2; echo "$pin $deep $FLOW_LEVEL $STEP_LEVEL $PINNED"
      printf %s "$word" | base64; printf %s "$lines" | base64 -w0; echo
      printf 'ab%s' "$word" | base64; printf 'a%s' "$deep" | base64 -w0; echo
      python3 -c 'import os, json, urllib.parse as u; w = os.environ["word"]; l = os.environ["lines"]; print(u.quote(w), u.quote_plus(l), json.dumps(w), json.dumps({"a": l}), repr(l))'
      printf %s "$word" | while IFS= read -rn1 c; do printf %s "$c"; sleep 0.01; done; echo
      echo "text=$word" >> "$WINGMAN_OUTPUT"; echo "pin=$pin" >> "$WINGMAN_OUTPUT"
      printf 'deep:=%s\\n' "$deep" >> "$WINGMAN_OUTPUT"; printf 'many<<E\\n%s\\nE\\n' "$lines" >> "$WINGMAN_OUTPUT"
  - id: pasted
    run: |
      echo pasted ${{ quote(inputs.word) }} ${{ quote(inputs.lines) }} ${{ quote(inputs.pin) }}; sleep 1
  - id: checked
    continue_on_error: true
    run: 'echo "got=$word" >> "$WINGMAN_OUTPUT"; echo "n=$pin" >> "$WINGMAN_OUTPUT"'
    expect: outputs.got == 'x' || outputs.n == 5
  - {id: iffy, continue_on_error: true, if: "inputs.deep.keys[0] > 5", run: 'true'}
  - {id: iffy2, continue_on_error: true, if: "int(inputs.word) > 5", run: 'true'}
  - {id: iffy3, continue_on_error: true, if: "inputs.deep.nothing == inputs.lines", run: 'true'}
  - {id: bad_output, continue_on_error: true, run: 'echo "$word" >> "$WINGMAN_OUTPUT"'}
  - {id: json, continue_on_error: true, outputs: json, run: 'echo "{$word"'}
  - id: raises
    continue_on_error: true
    python:
      args: {word: "${{ inputs.word }}", deep: "${{ inputs.deep }}", pin: "${{ inputs.pin }}"}
      script: |
        outputs["w"] = word
        outputs["p"] = pin
        outputs["d"] = deep
        print(word, deep, pin, repr(word))
        def inner(secret):
            raise ValueError(f"no luck with {secret!r} and {deep} and {pin}")
        inner(word)
  - {id: returns, python: {args: {d: "${{ inputs.deep }}", pin: "${{ inputs.pin }}"}, script: "outputs['d'] = d; outputs['pin'] = pin; outputs['f'] = pin + 0.0"}}
  - {id: flaky, continue_on_error: true, retry: {max_attempts: 2}, run: 'echo "$word" >&2; exit 9'}
"""


def forms(text: str) -> list[bytes]:
    """How a text may turn up; base64 at all three alignments."""
    raw = text.encode()
    found = [raw, json.dumps(text)[1:-1].encode(), urllib.parse.quote(text, safe="").encode()]
    found.append(urllib.parse.quote(text).encode())
    for shift in range(3):
        encoded = base64.b64encode(b"-" * shift + raw)
        first = (8 * shift + 5) // 6
        found.append(encoded[first : 8 * (shift + len(raw)) // 6])
    return found


CANARIES = sorted({form for leaf in LEAVES for form in forms(leaf)})


def leaks(data: bytes) -> list[bytes]:
    return [form for form in CANARIES if form in data]


def search_home(home: Home) -> None:
    """Every file of the home, the key and what steps made for themselves left out."""
    looked = 0
    for folder, _, names in os.walk(home.root):
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                looked += 1
                assert leaks(path.read_bytes()) == [], path
    assert looked > 4


def search_processes(home: Home) -> None:
    for pid in processes_of(home):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        assert leaks(command) == [], command


def search_answers(engine: Engine, ids: list[str]) -> None:
    """Everything the API says of these executions, and the feed's windows."""
    paths = ["/v1/executions", "/v1/events?limit=1000", "/v1/flows"]
    for id_ in ids:
        at = f"/v1/executions/{id_}"
        paths += [at, f"{at}/logs/lines?limit=2000"]
        for query in ("", "engine=true", "prefix=true", "level=debug&engine=true&prefix=true"):
            assert leaks(engine.log(id_, query).encode()) == [], query
        assert leaks(engine.client.text(f"{at}/definition").encode()) == []
    for path in paths:
        text = json.dumps(engine.get(path), ensure_ascii=False)
        assert leaks(text.encode()) + leaks(json.dumps(text).encode()) == [], path
    for frame in asyncio.run(feed_frames(engine, ids)):
        assert leaks(frame.encode()) == [], frame


async def feed_frames(engine: Engine, ids: list[str]) -> list[str]:
    from websockets.asyncio.client import unix_connect

    frames: list[str] = []
    async with unix_connect(
        engine.home.text("socket"), "ws://localhost/v1/feed", max_size=None
    ) as ws:
        opened = [{"window": "executions"}, {"window": "flows"}]
        for id_ in ids:
            opened += [{"window": "execution", "ref": id_}, {"window": "log", "ref": id_}]
        for number, window in enumerate(opened):
            await ws.send(json.dumps({"op": "open", "id": number, **window}))
        while len({json.loads(frame)["id"] for frame in frames}) < len(opened):
            frames.append(str(await asyncio.wait_for(ws.recv(), 60)))
    return frames


def test_nothing_is_left_of_secrets_that_a_flow_shouts_about(engine: Engine, home: Home) -> None:
    ids = []
    for debug in (False, True):
        started = engine.start(DECLARED + ECHO, inputs=SECRETS, debug=debug)
        until(lambda id_=started["id"]: "pasted" in engine.log(id_, "step=pasted"))
        search_processes(home)
        found = engine.ended(started["id"])
        assert found["state"] == "partial", found["error"]
        ids.append(found["id"])
    assert step_of(found, "shell")["outputs"]["text"] == "***"
    assert step_of(found, "shell")["outputs"]["pin"] == "***"
    assert step_of(found, "raises")["error"]["type"] == "ValueError"
    assert "no luck with" in step_of(found, "raises")["error"]["message"]
    assert found["outputs"]["number"] == "***"
    assert found["inputs"]["pin"] == "***"
    again = engine.act(found["id"], "rerun", debug=True)
    ids.append(engine.ended(again["id"])["id"])
    assert step_of(engine.show(ids[-1]), "shell")["state"] == "completed"
    assert "***" in engine.log(ids[-1]), "the inputs went along"
    with pytest.raises(WingmanError) as refused:
        engine.start(DECLARED + ECHO, inputs={**SECRETS, "pin": WORD, "deep": LINES})
    assert leaks(str(refused.value).encode()) == []
    search_answers(engine, ids)
    search_home(home)
    engine.stop()
    search_home(home)


SLOW = """
steps:
  - {id: a, run: 'for i in $(seq 30); do echo "$word $lines $pin $deep"; printf %s "$word"; sleep 0.05; done; exit 4'}
  - {id: b, needs: [], retry: {max_attempts: 3}, on_interrupt: retry, run: 'echo "$deep" >> "$WINGMAN_OUTPUT"; echo "$lines"; sleep 1; echo "x=$word" >> "$WINGMAN_OUTPUT"'}
"""


@pytest.mark.parametrize("victim", ["engine", "runner", "both"])
def test_nothing_is_left_when_engine_or_runner_are_killed(
    engine: Engine, home: Home, victim: str
) -> None:
    runner = engine.status["runner_pid"]
    started = engine.start(DECLARED + SLOW, inputs=SECRETS, debug=True)
    until(lambda: len(engine.log(started["id"])) > 300)
    if victim != "runner":
        engine.kill()
    if victim != "engine":
        os.kill(runner, signal.SIGKILL)
    search_home(home)
    engine.begin()
    search_processes(home)
    found = engine.ended(started["id"])
    assert found["state"] == "failed"
    if victim == "engine":
        engine.act(found["id"], "retry")
        engine.ended(found["id"])
    search_answers(engine, [found["id"]])
    search_home(home)


def test_a_secret_that_looks_like_the_engines_own_words_breaks_nothing(
    engine: Engine, home: Home
) -> None:
    """A PIN within a timestamp, a name of a step, a state: masked in texts, never in facts."""
    digits = str(time.time_ns() // 1000)[:5]
    inputs = {"a": digits, "b": "main", "c": "failed"}
    text = """
inputs:
  a: {type: string, sensitive: true}
  b: {type: string, sensitive: true}
  c: {type: string, sensitive: true}
steps:
  - id: main
    continue_on_error: true
    retry: {max_attempts: 2, delay: 100ms}
    run: 'echo $a $b $c; exit 1'
  - {id: later, run: 'echo "n=$a" >> "$WINGMAN_OUTPUT"'}
"""
    found = engine.run(text, inputs=inputs)
    assert found["state"] == "partial"
    assert step_of(found, "main")["state"] == "failed"
    assert step_of(found, "main")["error"]["type"] == "exit:1"
    assert step_of(found, "later")["outputs"] == {"n": "***"}
    started = engine.start(
        text + "  - {id: slow, run: 'sleep 0.5'}\n",
        inputs=inputs,
    )
    until(lambda: step_of(engine.show(started["id"]), "slow")["state"] == "running")
    engine.kill()
    engine.begin()
    assert engine.ended(started["id"])["state"] == "partial"
