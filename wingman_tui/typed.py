"""The `:` line: what its words mean, and what a word could become. Pure.

Carried out by `typed_actions.py`, which asks for the line. A line is the name of an action that is
possible here (`follow`), a verb of the command line with what it is about (`retry backup#12`,
`filter state:failed`), or the name of an execution alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wingman_tui.filters import complete as complete_filter
from wingman_tui.keymap import Action
from wingman_tui.sorting import REVERSE, SORTS

# verbs that are about an execution: the selected one where none is named
ON_EXECUTION = ("open", "retry", "cancel", "kill", "pause", "continue", "approve", "reject",
                "rerun", "copy", "why", "timeline", "values", "definition", "diff",
                "journal")  # fmt: skip
ON_FLOW = ("run", "history", "debug")
DEBUG_MODES = ("on", "once", "off")
OFFERED = 8


class TypedError(Exception):
    """The line means nothing; the message says what is near."""


@dataclass(frozen=True)
class Typed:
    """A verb and what it is about, or an action that is possible here."""

    verb: str = ""
    subject: str = ""
    rest: str = ""
    action: Action | None = None


@dataclass(frozen=True)
class Known:
    """What can be named here."""

    actions: Sequence[Action] = ()
    executions: Sequence[str] = ()  # nightly-backup#12, newest first
    flows: Iterable[str] = ()
    types: Iterable[str] = ()
    themes: Iterable[str] = ()
    named: Iterable[str] = ()  # filters
    modes: Mapping[str, str] = field(default_factory=dict)  # name -> title


def parse(text: str, known: Known) -> Typed:
    """What a line means; raises TypedError with the nearest that would mean something."""
    verb, _, rest = text.strip().partition(" ")
    subject, _, after = rest.strip().partition(" ")
    if verb == "filter":
        return Typed("filter", rest=rest.strip())
    if verb == "sort" and subject:
        return _sort(subject, after.strip())
    if verb in ON_EXECUTION:
        return Typed(verb, subject)
    if verb in ON_FLOW:
        return _on_flow(verb, subject, after.strip())
    if verb == "theme":
        return _one_of("theme", subject, known.themes)
    if verb in known.modes:
        return Typed("go", verb)
    if any(sign in verb for sign in "#@") and not rest:
        return Typed("open", verb)
    action = _action(text.strip(), known.actions)
    if action is None:
        raise TypedError(_unknown(verb, known))
    return Typed(action=action)


def _on_flow(verb: str, subject: str, rest: str) -> Typed:
    if not subject:
        raise TypedError(f"{verb} what? name a flow: {verb} nightly-backup")
    if verb == "debug" and rest not in ("", *DEBUG_MODES):
        raise TypedError(f"debug {subject} on, once or off")
    return Typed(verb, subject, rest)


def _sort(subject: str, rest: str) -> Typed:
    if rest not in ("", REVERSE):
        raise TypedError(f"sort {subject}, or sort {subject} {REVERSE}")
    return Typed("sort", _one_of("sort", subject, SORTS).subject, rest)


def _one_of(verb: str, subject: str, names: Iterable[str]) -> Typed:
    names = list(names)
    if subject and subject not in names:
        near = difflib.get_close_matches(subject, names, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise TypedError(f"there is no {verb} {subject} ({hint})")
    return Typed(verb, subject)


def _action(words: str, actions: Sequence[Action]) -> Action | None:
    """The action of an id, of the last part of one, or of a label."""
    lower = words.lower()
    for names in ("id", "name", "label"):
        for action in actions:
            if getattr(action, names).lower() == lower:
                return action
    return None


def _unknown(verb: str, known: Known) -> str:
    names = [*verbs(known), *(action.name for action in known.actions)]
    near = difflib.get_close_matches(verb, names, 1)
    hint = f" (did you mean {near[0]}?)" if near else " (Tab offers what there is)"
    return f"there is no command {verb}{hint}"


def verbs(known: Known) -> list[str]:
    """The verbs that can begin a line."""
    return [*ON_EXECUTION, *ON_FLOW, "filter", "sort", "theme", *known.modes]


def complete(text: str, known: Known) -> list[str]:
    """What the last word of a line could become, nearest first."""
    verb, space, rest = text.partition(" ")
    if not space:
        names = dict.fromkeys([*verbs(known), *(action.name for action in known.actions)])
        return [name for name in names if name.startswith(verb)]
    if verb == "filter":
        if rest.startswith("forget "):
            return [name for name in sorted(known.named) if name.startswith(rest[7:])]
        return complete_filter(rest, known.flows, known.types, known.named)
    last = rest.rpartition(" ")[2]
    return [name for name in _subjects(verb, rest, known) if name.startswith(last)]


def _subjects(verb: str, rest: str, known: Known) -> list[str]:
    if verb in ON_EXECUTION:
        return list(known.executions)[:OFFERED] if " " not in rest else []
    if verb == "debug" and " " in rest:
        return list(DEBUG_MODES)
    if verb == "sort":
        return [REVERSE] if " " in rest else list(SORTS)
    if verb in ON_FLOW:
        return sorted(known.flows) if " " not in rest else []
    return list(known.themes) if verb == "theme" else []
