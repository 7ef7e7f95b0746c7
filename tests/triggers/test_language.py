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
            "5:43: there is no `body` in `schedule` (it is known in `webhook`)",
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
            "10:5: the trigger does not say what starts the flow (one of `schedule`, `every`, `at`, `webhook`, `watch`, `after`, `event`)",
            "11:5: a trigger is a map (such as - schedule: 0 3 * * *)",
        ],
    ),
    "what comes from outside": (
        HEAD
        + "triggers:\n"
        "  - {webhook: deploy}\n"
        "  - {webhook: Deploy!, signature: gitlab, secret: a-b, rate: 0}\n"
        "  - {webhook: ok, signature: token, secret: T, if: boddy.x == 1, name: x}\n"
        "  - {after: demo}\n"
        "  - {after: other, status: [done], if: event.stat == 'x'}\n"
        "  - {event: 'a b', timezone: UTC}\n" + STEP,
        [
            "3:5: a webhook needs `secret` (without it anybody could start the flow)",
            "3:5: a webhook needs `signature` (without it anybody could start the flow)",
            "4:15: a hook's name is expected, not the text `Deploy!` (such as deploy)",
            "4:35: `github` or `standard` or `token` is expected, not the text `gitlab` "
            "(did you mean `github`?)",
            "4:51: the name of a secret is expected, not the text `a-b` "
            "(such as HOOK_SECRET; `wingman secret set` keeps its value)",
            "4:62: a number from 0.01 to 10000 is expected, not the number 0",
            "5:52: there is no `boddy` in `webhook` (did you mean `body`?)",
            "6:13: a flow cannot start after itself (use a schedule, or a step that waits)",
            "7:29: `completed` or `partial` or `failed` or `cancelled` is expected, not the text "
            "`done`",
            "7:40: there is no event `stat` (did you mean `state`?)",
            "8:13: the type of an event is expected, not the text `a b` (such as file.uploaded)",
            "8:20: an `event` trigger has no key `timezone` (it is for schedules)",
        ],
    ),
}


def test_each_problem_of_a_trigger_has_its_place_and_words() -> None:
    for name, (text, expected) in WRONG.items():
        assert problems(text) == expected, name
