"""The steps of the flow language as tables: every key of a step and every kind of step, once.

Read through `schema`, which has the rest of the language. To add a key: a row in STEP_KEYS or in the
keys of its kinds. To add a kind of step: a row in KINDS. Both need their place in `steps`.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass

from .errortypes import ErrorType
from .keys import BUILT, LATER, Fields, Key, Steps
from .names import wrong_env_name
from .readers import (
    Boolean,
    Choice,
    Duration,
    Expression,
    ListOf,
    MapOf,
    Number,
    Reader,
    TemplateText,
    TemplateTree,
    Text,
)

# ── values ────────────────────────────────────────────────────────────────────────────────────

ENV = MapOf(TemplateText(loose=True, place="env", form="a text"), wrong_env_name,
            "a map of environment variables")
STEP_ENV = MapOf(TemplateText(loose=True, place="step env", form="a text"), wrong_env_name,
                 "a map of environment variables")

RETRY = Fields("a retry", (
    Key("max_attempts", Number(1, 1000, whole=True), "How often a step is tried, the first "
        "try included.", "1"),
    Key("delay", Duration(), "The wait before the second attempt.", "0s"),
    Key("backoff", Number(1, 100), "Each further wait is this many times the one before.", "1"),
    Key("max_delay", Duration(), "No wait is longer than this.", "no cap"),
    Key("jitter", Number(0, 1), "A share of the wait that is varied at random, so that steps "
        "that failed together do not return together.", "0"),
    Key("on", ListOf(ErrorType(), or_one=True, least=1, form="a list of types of error"),
        "Only these errors are retried: exit:N, signal:NAME, timeout, oom, start_failed, "
        "connection, a Python exception's dotted name, any.", "[any]"),
))

PYTHON = Fields("`python`", (
    Key("call", Text(pattern=r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*",
                     form="package.module:function", hint="such as scoring.model:score"),
        "The function to call, as `package.module:function`. It is imported from the flow file's "
        "folder, then from `python_path`."),
    Key("script", TemplateText(place="script", form="a Python text", empty=False),
        "Python source to run instead of a function."),
    Key("args", MapOf(TemplateTree(place="step"), lambda name: None, "a map of arguments"),
        "Arguments by name; a value that is one `${{ }}` alone keeps its type.", "{}"),
))

SHELL = ListOf(Text(form="a text", empty=False), or_one=True, least=1, form="a command line")

TIMES = (
    Key("timeout", Duration(0.1), "How long one attempt may run. Waiting does not count.",
        "no limit"),
    Key("grace", Duration(), "The time between SIGTERM and SIGKILL.", "10s"),
)
POLICY = (
    Key("retry", RETRY, "What happens after a failed attempt.", "one attempt"),
    Key("on_interrupt", Choice(("retry", "fail", "hold")), "What happens when the machine or the "
        "runner died under the step, so that its outcome is unknown.",
        "retry where retries are configured, else fail"),
)

# ── every step ────────────────────────────────────────────────────────────────────────────────

# an interrupted step stays so: `on_interrupt` decides about it, and a cancel about a cancelled one
UNHANDLED = ("cancelled", "interrupted", "lost")
ON_ERROR = Fields("a rule of `on_error`", (
    Key("match", ListOf(ErrorType(not_these=UNHANDLED), or_one=True, least=1,
                        form="a list of types of error"),
        "The rule holds for these errors; the first rule that holds is taken.", "[any]"),
    Key("steps", Steps(), "The fallback steps. They see `error.type`, `error.message` and "
        "`error.step`.", "[]"),
    Key("then", Choice(("continue", "fail")), "`continue`: when the fallback steps have ended "
        "well, the failure is handled, and the step counts as met; `fail`: it stays a failure.",
        "continue"),
))

STEP_KEYS: tuple[Key, ...] = (
    Key("id", Text(), "The step's name, unique in the file."),
    Key("description", Text(), "What the step is for.", ""),
    Key("needs", ListOf(Text(form="the id of a step"), or_one=True, form="a list of step ids"),
        "The steps that must have ended well before this one starts; `[]` starts at once. A group "
        "stands for all of its steps.", "the step above; in `parallel`, none"),
    Key("if", Expression("if"), "The step is skipped where this is false. With "
        "`steps.<need>.state` in it, it also decides after a failure.", "true"),
    Key("continue_on_error", Boolean(), "A failure counts as tolerated: the flow goes on and "
        "ends `partial`.", "false"),
    Key("on_error", ListOf(ON_ERROR, least=1, form="a list of rules"),
        "What happens after a failure, when no retry is left: the first rule that matches the "
        "error.", "[]"),
)

# ── kinds ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Kind:
    """One kind of step: the key that makes it one, and the keys that it has beside STEP_KEYS."""

    name: str
    reader: Reader
    doc: str
    keys: tuple[Key, ...] = ()
    status: str = BUILT
    hint: str = ""
    runs: bool = False  # as a process: it takes PROCESS_KEYS, too


PROCESS_KEYS: tuple[Key, ...] = (
    Key("env", STEP_ENV, "Environment variables of this step.", "{}"),
    *TIMES, *POLICY,
    Key("expect", Expression("expect"), "Checked after the step: false fails it, with the values "
        "in the error. `outputs` are this step's own."),
    Key("pools", Reader(), "Slots of named shared resources.", "", LATER,
        "use `max_parallel` for now"),
    Key("batch", Reader(), "The step once for each batch of items.", "", LATER,
        "loop over the items in the command"),
)
_OUTPUTS = Key("outputs", Choice(("lines", "json")), "`lines`: what the step writes to "
               "`$WINGMAN_OUTPUT`; `json`: its standard output is one JSON object.", "lines")

KINDS: Map[str, Kind] = {kind.name: kind for kind in (
    Kind("run", TemplateText(place="run", form="a command", empty=False,
                             hint="write the command after `run:`"),
         "A shell command or script. Inputs are environment variables: write \"$name\".",
         (Key("shell", SHELL, "The shell that gets the text.", "bash -euo pipefail"), _OUTPUTS),
         runs=True),
    Kind("python", PYTHON, "A Python function or script in a warm worker.", (_OUTPUTS,),
         runs=True),
    Kind("http", Reader(), "A request over HTTP.", (), LATER, "use `run:` with curl"),
    Kind("flow", Reader(), "Another flow as a step.", (), LATER,
         "use `run: wingman run NAME`"),
    Kind("wait", Reader(), "A durable wait.", (), LATER, "use `run: sleep 600`"),
    Kind("approve", Reader(), "A question to an operator.", (), LATER,
         "split the flow in two and start the second by hand"),
    Kind("parallel", Steps(), "A group whose steps run side by side. It has ended when they have."),
    Kind("steps", Steps(), "A group whose steps run one after the other, as they do at the top."),
)}


def keys_of(kind: Kind) -> tuple[Key, ...]:
    """Every key that a step of a kind may have beside its own word."""
    return STEP_KEYS + (PROCESS_KEYS if kind.runs else ()) + kind.keys
