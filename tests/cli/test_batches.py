"""`wingman batches`: page by page, by state, and what is wrong with the question."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Wingman

FLOW = """
name: many
steps:
  - {id: work, batch: {items: {file: items.txt}, size: 2, tolerate: 100%}, run: 'test "$WINGMAN_STEP" != work/3'}
"""


def test_the_batches_come_page_by_page(wingman: Wingman, tmp_path: Path) -> None:
    text = FLOW.replace("steps:\n", "steps:\n  - {id: make, run: 'seq 11 >items.txt'}\n")
    file = tmp_path / "many.yaml"
    file.write_text(text)
    assert wingman("run", file).returncode == 4
    first = wingman("batches", "many@last", "work", "--limit", "4", check=True)
    rows = [line.split() for line in first.stdout.splitlines()]
    assert rows[0] == ["STATE", "BATCH", "ITEMS", "TOOK", "TRIES", "ERROR"]
    assert [row[2:4] for row in rows[1:]] == [
        ["0", "0-1"],
        ["1", "2-3"],
        ["2", "4-5"],
        ["3", "6-7"],
    ]
    assert first.stderr == "more: wingman batches many@last work --after 3\n"
    rest = wingman("batches", "many@last", "work", "--after", "3", check=True)
    assert [line.split()[2:4] for line in rest.stdout.splitlines()[1:]] == [
        ["4", "8-9"], ["5", "10"]]  # fmt: skip
    assert rest.stderr == ""
    (failed,) = wingman("batches", "many@last", "work", "--state", "failed", check=True, env={
        "COLUMNS": "100"}).stdout.splitlines()[1:]  # fmt: skip
    assert failed.split()[1:4] == ["failed", "3", "6-7"]
    assert "exited with 1" in failed
    (row,) = map(json.loads, wingman(
        "batches", "many@last", "work", "--state", "failed", "--json", check=True
    ).stdout.splitlines())  # fmt: skip
    assert (row["path"], row["error"]["type"]) == ("work/3", "exit:1")


def test_a_wrong_question_says_what_is_right(wingman: Wingman, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text("name: one\nsteps: [{id: a, batch: {items: [1]}, run: 'true'}]\n")
    wingman("run", file, check=True)
    for words, said in (
        (["b"], "steps with batches: a"), (["a", "--state", "odd"], "no state 'odd'"),
        (["a", "--after", "x"], "after is the number of a batch"), (["a", "--limit", "0"], "limit"),
    ):  # fmt: skip
        done = wingman("batches", "one@last", *words)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
