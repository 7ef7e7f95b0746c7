"""What ran in each attempt of an execution, by the rows of its journal."""

from __future__ import annotations

from engine.insight.attempts import RUNS_LIMIT, Attempt, Run, attempts_of, tries_before


def row(
    at: int, type_: str, step: str | None = None, state: str | None = None,
    began: int | None = None, ended: int | None = None, error: str | None = None,
    number: int | None = None,
) -> tuple[int, str, str | None, str | None, int | None, int | None, str | None, int | None]:  # fmt: skip
    return (at, type_, step, state, began, ended, error, number)


ROWS = [
    row(1, "execution.started"),
    row(2, "attempt.starting", "a"),
    row(3, "attempt.began", "a"),
    row(5, "attempt.ended", "a", "waiting", error="exit:1"),
    row(7, "attempt.starting", "a"),
    row(8, "attempt.recalled", "a"),
    row(9, "attempt.ended", "a", "completed", began=9, ended=10),
    row(10, "step.waiting", "ask"),
    row(12, "attempt.starting", "pack/17"),
    row(13, "attempt.ended", "pack/17", "failed", error="exit:1"),
    row(14, "step.ended", "ask", "failed", error="timeout"),
    row(14, "step.ended", "after", "skipped"),
    row(15, "execution.ended", state="failed"),
    row(20, "execution.retried", number=2),
    row(21, "execution.started"),
    row(22, "child.starting", "call"),
    row(30, "child.ended", "call", "completed"),
    row(31, "attempt.starting", "live"),
]


def test_each_try_is_in_the_attempt_that_it_was_made_in() -> None:
    first, present = attempts_of(ROWS)
    assert (first.number, first.begin_us, first.end_us, first.state) == (1, 1, 15, "failed")
    assert first.runs == [
        Run("a", 3, 5, "failed", "exit:1"),
        Run("a", 9, 10, "completed", None),
        Run("ask", 10, 14, "failed", "timeout"),
    ]
    assert (present.number, present.runs) == (2, [Run("call", 22, 30, "completed", None)])
    assert present.end_us is None
    assert first.to_json()["spans"][0]["path"] == "a"


def test_only_what_came_before_the_last_try_is_a_try_before() -> None:
    first, _ = attempts_of(ROWS)
    assert tries_before(first, {"a": 9, "ask": 10}) == {"a": [Run("a", 3, 5, "failed", "exit:1")]}


def test_one_that_never_began_and_one_of_very_many_runs_are_told() -> None:
    queued, _ = attempts_of([row(1, "execution.retried", number=2)])
    assert queued.to_json() == {"number": 1, "begin_us": 1, "end_us": 1, "state": "", "spans": [], "more": 0}
    many = Attempt(1, 0, 9, "failed", [Run(f"s{n}", n, n, "completed", None) for n in range(1_200)])
    told = many.to_json()
    assert (len(told["spans"]), told["more"]) == (RUNS_LIMIT, 200)
