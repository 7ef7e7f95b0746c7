"""The command line that does what an action does, with what it is about filled in. Pure.

One table by the actions' ids; what an execution has in every mode is found by its name alone. A
name in braces has to be known here, else there is no line; one that ends in `_` may be missing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from wingman_tui.filters import as_query
from wingman_tui.log_choice import ALL_LEVELS, LogChoice
from wingman_tui.naming import name_of

ON_EXECUTION = {
    "open": "show {ref}",
    "run": "rerun {ref}",
    "retry": "retry {ref}",
    "edit": "resume {ref}",
    "cancel": "cancel {ref}",
    "kill": "kill {ref}",
    "pause": "{pause} {ref}",
    "debug": "debug {flow} {debug}",
    "answer": "approve {ref}{asking_}",
    "notes": "note {ref}",
    "runbook": "runbook {ref}",
    "why": "why {ref}",
    "timeline": "timeline {ref}",
    "values": "show {ref} --json",
    "definition": "show {ref} --definition",
    "diff": "diff {ref}",
    "events": "logs {ref} --engine",
    "history": "list --flow {flow}",
    "only": "list --flow {flow}",
    "copy_command": "show {ref}",
}
COMMANDS = {
    "executions.filter": "{listed}",
    "executions.next_error": "list --state failed,partial",
    "executions.previous_error": "list --state failed,partial",
    "execution.follow": "logs {ref} -f{lines_}",
    "execution.search": "logs {ref}{lines_}{grep_}",
    "execution.next_match": "logs {ref}{lines_}{grep_}",
    "execution.previous_match": "logs {ref}{lines_}{grep_}",
    "execution.hide": "logs {ref}{lines_}{grep_}",
    "execution.save": "logs {ref}{lines_} -o {file}",
    "execution.level_debug": "logs {ref}{steps_}",
    "execution.level_info": "logs {ref}{steps_} --level info",
    "execution.level_warning": "logs {ref}{steps_} --level warning",
    "execution.level_error": "logs {ref}{steps_} --level error",
    "execution.next_error": "logs {ref}{steps_} --level error",
    "execution.previous_error": "logs {ref}{steps_} --level error",
    "execution.caller": "show {caller}",
    "tree.open": "logs {ref}{steps_}",
    "tree.copy_error": "why {ref}",
    "log.copy_lines": "logs {ref}{lines_}",
    "details.earlier": "show {ref} --at {earlier}",
    "details.later": "show {ref} --at {later}",
    "details.first_moment": "show {ref} --at {first}",
    "details.last_moment": "show {ref}",
    "flows.run": "run {flow}",
    "flows.definition": "flows {flow} --definition",
    "flows.filter": "flows",
    "triggers.pause": "trigger {turn} {name}",
    "triggers.pane": "trigger show {name}",
    "triggers.moments": "trigger next {name}",
    "triggers.open": "show {ref}",
    "triggers.filter": "trigger list",
    "inbox.acknowledge": "{list} ack {id}{undo_ack_}",
    "inbox.snooze": "inbox snooze {id} {until}",
    "inbox.assign": "inbox assign {id}",
    "inbox.close": "inbox close {id}",
    "inbox.next_tab": "alerts",
    "inbox.show": "inbox --show snoozed",
    "inbox.filter": "inbox",
    "audit.search": "audit",
    "audit.verify": "audit verify",
    "global.flows": "flows",
    "global.executions": "list",
    "global.triggers": "trigger list",
    "global.inbox": "inbox",
    "global.audit": "audit",
    "global.system": "doctor",
    "global.help": "help",
    "global.start_engine": "engine start",
}
_FIELD = re.compile(r"\{(\w+)\}")
_PLAIN = re.compile(r"[\w@%+=:,./-][\w@%+=:,./#-]*", re.ASCII)


def quoted(word: str) -> str:
    """A word as a shell takes it; `backup#12` needs no quotation marks, whatever shlex thinks."""
    return word if _PLAIN.fullmatch(word) else shlex.quote(word)


def command_line(id_: str, facts: Mapping[str, str], option: str = "") -> str:
    """The line for an action by its id; empty where there is none, or not all of it is known."""
    template = COMMANDS.get(id_) or ON_EXECUTION.get(id_.rpartition(".")[2], "")
    fields = _FIELD.findall(template)
    if not template or any(not facts.get(name) and not name.endswith("_") for name in fields):
        return ""
    return "wingman " + _FIELD.sub(lambda found: facts.get(found[1], ""), template) + option


def of_execution(execution: Mapping[str, Any], debug: str = "off") -> dict[str, str]:
    """What can be said of an execution, where its flow's debug mode is as named."""
    waiting = execution.get("waiting_for") or {}
    asking = waiting.get("step") if waiting.get("kind") == "approval" else None
    return {
        "ref": quoted(name_of(execution)),
        "pause": "continue" if execution.get("state") == "paused" else "pause",
        "asking_": _word(asking),
        **of_flow(str(execution.get("flow", "")), debug),
    }


def of_flow(name: str, debug: str) -> dict[str, str]:
    """What can be said of a flow."""
    return {"flow": quoted(name) if name else "", "debug": "off" if debug != "off" else "on"}


def of_log(choice: LogChoice, pattern: str) -> dict[str, str]:
    """What narrows the log that is shown, as options; and what is searched."""
    steps = f" --step {quoted(choice.steps[0])}" if len(choice.steps) == 1 else ""
    level = f" --level {choice.level}" if choice.level != ALL_LEVELS else ""
    hidden = f" --grep {quoted(choice.grep)}" if choice.grep else ""
    sought = f" --grep {quoted(pattern)}" if pattern and not choice.grep else ""
    return {
        "steps_": steps,
        "lines_": steps + level + hidden,
        "grep_": sought,
    }


def of_filter(text: str) -> dict[str, str]:
    """A filter as `list` takes it; nothing where it says what only the console can count."""
    query = as_query(text)
    if "warnings" in query:
        return {}
    options = "".join(f" --{name} {quoted(value)}" for name, value in query.items())
    return {"listed": "list" + options}


def _word(name: Any) -> str:
    return f" {quoted(str(name))}" if name else ""
