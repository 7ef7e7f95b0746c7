"""THE table of actions: id, default key, label, scope, danger; `keys.py` looks things up in it.

The screens' dispatch, the key bar, the help, the palette and the documents are made from it, so
that none of them can drift. Operators remap by id in `config.toml`. Pure; standard library only.

A scope is where a key means something. A screen asks with its scopes from the inside out (`log`,
`execution`, `list`, `global`); the first that knows the key wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROLES = ("viewer", "operator", "editor", "admin")  # each includes those before it
EDITING = frozenset({"edit"})  # say what is run


@dataclass(frozen=True)
class Action:
    """One thing a person can do, and the keys that do it."""

    id: str
    keys: tuple[str, ...]
    label: str  # one or two words, for the key bar
    scope: str
    help: str  # one sentence
    danger: bool = False  # changes something that runs; refused read-only or without a connection
    hint: int = 0  # place in the key bar from the left; 0 is not shown there
    command: str = ""  # the command line that does the same, with {ref} and {flow} in it

    @property
    def role(self) -> str:
        """The least role that it needs on the server, as far as a flow says nothing else."""
        if self.name in EDITING:
            return "editor"
        return "operator" if self.danger else "viewer"

    @property
    def name(self) -> str:
        """The part of the id that names the method: `do_cancel` for `execution.cancel`."""
        return self.id.rpartition(".")[2]


def _action(
    id_: str,
    keys: str,
    label: str,
    scope: str,
    help_: str,
    *,
    danger: bool = False,
    hint: int = 0,
    command: str = "",
) -> Action:
    return Action(id_, tuple(keys.split()), label, scope, help_, danger, hint, command)


# what a script would say instead of the key
COMMANDS = {
    "run": "wingman rerun {ref}",
    "retry": "wingman retry {ref}",
    "cancel": "wingman cancel {ref}",
    "kill": "wingman kill {ref}",
    "pause": "wingman pause {ref}",
    "debug": "wingman debug {flow} on",
    "answer": "wingman approve {ref}",
    "why": "wingman why {ref}",
    "values": "wingman show {ref} --json",
    "diff": "wingman diff {ref}",
    "copy_command": "wingman show {ref}",
}


def _on_execution(scope: str, hints: Mapping[str, int]) -> list[Action]:
    """What can be done to an execution, in the list and in the opened one alike."""
    rows = (
        ("run", "r", "run", "Run the flow again: the form opens with the same inputs."),
        ("retry", "R", "retry", "Retry what failed, in the same execution."),
        ("edit", "E", "edit", "Edit its definition, see what could be reused, and resume it."),
        ("cancel", "x", "cancel", "Cancel: SIGTERM, then SIGKILL after the grace; `finally` runs."),
        ("kill", "X", "kill", "Kill at once with SIGKILL; `finally` does not run."),
        ("pause", "p", "pause", "Pause or continue: no new step starts, running ones finish."),
        ("debug", "d", "debug", "Switch debug mode of the flow on or off."),
        ("answer", "A", "answer", "Approve or reject what one of its steps asks."),
    )
    explained = (
        ("why", "w", "why", "Say why it failed or what it waits for, and what helps."),
        ("timeline", "t", "timeline", "Show where its time goes: each step, the critical path."),
        ("values", "i", "inputs, outputs", "Show its inputs and outputs, and those of its steps."),
        ("definition", "D", "definition", "Show the flow file that it started with."),
        ("diff", "equals_sign", "diff", "Compare it with the last good one before it."),
        ("events", "J", "journal", "Show its journal, an event a line."),
        ("copy", "y", "copy", "Copy its name, for a command line or a message."),
        ("copy_command", "Y", "copy command", "Copy the command line that shows it."),
    )
    return [
        _action(
            f"{scope}.{name}",
            key,
            label,
            scope,
            help_,
            danger=(name, key, label, help_) in rows,
            hint=hints.get(name, 0),
            command=COMMANDS.get(name, ""),
        )
        for name, key, label, help_ in (*rows, *explained)
    ]


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
    *_on_execution("executions", {"run": 2, "retry": 3, "cancel": 4, "why": 6}),
    _action(
        "executions.filter",
        "slash",
        "filter",
        "executions",
        "Filter the list, for example state:failed flow:backup since:2h text.",
        hint=5,
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
    *_on_execution("execution", {"run": 2, "retry": 3, "cancel": 4, "why": 7}),
    _action(
        "execution.follow",
        "F",
        "follow",
        "execution",
        "Follow the log's end; any upward move ends it.",
        hint=5,
    ),
    _action("execution.wrap", "W", "wrap", "execution", "Break long log lines, or cut them."),
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
        hint=6,
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
    _action("tree.open", "enter", "log", "tree", "Go to the log of the selected step."),
    _action("tree.copy_error", "y", "copy", "tree", "Copy the step's error, else the name."),
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
    *_on_execution("details", {"retry": 3, "run": 4, "diff": 5}),
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
    _action("flows.filter", "slash", "filter", "flows", "Filter the flows by text.", hint=4),
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
    _action("help.open", "enter", "open", "help", "Open the document under the cursor.", hint=1),
    _action("global.flows", "f", "flows", "global", "Go to the flows.", hint=20),
    _action("global.executions", "a", "executions", "global", "Go to all executions.", hint=21),
    _action("global.machine", "m", "machine", "global", "Go to the machine's gauges.", hint=22),
    _action("global.system", "v", "system", "global", "Go to the engine's own state.", hint=23),
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
    "machine": "Machine",
    "system": "System",
    "help": "Help",
    "global": "Everywhere",
}
