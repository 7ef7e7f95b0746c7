"""Searching a log through the API: found lines among their neighbours, counts while it grows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.client.http import Client
from engine.errors import UsageError
from engine.paths import Home
from tests.engine.api import Engine, until
from tests.engine.feeds import feed_of

LONG = """
name: long
steps:
  - id: count
    run: |
      for n in $(seq 3000); do
        if [ $((n % 1000)) = 0 ]; then echo "ERROR needle $n"; else echo "line $n"; fi
      done
  - {id: after, run: 'echo needle after; sleep "$for_s"; echo needle late'}
inputs: {for_s: {type: integer, default: 0}}
"""


RARE = """
name: rare
steps:
  - id: print
    run: echo "ERROR at the very beginning"; seq 400000 | sed "s/$/ INFO all is well/"
"""


def texts(answer: dict[str, Any]) -> list[str]:
    return [line["text"] for line in answer["lines"]]


def find(engine: Engine, id_: str, **query: Any) -> dict[str, Any]:
    parameters = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    return dict(engine.get(f"/v1/executions/{id_}/logs/find?{parameters}"))


def test_a_search_goes_up_and_down_with_what_is_around(engine: Engine) -> None:
    id_ = engine.run(LONG)["id"]
    found = find(engine, id_, find="needle", back="true", step="count", limit=5)
    assert found["go_on"] is None
    assert texts(found) == ["line 2998", "line 2999", "ERROR needle 3000"]
    assert found["found"] == found["lines"][-1]["cursor"]
    assert found["more_before"]
    assert not found["more_after"]
    found = find(engine, id_, find="needle", back="true", from_=found["found"], limit=5)
    wanted = ["line 1998", "line 1999", "ERROR needle 2000", "line 2001", "line 2002"]
    assert texts(found) == wanted
    assert found["more_after"]
    found = find(engine, id_, find="needle", from_=found["found"], limit=3)
    assert texts(found)[1] == "ERROR needle 3000"
    found = find(engine, id_, find_level="error", back="true", from_=found["found"])
    assert "ERROR needle 2000" in texts(found)
    assert find(engine, id_, find="nowhere")["found"] is None
    found = find(engine, id_, find="needle", grep="needle", limit=50)
    assert len(found["lines"]) == 5, "what does not match may be left out"


def test_a_search_says_what_it_needs(engine: Engine) -> None:
    id_ = engine.run(LONG)["id"]
    for query in ({}, {"find": "x", "from_": "here"}, {"find": "("}, {"find_level": "loud"}):
        with pytest.raises(UsageError):
            find(engine, id_, **query)


def printed(engine: Engine, id_: str) -> bool:
    return "after" in engine.log(id_, "step=after")


async def test_matches_are_counted_while_the_log_grows(engine: Engine, home: Home) -> None:
    started = await asyncio.to_thread(engine.start, LONG, inputs={"for_s": 2})
    id_ = started["id"]
    async with feed_of(home) as feed:
        view = await feed.open(1, "search", ref=id_, grep="needle")
        await feed.until(lambda: view.rest.get("matches") == 4 and view.rest["counted"])
        found = await asyncio.to_thread(find, engine, id_, find="needle.2000")
        await feed.send({"op": "move", "id": 1, "at": found["found"]})
        await feed.until(lambda: view.rest["place"] == 2)
        version = view.version
        await feed.until(lambda: view.rest["matches"] == 5)
        assert view.version > version, "the window was not opened anew"
        assert view.rest["place"] == 2
        await feed.open(2, "search", ref=id_)
        await feed.until(lambda: bool(feed.views[2].errors))


async def test_a_log_window_may_be_told_the_number_of_new_lines_alone(
    engine: Engine, home: Home
) -> None:
    started = await asyncio.to_thread(engine.start, LONG, inputs={"for_s": 2})
    await asyncio.to_thread(until, lambda: printed(engine, started["id"]))
    async with feed_of(home) as feed:
        view = await feed.open(1, "log", ref=started["id"], step="after", burst=0)
        await feed.until(lambda: view.texts() == ["needle after"])
        await feed.until(lambda: view.rest.get("skipped") == 1)
        assert view.texts() == ["needle after"]


def test_the_engines_own_lines_come_also_while_no_step_prints(
    engine: Engine, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    id_ = engine.start(f"steps: [{{id: a, run: 'until [ -e {gate} ]; do sleep 0.05; done'}}]")["id"]
    seen = b""
    parts = Client(engine.home).stream("GET", f"/v1/executions/{id_}/logs?engine=true&follow=true")
    for part in parts:
        seen += part
        if b"a: attempt 1 starts" in seen and not gate.exists():
            assert engine.show(id_)["state"] == "running"
            gate.touch()
    assert b"execution completed" in seen


def test_what_an_ended_step_printed_without_a_line_end_comes_before_what_follows(
    engine: Engine, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    id_ = engine.start(
        "steps:\n  - {id: a, run: 'echo one; printf part'}\n"
        f"  - {{id: b, run: 'echo two; until [ -e {gate} ]; do sleep 0.05; done; echo three'}}\n"
    )["id"]
    path = f"/v1/executions/{id_}/logs?prefix=true&follow=true"
    seen = b""
    for part in Client(engine.home).stream("GET", path):
        seen += part
        if b"b | two" in seen and not gate.exists():
            again = next(iter(Client(engine.home).stream("GET", path)))
            assert b"a | part" in seen + again, "it is told while the next step runs"
            gate.touch()
    told = b"a | one\na | part\nb | two\nb | three\n"
    assert sorted(seen.splitlines()) == sorted(told.splitlines())
    assert seen.index(b"part") < seen.index(b"three")
    whole = Client(engine.home).stream("GET", path.replace("&follow=true", ""))
    assert b"".join(whole) == told


async def test_a_rare_line_is_looked_for_piece_by_piece(engine: Engine, home: Home) -> None:
    id_ = engine.run(RARE)["id"]
    async with feed_of(home) as feed:
        view = await feed.open(1, "log", ref=id_, level="error", limit=20)
        await feed.until(lambda: "before" in view.rest)
    found, before = view.texts(), view.rest["before"]
    while before is not None:
        page = engine.get(f"/v1/executions/{id_}/logs/lines?level=error&limit=20&before={before}")
        found, before = texts(page) + found, page["before"]
    assert found == ["ERROR at the very beginning"]
