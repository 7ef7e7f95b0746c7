"""What is wrong with the triggers of a file is said at its place, all of it at once."""

from __future__ import annotations

from tests.flowfile.test_problems import HEAD, STEP, problems

WRONG = {
    "schedules": (
        HEAD + "inputs: {db: {type: string}, n: {type: integer, default: 1}}\n"
        "triggers:\n"
        "  - {schedule: '0 0 30 2 *', timezone: Zurich, inputs: {dc: x}}\n"
        "  - {schedule: '* * *', inputs: {db: '${{ body.x }}', n: many}}\n"
        "  - {every: 5m, timezone: UTC, name: x, inputs: {db: '${{ event.data }}'}}\n"
        "  - {every: 5m, at: now, name: x, catchup: latst, inputs: {db: x}}\n"
        "  - {at: '2027-03-28T02:30', timezone: Europe/Zurich, inputs: {db: x}}\n"
        "  - {at: tomorrow, if: n > 1, inputs: {db: x}}\n"
        "  - {cron: x}\n  - x\n" + STEP,
        [
            "4:5: this trigger does not give the required input `db` "
            "(add inputs: {db: …}, or give it a default)",
            "4:16: `0 0 30 2 *` never comes: no such day exists (mend day or month)",
            "4:40: there is no time zone `Zurich` (did you mean `Europe/Zurich`?)",
            "4:57: the flow has no input `dc` (one of db, n)",
            "5:16: a cron line has five fields, not 3 "
            "(minute hour day month weekday, such as 0 3 * * *)",
            "5:43: there is no `body` in `schedule` (there is event)",
            '5:58: `n` must be a whole number, not "many"',
            "6:17: `timezone` says nothing about `every` "
            "(it counts from 1970 in UTC; for local times use `schedule`)",
            "6:59: there is no event `data` (did you mean `date`?)",
            "7:17: a trigger is one thing: this one has `every` and `at` (make it two triggers)",
            "7:21: `now` is no time (such as 2027-01-31T18:00:00Z)",
            "7:32: the trigger name `x` is there twice (choose another)",
            "7:44: `none` or `latest` or `all` is expected, not the text `latst` "
            "(did you mean `latest`?)",
            "8:10: `2027-03-28T02:30` does not exist in Europe/Zurich: the clocks are set forward "
            "then (choose another time, or write its offset)",
            "9:10: `tomorrow` is no time (such as 2027-01-31T18:00:00Z)",
            "9:24: there is no `n` in `schedule` (there is event)",
            "10:5: the trigger does not say what starts the flow (one of `schedule`, `every`, `at`)",
            "11:5: a trigger is a map (such as - schedule: 0 3 * * *)",
        ],
    ),
}


def test_each_problem_of_a_trigger_has_its_place_and_words() -> None:
    for name, (text, expected) in WRONG.items():
        assert problems(text) == expected, name
