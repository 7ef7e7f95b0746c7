"""When a running execution should end, by what its flow's last good ones took."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.insight.forecast import Usual, expected, expected_words
from tests.insight.made import BEGIN_US, SECOND_US, at, execution, step

CHAIN = Usual(60_000, {"a": 10_000, "b": 20_000, "c": 30_000}, 7)


def running(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return execution("running", list(steps), **more)


def end_s(found: dict[str, Any], usual: Usual, now_s: float) -> float | None:
    """Seconds after the begin at which it should end."""
    foreseen = expected(found, usual, BEGIN_US + round(now_s * SECOND_US))
    assert foreseen is not None
    if foreseen["end_at"] is None:
        return None
    return next(s for s in range(100_000) if at(s) == foreseen["end_at"])


def test_without_a_good_one_nothing_is_expected() -> None:
    assert expected(running(step("a", "running", ran=(0, None))), Usual(), BEGIN_US) is None
    assert expected_words(None) == ""


def test_what_is_left_of_a_chain() -> None:
    steps = [
        step("a", ran=(0, 4)),  # quicker than usual
        step("b", "running", ran=(4, None), needs=["a"]),
        step("c", "pending", needs=["b"]),
    ]
    assert end_s(running(*steps), CHAIN, 10) == 10 + 14 + 30
    # one that is late already may end at any moment: then only what follows counts
    assert end_s(running(*steps), CHAIN, 100) == 130
    words = expected_words(expected(running(*steps), CHAIN, BEGIN_US))
    assert words.startswith("it usually takes 1m00s (median of 7); by that it ends at ")


def test_where_places_are_few_the_share_of_the_work_counts() -> None:
    """A hundred steps of a second, ten at once: 10 s, though no chain is longer than one."""
    usual = Usual(10_000, {f"s{n}": 1_000 for n in range(100)}, 3)
    steps = [step(f"s{n}", "pending") for n in range(100)]
    assert end_s(running(*steps), usual, 0) == 10
    half = [step(f"s{n}", ran=(0, 5)) if n < 50 else steps[n] for n in range(100)]
    assert end_s(running(*half), usual, 5) == 10


def test_groups_count_as_a_whole_and_sections_follow_each_other() -> None:
    usual = Usual(40_000, {"g": 30_000, "g/x": 30_000, "g/y": 1_000, "clean": 10_000}, 2)
    steps = [
        step("g", "running", ran=(0, None), kind="parallel"),
        step("g/x", "running", ran=(0, None)),
        step("g/y", ran=(0, 1)),
        step("clean", "pending", section="finally"),
    ]
    assert end_s(running(*steps), usual, 10) == 40


def test_what_waits_for_a_person_has_no_end_and_a_row_of_a_list_knows_the_whole() -> None:
    row = running()
    del row["steps"]
    assert end_s(row, CHAIN, 10) == 60
    assert end_s(row, CHAIN, 61) is None
    assert end_s({**row, "waiting_for": {"kind": "approval"}}, CHAIN, 10) is None
    assert end_s({**row, "state": "paused"}, CHAIN, 10) is None


@given(st.data())
def test_it_never_ends_before_now(data: st.DataObject) -> None:
    """Whatever has needs of whatever: an end, not before now, and within the sum of all."""
    count = data.draw(st.integers(1, 12))
    steps, times = [], {}
    for n in range(count):
        needs = data.draw(st.lists(st.integers(0, n - 1), unique=True)) if n else []
        state = data.draw(st.sampled_from(["pending", "waiting", "running", "completed"]))
        begin = data.draw(st.integers(0, 50))
        ran = {"pending": (None, None), "waiting": (None, None), "running": (begin, None)}
        steps.append(step(
            f"s{n}", state, ran=ran.get(state, (begin, begin + 1)),
            needs=[f"s{need}" for need in needs],
        ))  # fmt: skip
        times[f"s{n}"] = data.draw(st.integers(0, 30)) * 1000.0
    usual = Usual(sum(times.values()), times, 1)
    found = end_s(running(*steps), usual, 50)
    assert found is not None
    assert 50 <= found <= 50 + sum(times.values()) / 1000 + 1
