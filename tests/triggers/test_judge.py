"""What becomes of moments: each is decided once, in order, and only by its policy."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.triggers.judge import CATCHUP_LIMIT, ON_TIME_US, Verdict, jitter_us, judge, room
from engine.triggers.moments import SECOND_US, moments

HOUR_US = 3600 * SECOND_US
BEGIN_US = 1_800_000_000 * SECOND_US


def schedule(**given: Any) -> dict[str, Any]:
    return {
        "cron": None, "every_s": 3600.0, "at_us": None, "timezone": "UTC", "catchup": "latest",
        "catchup_window_s": 6 * 3600.0, "overlap": "skip", "jitter_s": 0.0, **given,
    }  # fmt: skip


def told(verdicts: list[Verdict]) -> list[tuple[str, int]]:
    return [(each.outcome, each.times) for each in verdicts]


def look(what: dict[str, Any], hours: float, *, paused: str = "") -> list[Verdict]:
    now_us = BEGIN_US + round(hours * HOUR_US) + SECOND_US
    return judge("f:s", what, BEGIN_US, now_us, paused, "no engine ran then")


def test_a_moment_in_time_runs() -> None:
    assert told(look(schedule(), 1)) == [("ran", 1)]
    assert told(look(schedule(), 0.9)) == []


def test_what_was_missed_is_made_up_for_by_the_policy() -> None:
    assert told(look(schedule(catchup="none"), 3.5)) == [("missed", 3)]
    assert told(look(schedule(catchup="latest"), 3.5)) == [("skipped", 2), ("late", 1)]
    assert told(look(schedule(catchup="all"), 3.5)) == [("late", 1)] * 3
    assert told(look(schedule(catchup="latest"), 4)) == [("skipped", 3), ("ran", 1)]
    assert told(look(schedule(catchup="none"), 4)) == [("missed", 3), ("ran", 1)]


def test_what_is_older_than_the_window_is_missed() -> None:
    found = look(schedule(catchup="all", catchup_window_s=7200.0), 5.5)
    assert told(found) == [("missed", 3), ("late", 1), ("late", 1)]
    assert "longer than catchup_window" in found[0].reason


def test_what_comes_while_paused_is_skipped_with_who_paused_it() -> None:
    (found,) = look(schedule(), 4, paused="paused by ada")
    assert (found.outcome, found.times, found.reason) == ("skipped", 4, "paused by ada")


def test_a_year_without_an_engine_is_told_in_few_rows() -> None:
    found = look(schedule(every_s=1.0, catchup="all", catchup_window_s=86400.0), 24 * 365)
    assert len(found) < CATCHUP_LIMIT + 20
    assert found[0].more
    assert found[0].times == CATCHUP_LIMIT


def test_overlap_in_all_four_ways() -> None:
    assert room("skip", 0, 0) == "start"
    assert [room(how, 1, 0) for how in ("skip", "queue", "cancel_running", "allow")] == [
        "skip", "wait", "replace", "start"]  # fmt: skip
    assert room("queue", 0, 1) == "wait"


SCHEDULES = st.builds(
    schedule,
    every_s=st.sampled_from([1.0, 7.0, 60.0, 3600.0]),
    catchup=st.sampled_from(["none", "latest", "all"]),
    catchup_window_s=st.sampled_from([0.0, 30.0, 3600.0, 86400.0]),
    jitter_s=st.sampled_from([0.0, 0.0, 5.0, 90.0]),
)


@settings(max_examples=150, deadline=None)
@given(what=SCHEDULES, steps=st.lists(st.integers(1, 4000), min_size=1, max_size=12))
def test_every_moment_gets_one_outcome_whenever_somebody_looks(
    what: dict[str, Any], steps: list[int]
) -> None:
    decided_us = now_us = BEGIN_US
    found: list[Verdict] = []
    for step in steps:
        now_us += step * SECOND_US
        for verdict in judge("f:s", what, decided_us, now_us, "", "gone"):
            assert verdict.at_us > decided_us
            assert verdict.until_us >= verdict.at_us
            assert verdict.times == 1 or not verdict.starts
            wait_us = jitter_us("f:s", what, verdict.at_us)
            assert verdict.until_us <= now_us
            if verdict.starts:
                assert verdict.at_us + wait_us <= now_us
            decided_us = verdict.until_us
            found.append(verdict)
    expected = list(moments(what, BEGIN_US, decided_us))
    if not any(each.more for each in found):
        assert sum(each.times for each in found) == len(expected)
    open_ = list(moments(what, decided_us, now_us))
    span_us = round(what["jitter_s"] * SECOND_US)
    assert all(at_us > now_us - span_us for at_us in open_), "one was passed over"
    if what["catchup"] == "none":
        assert all(each.outcome != "late" for each in found)
    late = [each for each in found if each.outcome == "ran"]
    assert all(each.at_us > BEGIN_US for each in late)
    assert ON_TIME_US < HOUR_US


@given(what=SCHEDULES, at_us=st.integers(0, 10**16))
def test_jitter_is_the_same_at_every_look(what: dict[str, Any], at_us: int) -> None:
    found = jitter_us("f:s", what, at_us)
    assert found == jitter_us("f:s", what, at_us)
    assert 0 <= found <= max(0, what["jitter_s"] * SECOND_US)
