"""The actions of the inbox, for `keymap.py`. Pure; standard library only."""

from __future__ import annotations

from wingman_tui.action import Action
from wingman_tui.action import action as _action

INBOX: tuple[Action, ...] = (
    _action(
        "inbox.open", "enter", "open", "inbox",
        "Open the newest execution that failed so, at the step that failed.", hint=1,
    ),
    _action(
        "inbox.why", "w", "why", "inbox", "Say why it failed, and what helps.", hint=2,
    ),
    _action(
        "inbox.acknowledge", "A", "acknowledge", "inbox",
        "Take note: alerts remind nobody of it; again takes that back.",
        danger=True, hint=3,
    ),
    _action(
        "inbox.snooze", "z", "snooze", "inbox",
        "Have it stay away for some time, also when it fails again; again ends that.",
        danger=True, hint=4,
    ),
    _action(
        "inbox.assign", "at", "assign", "inbox", "Say who takes care of it; oneself by default.",
        danger=True,
    ),
    _action(
        "inbox.close", "C", "close", "inbox",
        "Take it out without a recovery; it comes back when it fails again.",
        danger=True,
    ),
    _action(
        "inbox.retry", "R", "retry", "inbox", "Retry the newest execution that failed so.",
        danger=True, hint=6,
    ),
    _action(
        "inbox.notes", "o", "notes", "inbox", "Read what was found out about it, and write more.",
        danger=True,
    ),
    _action(
        "inbox.next_tab", "tab right l", "failures/alerts", "inbox",
        "Show who was told of what and whether it came through, or the failures again.", hint=5,
    ),
    _action(
        "inbox.show", "s", "others", "inbox",
        "Show those that are snoozed, those that have recovered, the open ones again.",
    ),
    _action("inbox.history", "h", "its executions", "inbox", "Show the executions of its flow."),
    _action("inbox.filter", "slash", "filter", "inbox", "Show only what holds these words."),
    _action("inbox.copy", "y", "copy", "inbox", "Copy the error, or the text of the alert."),
)  # fmt: skip
