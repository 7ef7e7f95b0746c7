"""The `:` line: what its words mean, and what a word could become. Pure.

Carried out by `typed_actions.py`, which asks for the line. A line is the name of an action that is
possible here (`follow`), a verb of the command line with what it is about (`retry backup#12`,
`run backup keep=7`, `filter state:failed`), or the name of an execution alone. Of several servers a
name can say which (`retry prod:backup#12`). What follows the name of an execution that is acted on
is the reason.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wingman_tui.filters import complete as complete_filter
from wingman_tui.inputs import Input, as_text, choices
from wingman_tui.keymap import Action
from wingman_tui.sorting import REVERSE, SORTS

# verbs that are about an execution: the selected one where none is named
ON_EXECUTION = ("open", "retry", "cancel", "kill", "pause", "continue", "approve", "reject",
                "rerun", "copy", "why", "timeline", "values", "definition", "diff",
                "journal")  # fmt: skip
# which of them act at once, and so can say for the audit why
WITH_REASON = ("retry", "cancel", "kill", "pause", "continue")
ON_FLOW = ("run", "history", "debug")
STEP = "step"  # of the opened execution: go there
DEBUG_MODES = ("on", "once", "off")
SAVE, FORGET = FILTER_WORDS = ("save", "forget")  # about named filters
ALIASES = dict.fromkeys(("q", "q!", "qa"), "global.leave")  # fingers know them
INPUT_OPTION = "-i"  # of the command line; here it may be left out
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
    inputs: Mapping[str, str] = field(default_factory=dict)  # as they were typed
    server: str = ""  # of several, the one that was said


@dataclass(frozen=True)
class Known:
    """What can be named here."""

    actions: Sequence[Action] = ()
    executions: Sequence[str] = ()  # nightly-backup#12, newest first
    flows: Iterable[str] = ()
    types: Iterable[str] = ()
    themes: Iterable[str] = ()
    named: Iterable[str] = ()  # filters
    kept: Iterable[str] = ()  # of those, the operator's own
    modes: Mapping[str, str] = field(default_factory=dict)  # name -> title
    inputs: Callable[[str], Sequence[Input]] = lambda flow: ()  # what a flow takes
    steps: Sequence[str] = ()  # paths in the opened execution
    servers: Sequence[str] = ()  # that stand side by side


def parse(text: str, known: Known) -> Typed:
    """What a line means; raises TypedError with the nearest that would mean something."""
    verb, _, rest = text.strip().partition(" ")
    subject, _, after = rest.strip().partition(" ")
    if verb == "filter":
        return Typed("filter", rest=rest.strip())
    if verb == "sort" and subject:
        return _sort(subject, after.strip())
    if verb in ON_EXECUTION:
        return _on_execution(verb, subject, after.strip(), known)
    if verb in ON_FLOW:
        return _on_flow(verb, subject, after.strip(), known)
    if verb == STEP and known.steps:
        return Typed(STEP, _step(rest.strip(), known.steps))
    if verb == "theme":
        return _one_of("theme", subject, known.themes)
    if verb in known.modes:
        return Typed("go", verb)
    if any(sign in verb for sign in "#@") and not rest:
        return _on_execution("open", verb, "", known)
    action = _action(ALIASES.get(text.strip(), text.strip()), known.actions)
    if action is None:
        raise TypedError(_unknown(verb, known))
    return Typed(action=action)


def _on_execution(verb: str, subject: str, rest: str, known: Known) -> Typed:
    if rest and verb not in WITH_REASON:
        raise TypedError(f"{verb} takes one execution, and nothing behind it: {verb} {subject}")
    server, subject = _apart(subject, known)
    return Typed(verb, subject, rest, server=server)


def _on_flow(verb: str, subject: str, rest: str, known: Known) -> Typed:
    server, subject = _apart(subject, known)
    if not subject:
        raise TypedError(f"{verb} what? name a flow: {verb} nightly-backup")
    if verb == "debug" and rest not in ("", *DEBUG_MODES):
        raise TypedError(f"debug {subject} on, once or off")
    if verb == "run":
        return Typed(verb, subject, inputs=_inputs(rest), server=server)
    return Typed(verb, subject, rest, server=server)


def _apart(subject: str, known: Known) -> tuple[str, str]:
    """The server that a name says, where there are several, and the name there."""
    server, colon, name = subject.partition(":")
    if not colon or not known.servers:
        return "", subject
    if server not in known.servers:
        near = difflib.get_close_matches(server, known.servers, 1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known.servers)}"
        raise TypedError(f"no server {server} is shown here ({hint})")
    if not name:
        raise TypedError(f"{server}: what? name it: {server}:nightly-backup#12")
    return server, name


def _inputs(text: str) -> dict[str, str]:
    """The inputs of `name=value` words; a value with blanks stands in quotes."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise TypedError("a quotation mark is missing") from None
    given: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign and word != INPUT_OPTION:
            raise TypedError(f"{word}? an input is name=value")
        if sign:
            given[name] = value
    return given


def _step(words: str, paths: Sequence[str]) -> str:
    if not words:
        raise TypedError("step what? a part of its name is enough: step dump")
    if not any(words in path for path in paths):
        raise TypedError(f"no step has {words} in its path")
    return words


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
    here = [STEP] if known.steps else []
    return [*here, *ON_EXECUTION, *ON_FLOW, "filter", "sort", "theme", *known.modes]


def complete(text: str, known: Known) -> list[str]:
    """What the last word of a line could become, nearest first."""
    verb, space, rest = text.partition(" ")
    if not space:
        names = dict.fromkeys([*verbs(known), *(action.name for action in known.actions)])
        return [name for name in names if name.startswith(verb)]
    if verb == "filter":
        return _of_filter(rest, known)
    if verb == STEP:
        return [path for path in known.steps if rest in path][:OFFERED]
    head, _, last = rest.rpartition(" ")
    offered = _subjects(verb, head, last, known)
    return [name for name in offered if _begins(name, last, known)][:OFFERED]


def _begins(name: str, last: str, known: Known) -> bool:
    """Whether a name begins so; what says its server too, also behind that."""
    return name.startswith(last) or (bool(known.servers) and f":{last}" in name)


def _of_filter(rest: str, known: Known) -> list[str]:
    word, space, name = rest.partition(" ")
    if space and word in FILTER_WORDS:
        names = known.kept if word == FORGET else known.named
        return [named for named in sorted(names) if named.startswith(name)]
    words = [word for word in FILTER_WORDS if rest and word.startswith(rest)]
    return words + complete_filter(rest, known.flows, known.types, known.named)


def _subjects(verb: str, head: str, last: str, known: Known) -> list[str]:
    """What the last word could be, where `head` is what stands between it and the verb."""
    if verb in ON_EXECUTION:
        return [] if head else list(known.executions)
    if verb == "run" and head:
        return _of_inputs(head, last, known)
    if verb == "debug" and head:
        return list(DEBUG_MODES)
    if verb == "sort":
        return [REVERSE] if head else list(SORTS)
    if verb in ON_FLOW:
        return [] if head else sorted(known.flows)
    return list(known.themes) if verb == "theme" and not head else []


def _of_inputs(head: str, last: str, known: Known) -> list[str]:
    """The inputs that are not given yet, or the values of the one that is being typed.

    What is hidden is typed into the form, where nobody sees it and nothing remembers it.
    """
    flow, *given = head.split()
    names = {word.partition("=")[0] for word in given}
    declared = {str(each["name"]): each for each in known.inputs(flow) if not each.get("sensitive")}
    name, sign, _ = last.partition("=")
    if not sign:
        return [f"{free}=" for free in declared if free not in names]
    each = declared.get(name)
    if each is None:
        return []
    default = as_text(each.get("default"))
    values = choices(each) or ([default] if default else [])
    return [f"{name}={shlex.quote(value)}" for value in values]
