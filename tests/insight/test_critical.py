"""Where the time of an execution goes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.insight.critical import bottleneck, timeline
from tests.insight.made import BEGIN_US, SECOND_US, step


def test_the_critical_path_goes_back_from_the_step_that_ended_last() -> None:
    steps = [
        step("dump", ran=(0, 10)),
        step("list", ran=(0, 2)),
        step("pack", ran=(10, 40), needs=["dump"]),
        step("ship", ran=(45, 50), needs=["pack", "list"]),
    ]
    found = timeline(steps, BEGIN_US, BEGIN_US)
    assert found.critical == ("dump", "pack", "ship")
    spans = {span.path: span for span in found.spans}
    assert spans["list"].slack_us == 43 * SECOND_US
    assert spans["pack"].slack_us == 5 * SECOND_US  # `ship` waited for a place, not for it
    assert spans["ship"].waited_us == 5 * SECOND_US
    assert spans["dump"].slack_us == 5 * SECOND_US
    text = bottleneck(found, {"pack": 10_000})
    assert text == "pack takes 30.0 s, 60% of the critical path; 3.0x its usual 10.0 s"


def test_a_wait_can_be_the_bottleneck_and_finally_follows_the_rest() -> None:
    steps = [
        step("a", ran=(0, 1)),
        step("b", ran=(31, 32), needs=["a"]),
        step("clean", ran=(32, 33), section="finally"),
    ]
    found = timeline(steps, BEGIN_US, BEGIN_US)
    assert found.critical == ("a", "b", "clean")
    text = bottleneck(found, {}, {"b": "db"})
    assert text == "b waited 30.0 s for pool db to start, 91% of the critical path"


def test_a_wait_of_the_bottleneck_is_told_with_its_pool() -> None:
    steps = [step("a", ran=(0, 1)), step("pack", ran=(5, 25), needs=["a"])]
    found = timeline(steps, BEGIN_US, BEGIN_US)
    text = "pack takes 20.0 s, 80% of the critical path; it waited 4.0 s"
    assert bottleneck(found, {"pack": 19_000}) == text
    assert bottleneck(found, {}, {"pack": "db"}) == f"{text} for pool db"
    quick = timeline([step("a", ran=(0, 0.3))], BEGIN_US, BEGIN_US)
    assert bottleneck(quick, {"a": 10}) == "a takes 0.3 s, 100% of the critical path"


def test_skipped_needs_are_looked_through_and_running_steps_end_now() -> None:
    steps = [
        step("a", ran=(0, 5)),
        step("maybe", "skipped", needs=["a"]),
        step("b", "running", ran=(5, None), needs=["maybe"]),
        step("c", "pending", needs=["b"]),
    ]
    found = timeline(steps, BEGIN_US, BEGIN_US + 20 * SECOND_US)
    assert found.critical == ("a", "b")
    assert [span.length_us // SECOND_US for span in found.spans] == [5, 15]
    assert found.end_us - found.begin_us == 20 * SECOND_US


def test_nothing_ran() -> None:
    found = timeline([step("a", "pending")], None, BEGIN_US)
    assert found.spans == ()
    assert found.critical == ()
    assert bottleneck(found, {}) == ""


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps that begin after all of their needs have ended."""
    steps: list[dict[str, Any]] = []
    ends: list[float] = []
    for n in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=3)) if n else []
        begin = max((ends[need] for need in needs), default=0.0) + draw(st.integers(0, 5))
        ends.append(begin + draw(st.integers(0, 9)))
        steps.append(step(f"s{n}", ran=(begin, ends[-1]), needs=[f"s{need}" for need in needs]))
    return steps


@given(histories())
def test_slack_is_never_negative_and_the_last_step_has_none(steps: list[dict[str, Any]]) -> None:
    found = timeline(steps, BEGIN_US, BEGIN_US)
    spans = {span.path: span for span in found.spans}
    assert all(span.slack_us >= 0 and span.waited_us >= 0 for span in found.spans)
    assert spans[found.critical[-1]].slack_us == 0
    for before, after in zip(found.critical, found.critical[1:], strict=False):
        assert spans[before].end_us <= spans[after].begin_us
    # the path accounts for the whole: each part is a step's length or its wait
    parts = sum(spans[path].length_us + spans[path].waited_us for path in found.critical)
    assert parts == found.end_us - found.begin_us


def test_attempts_that_were_followed_by_a_wait_are_told_as_attempts() -> None:
    found = timeline([step("a", ran=(0, 1)), step("b", ran=(31, 32), needs=["a"])], BEGIN_US, 0)
    text = bottleneck(found, {}, {}, {"b": (3, BEGIN_US + SECOND_US)})
    assert text == "b took 3 attempts in 31.0 s, 97% of the critical path"
