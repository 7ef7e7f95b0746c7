"""THE table of actions: id, default key, label, scope, danger; `keys.py` looks things up in it.

The screens' dispatch, the key bar, the help, the palette and the documents are made from it, so
that none of them can drift. Operators remap by id in `config.toml`. Pure; standard library only.

A scope is where a key means something. A screen asks with its scopes from the inside out (`log`,
`execution`, `list`, `global`); the first that knows the key wins.
"""

from __future__ import annotations

from wingman_tui.action import ROLES, Action
from wingman_tui.action import action as _action
from wingman_tui.action import on_execution as _on_execution
from wingman_tui.inbox_keys import INBOX

__all__ = ["ACTIONS", "ROLES", "SCOPE_TITLES", "Action"]


ACTIONS: tuple[Action, ...] = (
    _action("list.down", "down j", "down", "list", "Move down one row."),
    _action("list.up", "up k", "up", "list", "Move up one row."),
    _action("list.page_down", "pagedown ctrl+d", "page down", "list", "Move down one page."),
    _action("list.page_up", "pageup ctrl+u", "page up", "list", "Move up one page."),
    _action("list.first", "home g", "first", "list", "Go to the first row."),
    _action("list.last", "end G", "last", "list", "Go to the last row."),
    _action(
        "executions.open",
        "enter",
        "open",
        "executions",
        "Open the execution: its steps, its errors and its log.",
        hint=1,
    ),
    *_on_execution("executions", {"run": 2, "retry": 3, "cancel": 4, "why": 5}),
    _action(
        "executions.filter",
        "slash",
        "filter",
        "executions",
        "Filter the list, for example state:failed flow:backup since:2h text.",
        hint=6,
    ),
    _action(
        "executions.sort",
        "s",
        "sort",
        "executions",
        "Sort by start, duration, flow or state; esc shows the newest first again.",
    ),
    _action("executions.reverse", "minus", "reverse", "executions", "Turn the order round."),
    _action(
        "executions.mark",
        "space",
        "mark",
        "executions",
        "Mark it: retry, cancel, kill and pause then mean all that are marked.",
    ),
    _action(
        "executions.mark_all",
        "asterisk",
        "mark all",
        "executions",
        "Mark all executions that the filter shows.",
    ),
    _action(
        "executions.only",
        "h",
        "only this flow",
        "executions",
        "Show only the executions of this flow, or all again.",
    ),
    _action(
        "executions.next_error",
        "e",
        "next failure",
        "executions",
        "Go to the next execution that failed.",
    ),
    _action(
        "executions.previous_error",
        "b",
        "previous failure",
        "executions",
        "Go to the previous execution that failed.",
    ),
    _action(
        "execution.pane",
        "tab",
        "tree/log",
        "execution",
        "Move between the step tree and the log.",
        hint=1,
    ),
    # those that do nothing to it as it is now are left out
    *_on_execution(
        "execution",
        {"answer": 2, "why": 3, "retry": 4, "edit": 5, "cancel": 6, "pause": 7, "run": 8,
         "timeline": 9},
    ),
    _action(
        "execution.follow",
        "F",
        "follow",
        "execution",
        "Follow the log's end; any upward move ends it.",
        hint=11,
    ),
    _action(
        "execution.wrap", "W", "wrap", "execution", "Break long log lines, or cut them.", hint=13
    ),
    _action(
        "execution.freeze",
        "z",
        "freeze",
        "execution",
        "Hold the log still while lines arrive, counting them; again goes on.",
    ),
    _action(
        "execution.search",
        "slash",
        "search",
        "execution",
        "Search the log for a regular expression; esc ends it.",
        hint=10,
    ),
    _action(
        "execution.next_match", "n", "next match", "execution", "Go to the next line that matches."
    ),
    _action(
        "execution.previous_match",
        "N",
        "previous match",
        "execution",
        "Go to the previous line that matches.",
    ),
    _action(
        "execution.hide",
        "ampersand",
        "matches only",
        "execution",
        "Show only the lines that match the search, or all of them again.",
    ),
    _action(
        "execution.save",
        "s",
        "save log",
        "execution",
        "Save the chosen lines of the log, all of them, to a file.",
        hint=14,
    ),
    _action(
        "execution.colours",
        "C",
        "colours",
        "execution",
        "Show the colours that steps print in their log, or leave them out.",
    ),
    _action("execution.level_debug", "1", "all levels", "execution", "Show every log line."),
    _action("execution.level_info", "2", "info", "execution", "Show info and what is worse."),
    _action(
        "execution.level_warning", "3", "warnings", "execution", "Show warnings and errors only."
    ),
    _action("execution.level_error", "4", "errors", "execution", "Show errors only."),
    _action(
        "execution.next_error",
        "e",
        "next error",
        "execution",
        "Go to the next failed step, or in the log to the next error.",
        hint=12,
    ),
    _action(
        "execution.previous_error",
        "b",
        "previous error",
        "execution",
        "Go to the previous failed step, or in the log to the previous error.",
    ),
    _action(
        "tree.fold",
        "space",
        "fold",
        "tree",
        "Fold or unfold the group under the cursor, on the execution all of them.",
    ),
    _action(
        "tree.open", "enter", "log", "tree", "Go to the step's log, or to the execution it calls."
    ),
    _action("execution.caller", "u", "caller", "execution", "Go to the execution that called it."),
    _action("tree.copy_error", "y", "copy", "tree", "Copy the step's error, else the name."),
    _action(
        "tree.copy_step", "c", "copy command", "tree", "Copy what the step runs, with its values."
    ),
    _action("log.page", "space", "page down", "log", "Move the log down one page."),
    _action("log.copy_lines", "y", "copy", "log", "Copy the marked line, else those in sight."),
    _action("log.left", "left h", "left", "log", "Move the log half a page to the left."),
    _action("log.right", "right l", "right", "log", "Move the log half a page to the right."),
    _action("details.next_tab", "tab right l", "next", "details", "Go to the next part.", hint=1),
    _action(
        "details.previous_tab", "shift+tab left h", "previous", "details", "Go to the part before."
    ),
    _action(
        "details.open", "enter", "steps, log", "details", "Open its steps and its log.", hint=2
    ),
    _action("details.earlier", "comma", "earlier", "details", "Replay: go a moment back."),
    _action("details.later", "full_stop", "later", "details", "Replay: go a moment on."),
    _action("details.first_moment", "less_than_sign", "begin", "details", "Replay: its begin."),
    _action("details.last_moment", "greater_than_sign", "now", "details", "Replay: as it is now."),
    *_on_execution(
        "details", {"answer": 3, "retry": 4, "edit": 5, "cancel": 6, "run": 7, "diff": 8}
    ),
    _action(
        "flows.run",
        "r enter",
        "run",
        "flows",
        "Run the flow: a form asks for its inputs.",
        danger=True,
        hint=1,
    ),
    _action(
        "flows.debug",
        "d",
        "debug",
        "flows",
        "Switch debug mode of the flow on or off.",
        danger=True,
        hint=2,
    ),
    _action(
        "flows.history", "h", "its executions", "flows", "Show the executions of this flow.", hint=3
    ),
    _action("flows.definition", "D", "definition", "flows", "Show the flow's file.", hint=5),
    _action("flows.watch", "B", "watch", "flows", "Be told, in any mode, when this flow fails."),
    _action("flows.filter", "slash", "filter", "flows", "Filter the flows by text.", hint=4),
    _action(
        "triggers.pause",
        "p",
        "pause",
        "triggers",
        "Pause the trigger, or let it go on: what comes meanwhile is skipped.",
        danger=True,
        hint=1,
    ),
    _action(
        "triggers.pane",
        "tab",
        "ledger",
        "triggers",
        "Move between the triggers and the ledger of the selected one.",
        hint=2,
    ),
    _action(
        "triggers.moments",
        "n",
        "moments",
        "triggers",
        "Show the moments to come with their offsets, or the ledger again.",
        hint=3,
    ),
    _action(
        "triggers.open",
        "enter",
        "last start",
        "triggers",
        "Open the execution that it has started last.",
        hint=4,
    ),
    _action(
        "triggers.history",
        "h",
        "executions",
        "triggers",
        "Show the executions of its flow.",
        hint=5,
    ),
    _action("triggers.filter", "slash", "filter", "triggers", "Filter by text.", hint=6),
    *INBOX,
    _action("machine.open", "enter", "open", "machine", "Open the execution of the step.", hint=1),
    _action(
        "machine.sort", "o", "sort", "machine", "Sort by CPU, memory, disk I/O or name.", hint=2
    ),
    _action("system.next_tab", "tab right l", "next", "system", "Go to the next part.", hint=1),
    _action(
        "system.previous_tab", "shift+tab left h", "previous", "system", "Go to the part before."
    ),
    _action(
        "system.follow", "F", "follow", "system", "Stay at the log's end, or where you are.", hint=2
    ),
    _action("system.level_debug", "1", "all levels", "system", "Show all of the engine's log."),
    _action("system.level_info", "2", "info", "system", "Show info and what is worse."),
    _action("system.level_warning", "3", "warnings", "system", "Show warnings and errors.", hint=3),
    _action("system.level_error", "4", "errors", "system", "Show errors only."),
    _action("system.copy", "y", "copy", "system", "Copy what is shown.", hint=4),
    _action(
        "help.search", "slash", "search", "help", "Show only what holds these words.", hint=2
    ),
    _action(
        "help.next_match", "n", "next match", "help", "Go to the next place with the words.", hint=3
    ),
    _action("help.previous_match", "N", "previous match", "help", "Go to the place before."),
    _action("audit.search", "slash", "search", "audit", "Show the lines that hold a text.", hint=1),
    _action("audit.verify", "V", "verify", "audit", "Check that no line was changed.", hint=2),
    _action("audit.copy", "y", "copy", "audit", "Copy what is shown.", hint=3),
    _action("help.open", "enter", "open", "help", "Open the document under the cursor.", hint=1),
    _action("global.flows", "f", "flows", "global", "Go to the flows.", hint=20),
    _action("global.executions", "a", "executions", "global", "Go to all executions.", hint=21),
    _action(
        "global.triggers", "c", "triggers", "global", "Go to what starts flows by itself.", hint=24
    ),
    _action(
        "global.inbox", "I", "inbox", "global", "Go to what has failed and not recovered.", hint=25
    ),
    _action(
        "global.machine", "m", "machine", "global", "Go to the machine: CPU, memory, disk.", hint=22
    ),
    _action("global.system", "v", "system", "global", "Go to the engine's own state.", hint=23),
    _action("global.audit", "u", "audit", "global", "Go to the audit: who did what."),
    _action("global.back", "escape", "back", "global", "Leave the filter, then this view."),
    _action(
        "global.quit",
        "q",
        "quit",
        "global",
        "Leave this view; from the first one, quit. The engine goes on.",
        hint=30,
    ),
    _action(
        "global.leave", "ctrl+q", "quit now", "global", "Quit from anywhere. The engine goes on."
    ),
    _action("global.interrupt", "ctrl+c", "quit", "global", "Pressed twice, quits."),
    _action("global.palette", "ctrl+p", "palette", "global", "Find an action by its name."),
    _action(
        "global.command", "colon", "command", "global", "Type a command, with Tab and the arrows."
    ),
    _action(
        "global.start_engine",
        "S",
        "start engine",
        "global",
        "Start the engine of this home, when none answers.",
    ),
    _action("global.theme", "T", "theme", "global", "Change to the next theme."),
    _action(
        "global.themes", "ctrl+t", "themes", "global", "Choose a theme while you see it."
    ),
    _action(
        "global.suspend", "ctrl+z", "suspend", "global", "Go back to the shell; `fg` returns here."
    ),
    _action("global.redraw", "ctrl+l", "redraw", "global", "Paint the screen anew."),
    _action(
        "global.help",
        "question_mark",
        "more",
        "global",
        "Show every key, and the documents.",
        hint=99,
    ),
)

SCOPE_TITLES = {
    "list": "Moving",
    "executions": "Executions",
    "execution": "One execution",
    "tree": "Step tree",
    "log": "Log",
    "details": "Why, timeline, diff",
    "flows": "Flows",
    "inbox": "Inbox",
    "triggers": "Triggers",
    "machine": "Machine",
    "system": "System",
    "audit": "Audit",
    "help": "Help",
    "global": "Everywhere",
}
