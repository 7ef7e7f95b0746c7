"""What an action is, and those that an execution has wherever it is shown; for `keymap.py`.

Pure; standard library only.
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


def action(
    id_: str,
    keys: str,
    label: str,
    scope: str,
    help_: str,
    *,
    danger: bool = False,
    hint: int = 0,
) -> Action:
    return Action(id_, tuple(keys.split()), label, scope, help_, danger, hint)


def on_execution(scope: str, hints: Mapping[str, int]) -> list[Action]:
    """What can be done to an execution, in the list and in the opened one alike."""
    rows = (
        ("run", "r", "run", "Run the flow again: the form opens with the same inputs."),
        ("retry", "R", "retry", "Retry what failed, in the same execution."),
        ("edit", "E", "edit, resume", "Edit its definition, see what is reused, and resume it."),
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
        ("watch", "B", "watch", "Be told, in any mode, when this flow fails; again: no longer."),
        ("notes", "o", "notes", "Read the notes beside it, or the step, and write one."),
        ("runbook", "O", "runbook", "Read what to do when it fails; $EDITOR keeps it up to date."),
        ("copy", "y", "copy", "Copy its name, for a command line or a message."),
        ("copy_command", "Y", "copy command", "Copy the command line that shows it."),
    )
    return [
        action(
            f"{scope}.{name}",
            key,
            label,
            scope,
            help_,
            danger=(name, key, label, help_) in rows,
            hint=hints.get(name, 0),
        )
        for name, key, label, help_ in (*rows, *explained)
    ]
