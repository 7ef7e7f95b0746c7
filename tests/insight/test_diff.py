"""What is different between two executions, and what only looks different."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.insight.diff import changes, difference, first_difference
from tests.insight.made import execution, step


def test_each_part_tells_what_changed_and_nothing_else() -> None:
    one = execution(
        "completed", [step("a", ran=(0, 1)), step("b", ran=(1, 2), outputs={"n": 1}), step("old")],
        number=6, inputs={"port": 1, "same": 0},
    )  # fmt: skip
    other = execution(
        "failed",
        [
            step("a", ran=(0, 9)),
            step("b", "failed", ran=(1, 2), exit_code=3, error={"type": "exit:3", "message": "x"}),
            step("new"),
        ],
        inputs={"port": 2, "same": 0, "more": 1},
    )
    found = difference(one, other, ("a\nb\nc\n", "a\nB\nc\n"))
    assert (found["from"], found["to"]) == ("night#6", "night#7")
    assert [line for line in found["definition"] if line[:1] in "+-"] == ["-b", "+B"]
    assert found["inputs"] == [{"name": "port", "from": 1, "to": 2}, {"name": "more", "to": 1}]
    steps = {entry["path"]: entry for entry in found["steps"]}
    assert steps["a"] == {"path": "a", "duration_ms": [1000, 9000]}
    assert steps["b"]["state"] == ["completed", "failed"]
    assert steps["b"]["outputs"] == [{"name": "n", "from": 1}]
    assert (steps["old"]["only_in"], steps["new"]["only_in"]) == ("from", "to")


def test_times_ids_and_durations_are_no_difference() -> None:
    one = [
        b"2026-01-01 12:00:00.123 start 0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001 pid=12 took 3.5 ms",
        b"12:00:01 copied",
        b"port 80",
    ]
    other = [
        b"2026-02-03 01:30:09.999 start 0199aaaa-bbbb-7ccc-8ddd-eeeeffff0002 pid=99 took 12.25 ms",
        b"01:30:11 copied",
        b"port 81",
    ]
    assert first_difference(one, other) == (3, b"port 80", b"port 81")
    assert first_difference(one[:2], other[:2]) is None
    assert first_difference(one, other[:1]) == (2, b"12:00:01 copied", None)


@given(
    st.dictionaries(st.text(max_size=4), st.integers()), st.dictionaries(st.text(), st.integers())
)
def test_applying_the_changes_gives_the_other(one: dict[str, int], other: dict[str, int]) -> None:
    made = dict(one)
    for entry in changes(one, other):
        if "to" in entry:
            made[entry["name"]] = entry["to"]
        else:
            del made[entry["name"]]
    assert made == other
    assert changes(one, one) == []
