"""Attempts in line: the next takes a free place without asking, and never one too many."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from engine.runner.results import read_results
from tests.runner.client import Bench, Client, wait_until


def noted(bench: Bench, n: int, **changes: Any) -> list[dict[str, Any]]:
    """Steps that note when they come and go."""
    return [
        bench.shell("echo + >> noted; sleep 0.02; echo - >> noted", **changes) for _ in range(n)
    ]


def most_at_once(bench: Bench) -> int:
    running = most = 0
    for sign in (bench.home.work / "x" / "noted").read_text().split():
        running += 1 if sign == "+" else -1
        most = max(most, running)
    return most


def wait_for_file(path: Path) -> None:
    wait_until(path.exists)


def gate(bench: Bench, name: str) -> str:
    """Shell text that tells that it runs, and ends when the gate is opened."""
    return f"touch {name}-runs; until test -e {name}-open; do sleep 0.01; done"


def test_a_place_is_taken_by_the_next_in_line_and_never_one_too_many(
    bench: Bench, client: Client
) -> None:
    specs = noted(bench, 12, at_most=3)
    client.start(*specs)
    for spec in specs:
        assert client.end_of(spec["attempt"])["exit_code"] == 0
    assert most_at_once(bench) <= 3
    begun = [r["attempt"] for r in read_results(bench.folder) if r["k"] == "begin"]
    assert begun == [spec["attempt"] for spec in specs], "in the order of the line"


def test_the_next_begins_before_the_end_of_the_last_is_written_and_nothing_of_it_is_lost(
    bench: Bench, client: Client
) -> None:
    text = 'echo "line $WINGMAN_STEP"; echo "n=$WINGMAN_STEP" >> "$WINGMAN_OUTPUT"'
    specs = [
        bench.shell(text, at_most=1, env={"PATH": os.environ["PATH"], "WINGMAN_STEP": str(n)})
        for n in range(3)
    ]
    client.start(*specs)
    for n, spec in enumerate(specs):
        end = client.end_of(spec["attempt"])
        assert (end["exit_code"], end["outputs"], end["log_bytes"]) == (0, {"n": n}, len("line 0\n"))
    first, second, third = (spec["attempt"] for spec in specs)
    told = [
        (record["k"], record["attempt"] if record["k"] == "begin" else record["end"]["attempt"])
        for record in read_results(bench.folder)
        if record["k"] != "pid"
    ]
    assert told == [
        ("begin", first),
        ("begin", second), ("end", first),
        ("end", second), ("begin", third),  # nobody is in line behind it: its end comes first
        ("end", third),
    ]  # fmt: skip
    ends = [client.ends[spec["attempt"]] for spec in specs]
    for before, after in itertools.pairwise(ends):
        assert before["ended_at"] <= after["began_at"]


def test_python_steps_wait_in_line_too(bench: Bench, client: Client) -> None:
    specs = [
        bench.python(script="import time; time.sleep(0.01)", at_most=2, number=n)
        for n in range(1, 9)
    ]
    client.start(*specs)
    ends = sorted((client.end_of(spec["attempt"]) for spec in specs), key=lambda e: e["began_at"])
    for end in ends:
        others = [e for e in ends if e["began_at"] < end["began_at"] < e["ended_at"]]
        assert len(others) < 2


def test_attempts_of_others_have_a_line_of_their_own(bench: Bench, client: Client) -> None:
    held = bench.shell(gate(bench, "held"), at_most=1)
    behind = bench.shell("true", at_most=1)
    other = bench.shell("true", execution="y", at_most=1, attempt="y:1")
    client.start(held, behind, other)
    assert client.end_of("y:1")["exit_code"] == 0
    assert behind["attempt"] not in client.ends
    wait_for_file(bench.home.work / "x" / "held-runs")
    (bench.home.work / "x" / "held-open").touch()
    assert client.end_of(behind["attempt"])["exit_code"] == 0


def test_the_line_goes_on_without_an_engine(bench: Bench) -> None:
    first = bench.client()
    specs = noted(bench, 8, at_most=2)
    first.start(*specs)
    first.close()
    wait_until(lambda: sum(r["k"] == "end" for r in read_results(bench.folder)) == 8)
    second = bench.client(epoch=2)
    for spec in specs:
        assert second.end_of(spec["attempt"])["exit_code"] == 0
    assert most_at_once(bench) <= 2


def test_a_new_engine_hears_what_has_left_the_line_meanwhile(bench: Bench) -> None:
    first = bench.client()
    short = bench.shell("true", at_most=1)
    long = bench.shell(gate(bench, "long"), at_most=1)
    waits = bench.shell("true", at_most=1)
    first.start(short, long, waits)
    first.close()
    wait_for_file(bench.home.work / "x" / "long-runs")
    second = bench.client(epoch=2)
    began = second.began_of(long["attempt"])
    assert waits["attempt"] not in second.began
    (bench.home.work / "x" / "long-open").touch()
    assert second.end_of(long["attempt"])["began_at"] == pytest.approx(began["at"])
    assert second.end_of(waits["attempt"])["exit_code"] == 0


def test_only_what_has_not_begun_is_taken_back(bench: Bench, client: Client) -> None:
    runs = bench.shell(gate(bench, "runs"), at_most=1)
    waits = bench.shell("touch begun", at_most=1)
    last = bench.shell("true", at_most=1)
    client.start(runs, waits, last)
    wait_for_file(bench.home.work / "x" / "runs-runs")
    for spec in (runs, waits):
        client.cancel(spec["attempt"], "recall", "recalled")
    assert client.end_of(waits["attempt"])["outcome"] == "recalled"
    assert runs["attempt"] not in client.ends
    (bench.home.work / "x" / "runs-open").touch()
    assert client.end_of(runs["attempt"])["outcome"] == "exited"
    assert client.end_of(last["attempt"])["outcome"] == "exited", "the line goes on past the gap"
    assert not (bench.home.work / "x" / "begun").exists()
    begun = {r["attempt"] for r in read_results(bench.folder) if r["k"] == "begin"}
    assert waits["attempt"] not in begun


def test_what_is_cancelled_in_line_never_begins(bench: Bench, client: Client) -> None:
    runs = bench.shell("sleep 30", at_most=1)
    waits = [bench.shell("touch begun", at_most=1) for _ in range(3)]
    client.start(runs, *waits)
    client.began_of(runs["attempt"])
    for spec in (*waits, runs):
        client.cancel(spec["attempt"])
    for spec in waits:
        end = client.end_of(spec["attempt"])
        assert end["outcome"] == "cancelled"
        assert end["began_at"] == end["ended_at"]
    assert client.end_of(runs["attempt"])["outcome"] == "cancelled"
    assert not (bench.home.work / "x" / "begun").exists()
