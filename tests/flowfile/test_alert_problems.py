"""What can be wrong with `alerts`: each with its place, and a hint."""

from __future__ import annotations

import pytest

from engine.flowfile import compile_flow
from tests.flowfile.test_problems import HEAD, STEP, problems

WRONG: dict[str, tuple[str, list[str]]] = {
    "alerts": (HEAD + "alerts:\n  - {on: failing, to: ops}\n  - {on: long_running, too: ops}\n"
               "  - {after: 30m, if: step.a}\n  - {on: not_started, if: inputs.x}\n" + STEP, [
        "3:10: `failed` or `partial` or `completed` or `cancelled` or `recovered` or "
        "`long_running` or `not_started` is expected, not the text `failing` (did you "
        "mean `failed`?)",
        "4:10: `long_running` takes either `after` or `slower` (such as after: 30m, or "
        "slower: {than: 3})",
        "4:24: an alert has no key `too` (did you mean `to`?)",
        "5:6: `after` belongs to `long_running` or `not_started` (add `on: long_running`, or remove it)",
        "5:22: there is no `step` in `alert` (did you mean `steps`?)",
        "6:23: `if` asks about an execution, and with `not_started` there is none (make "
        "two alerts of it)",
        "6:27: there is no input `x` (the flow declares none)"]),
    "what lasts": (HEAD + "alerts:\n  - {on: completed, repeat: 5m, group: 2d}\n"
                   "  - {on: failed, repeat: 5s, group: soon, after: 5m}\n"
                   "  - {on: failed, quiet: {from: 22, to: '25:00', timezone: Mars/City, day: mon}}\n"
                   "  - {on: failed, quiet: {from: '07:00', to: '07:00', days: [sun, monday]}}\n"
                   "  - {on: failed, quiet: {from: '00:00', to: '24:00'}}\n"
                   "  - {on: [failed, not_started], after: 5m, quiet: {to: '07:00'}}\n" + STEP, [
        "3:21: `repeat` reminds of what lasts, and what is well does not (remove it, or add `failed` to `on`)",
        "3:40: nothing is held back for more than a day (at most 1d)",
        "4:26: `5s` is too short (at least 1m)",
        "4:37: a duration such as 10s, 5m or 1h30m is expected, not the text `soon` (write 500ms, 10s, 5m, 2h, 1d or 1h30m)",
        "4:43: `after` belongs to `long_running` or `not_started` (add `on: long_running`, or remove it)",
        '5:32: a time of day is expected, not the number 22 (such as "22:00")',
        '5:40: a time of day is expected, not the text `25:00` (such as "07:00")',
        "5:59: there is no time zone `Mars/City` (did you mean `Asia/Chita`?)",
        "5:70: `quiet` has no key `day` (did you mean `days`?)",
        '6:45: these quiet hours are none: they end when they begin (for whole days write from: "00:00", to: "24:00")',
        "6:66: `mon` or `tue` or `wed` or `thu` or `fri` or `sat` or `sun` is expected, not the text `monday` (did you mean `mon`?)",
        "7:45: these quiet hours never end (name the `days`, or remove the alert)",
        "8:51: `from` is missing"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_problem_has_its_place_and_words(case: str) -> None:
    text, expected = WRONG[case]
    assert problems(text) == expected


def test_what_is_right_is_compiled() -> None:
    text = HEAD + """
alerts:
  - on: [failed, not_started]
    after: 10m
    group: 5m
    repeat: 1h
    quiet: {from: "22:00", to: "07:30", timezone: Europe/Zurich, days: [sun, sat, sun]}
""" + STEP
    (alert,) = compile_flow(text.encode(), "/f.yaml")["alerts"]
    assert (alert["after_s"], alert["group_s"], alert["repeat_s"]) == (600, 300, 3600)
    quiet = {"from": 1320, "to": 450, "timezone": "Europe/Zurich", "days": [5, 6]}
    assert alert["quiet"] == quiet
