"""What the feed's frames make of the windows: rows, order, steps, flows, log lines."""

from __future__ import annotations

from typing import Any

from wingman_tui.log_window import LogWindow
from wingman_tui.state import ExecutionsWindow, ExecutionView, FlowList
from wingman_tui.steps import tree_rows


def row(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "flow": "f", "number": 1, "state": "running", **fields}


def lines(first: int, count: int) -> list[dict[str, Any]]:
    return [{"cursor": f"{n}:0", "text": f"line {n}", "level": "info"}
            for n in range(first, first + count)]  # fmt: skip


def test_a_snapshot_replaces_and_an_update_changes_rows() -> None:
    window = ExecutionsWindow()
    window.apply({"kind": "snapshot", "rows": [row("a"), row("b")], "order": ["a", "b"],
                  "total": 2, "counts": {"running": 2}})  # fmt: skip
    assert [window.key_at(i) for i in range(3)] == ["a", "b", None]
    change = window.apply({"kind": "update", "rows": [row("b", state="failed")]})
    assert (change.rows, change.order) == ({"b"}, False)
    assert (window.row("b") or {})["state"] == "failed"


def test_a_window_further_down_counts_from_its_offset() -> None:
    window = ExecutionsWindow(asked_offset=100)
    window.apply({"kind": "snapshot", "rows": [row("a")], "order": ["a"], "total": 500})
    assert window.key_at(100) == "a"
    assert window.index_of("a") == 100
    assert window.key_at(0) is None


def test_rows_that_left_the_window_are_forgotten() -> None:
    window = ExecutionsWindow()
    for n in range(50):
        window.apply({"kind": "update", "rows": [row(str(n))], "order": [str(n)], "total": 1})
    assert set(window.rows) == {"49"}


def test_the_first_failure_is_the_one_that_the_execution_names() -> None:
    view = ExecutionView()
    steps = [{"path": "a", "state": "failed", "handled": True}, {"path": "b", "state": "failed"}]
    view.apply({"kind": "snapshot", "execution": row("x", error={"step": "b"}), "steps": steps})
    assert view.first_failure() == "b"
    view.apply({"kind": "update", "execution": row("x")})
    assert view.first_failure() == "b", "what was handled is not what one came for"
    view.apply({"kind": "update", "steps": [{"path": "b", "state": "completed"}]})
    assert view.first_failure() == "a"


def test_an_update_of_steps_keeps_the_others() -> None:
    view = ExecutionView()
    view.apply(
        {
            "kind": "snapshot",
            "execution": row("x"),
            "steps": [{"path": "a", "state": "running"}, {"path": "b", "state": "pending"}],
        }
    )
    change = view.apply({"kind": "update", "steps": [{"path": "a", "state": "completed"}]})
    assert (change.rows, change.order) == ({"a"}, False)
    assert list(view.steps) == ["a", "b"]
    assert view.apply({"kind": "update", "steps": [{"path": "c", "state": "pending"}]}).order


def test_flows_in_debug_mode_are_known() -> None:
    flows = FlowList()
    flows.apply({"flows": [{"name": "a", "debug": "on"}, {"name": "b", "debug": "off"}]})
    assert flows.debugged() == ["a"]
    assert flows.matching("A") == ["a"]


def test_paths_become_a_tree_with_finally_apart() -> None:
    steps: dict[str, Any] = {
        "a": {},
        "g/x": {},
        "g/y": {},
        "clean": {"section": "finally"},
        "z": {},
    }
    rows = tree_rows(steps, set())
    assert [(r.label, len(r.guides), r.children) for r in rows] == [
        ("a", 0, 0),
        ("g", 0, 2),
        ("x", 1, 0),
        ("y", 1, 0),
        ("finally", 0, 1),
        ("clean", 1, 0),
        ("z", 0, 0),
    ]
    assert [r.label for r in tree_rows(steps, {"g"})] == ["a", "g", "finally", "clean", "z"]


def test_a_tree_deeper_than_pythons_stack_is_drawn() -> None:
    path = "/".join("abc" for _ in range(3_000))
    assert len(tree_rows({path: {}}, set())) == 3_000


def test_following_holds_the_tail_within_its_limit() -> None:
    window = LogWindow(limit=100)
    window.apply({"kind": "snapshot", "lines": lines(0, 50), "more_before": False}, True)
    for first in range(50, 1_000, 50):
        window.apply({"kind": "update", "lines": lines(first, 50)}, True)
    assert len(window.lines) == 100
    assert window.lines[-1]["text"] == "line 999"
    assert window.more_before
    assert (window.line_at(window.end - 1) or {})["text"] == "line 999"


def test_a_readers_lines_never_move_under_him() -> None:
    window = LogWindow(limit=100)
    window.apply({"kind": "snapshot", "lines": lines(0, 80), "more_before": True}, True)
    before = [window.line_at(place) for place in range(window.first, window.end)]
    end = window.end
    window.apply({"kind": "update", "lines": lines(80, 50)}, False)
    window.apply({"kind": "update", "lines": lines(130, 200), "skipped": 10}, False)
    assert [window.line_at(p) for p in range(end - 80, end)] == before
    assert window.new == 260
    assert not window.at_end


def test_skipped_lines_leave_no_hole_while_following() -> None:
    window = LogWindow()
    window.apply({"kind": "snapshot", "lines": lines(0, 10), "more_before": False}, True)
    window.apply({"kind": "update", "lines": lines(5_000, 10), "skipped": 4_990}, True)
    assert [line["text"] for line in window.lines] == [f"line {n}" for n in range(5_000, 5_010)]
    assert window.more_before


def test_older_and_newer_pages_are_put_where_they_belong() -> None:
    window = LogWindow(limit=1_000)
    window.apply({"kind": "snapshot", "lines": lines(500, 50), "more_before": True}, True)
    place = window.first
    cursor = window.wanted_before(window.first, 20)
    assert cursor == "500:0"
    assert window.wanted_before(window.first, 20) is None, "one page at a time"
    window.take_before("500:0", lines(400, 100), "400:0")
    assert (window.line_at(place) or {})["text"] == "line 500"
    assert (window.line_at(place - 1) or {})["text"] == "line 499"
    window.apply({"kind": "update", "lines": lines(600, 10), "skipped": 50}, False)
    assert window.wanted_after(window.end, 20) == "549:0"
    window.take_after("549:0", lines(550, 60), False)
    assert window.at_end
    assert window.lines[-1]["text"] == "line 609"
    assert window.new == 0


def test_rare_lines_are_looked_for_piece_by_piece() -> None:
    window = LogWindow()
    frame = {"kind": "snapshot", "lines": [], "more_before": True, "before": "900:0"}
    window.apply(frame, True)
    for place, further in (("900:0", "600:0"), ("600:0", "300:0")):
        assert window.wanted_before(window.first, 20) == place
        window.take_before(place, [], further)
        assert window.more_before, "nothing was found there, and there is more above"
    window.apply({"kind": "update", "lines": lines(950, 1)}, True)
    assert window.wanted_before(window.first, 20) == "300:0", "what comes below changes nothing"
    window.take_before("300:0", lines(7, 2), None)
    assert [line["text"] for line in window.lines] == ["line 7", "line 8", "line 950"]
    assert window.wanted_before(window.first, 20) is None


def test_an_answer_for_another_log_is_dropped() -> None:
    window = LogWindow()
    window.apply({"kind": "snapshot", "lines": lines(500, 5), "more_before": True}, True)
    window.wanted_before(window.first, 20)
    window.apply({"kind": "snapshot", "lines": lines(900, 5), "more_before": True}, True)
    window.take_before("500:0", lines(400, 100), "400:0")
    assert len(window.lines) == 5


def test_a_line_that_has_grown_replaces_itself() -> None:
    window = LogWindow()
    window.apply({"kind": "snapshot", "lines": lines(0, 3), "more_before": False}, True)
    grown = {**lines(2, 1)[0], "text": "line 2, and more"}
    window.apply({"kind": "update", "lines": [grown, *lines(3, 1)]}, True)
    assert [line["text"] for line in window.lines[2:]] == ["line 2, and more", "line 3"]


def test_lines_that_were_only_counted_are_fetched_when_followed_again() -> None:
    window = LogWindow()
    window.apply({"kind": "snapshot", "lines": lines(0, 3), "more_before": False}, True)
    assert window.note_new({"kind": "update", "lines": [], "skipped": 1_234})
    assert window.new == 1_234
    assert not window.at_end
    assert window.wanted_after(window.end, 20) == "2:0"
    window.apply({"kind": "update", "lines": [], "skipped": 5}, False)
    window.take_after("2:0", lines(3, 1_234), False)
    assert not window.at_end, "five more came while the page was under way"


def test_a_found_line_is_held_with_its_neighbours() -> None:
    window = LogWindow()
    window.apply({"kind": "snapshot", "lines": lines(900, 5), "more_before": True}, True)
    old = window.end
    assert window.place_of("902:0") == window.first + 2
    window.take_around(lines(100, 20), True)
    assert window.place_of("902:0") is None
    assert window.place_of("110:0") == old + 10, "no place is used twice"
    assert window.wanted_after(window.end, 20) == "119:0"


def test_batches_that_are_listed_no_more_leave_the_tree() -> None:
    view = ExecutionView()
    steps = [{"path": path, "state": "running"} for path in ("v", "v/0", "v/1")]
    view.apply({"kind": "snapshot", "execution": {}, "steps": steps})
    change = view.apply({"kind": "update", "steps": [], "gone": ["v/0"]})
    assert change.order
    assert list(view.steps) == ["v", "v/1"]
