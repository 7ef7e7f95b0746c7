"""The flow language as tables: every key of a flow file and every kind of step, once.

Called by `compile` (reading), `jsonschema` (for editors) and `reference` (the documentation).
To add a key: one row here and its place in `compile`, or in `compiled_step` where it is a step's.
To add a kind of step: one row in KINDS.
LATER rows are words of the language that this version cannot carry out: a file that uses one is
refused, because leaving it out silently would be a lie.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass

from .access import PERMISSIONS, SecretName
from .alert_keys import ALERT
from .batch_keys import BATCH
from .errortypes import ErrorType
from .fields import BUILT, Fields, Key, table_of
from .http_keys import HTTP
from .input_keys import Input
from .names import (
    FLOW_NAME,
    NAME,
    wrong_env_name,
    wrong_input_name,
    wrong_name,
    wrong_pool_name,
)
from .own_kinds import APPROVE, CALL, CALL_WITHOUT, WAIT, WITHOUT
from .policies import CONCURRENCY, REQUIRES, RETENTION
from .readers import (
    Boolean,
    Choice,
    CommandLine,
    Duration,
    Expression,
    ListOf,
    MapOf,
    NodesOf,
    Number,
    Reader,
    TemplateText,
    TemplateTree,
    Text,
)
from .trigger_schema import Triggers

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

POOLS = MapOf(Number(1, 10_000, whole=True), wrong_pool_name, "a map of pools to slots")

SHELL = CommandLine(Text(form="a text", empty=False), or_one=True, least=1,
                    form="a command line")

_TIMES = (
    Key("timeout", Duration(0.1), "How long one attempt may run. Waiting does not count.",
        "no limit"),
    Key("grace", Duration(), "The time between SIGTERM and SIGKILL.", "10s"),
)
_POLICY = (
    Key("retry", RETRY, "What happens after a failed attempt.", "one attempt"),
    Key("on_interrupt", Choice(("retry", "fail", "hold")), "What happens when the machine or the "
        "runner died under the step, so that its outcome is unknown.",
        "retry where retries are configured, else fail"),
)

STEPS = NodesOf("a list of steps", "step", "begin each step with `- id:`")


ON_ERROR = Fields("an entry of `on_error`", (
    Key("match", ListOf(ErrorType(), or_one=True, least=1, form="a list of types of error"),
        "The errors that it handles; `interrupted` and `lost` only where they are named.",
        "[any]"),
    Key("steps", STEPS, "The steps that handle it, one after the other. They know `error.type`, "
        "`error.message` and `error.step`."),
    Key("then", Choice(("continue", "fail")), "`continue`: when they completed, the failure counts "
        "as met; `fail`: it stays a failure.", "continue"),
), required=("steps",))

# ── steps ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Kind:
    """One kind of step: the key that makes it one, and the keys that only it has."""

    name: str
    reader: Reader
    doc: str
    keys: tuple[Key, ...] = ()
    status: str = BUILT
    hint: str = ""
    without: frozenset[str] = frozenset()  # keys of every step that mean nothing here
    elsewhere: str = ""  # what to do with one of those


_NOT_OF_GROUPS = frozenset(
    {"timeout", "grace", "retry", "on_interrupt", "expect", "pools", "batch"})
_TO_THOSE = "give it to the steps in the group"
_OUTPUTS = Key("outputs", Choice(("lines", "json")), "`lines`: what the step writes to "
               "`$WINGMAN_OUTPUT`; `json`: its standard output is one JSON object.", "lines")

KINDS: Map[str, Kind] = {kind.name: kind for kind in (
    Kind("run", TemplateText(place="run", form="a command", empty=False,
                             hint="write the command after `run:`"),
         "A shell command or script. Inputs are environment variables: write \"$name\".",
         (Key("shell", SHELL, "The shell that gets the text.", "bash -euo pipefail"), _OUTPUTS)),
    Kind("python", PYTHON, "A Python function or script in a warm worker.", (_OUTPUTS,)),
    Kind("http", HTTP, "A request over HTTP. Its outputs are `status`, `headers` and `body`."),
    Kind("flow", CALL, "Another flow as a step: an execution of its own, whose outputs are the "
         "step's. It is found in the flow folders, then beside this file. The step takes no place; "
         "`retry` retries that execution.", without=CALL_WITHOUT,
         elsewhere="the flow that is called has its own"),
    Kind("wait", WAIT, "A wait that outlives the engine: for a duration, or `until` a time. No "
         "process runs, and no place is taken.", without=WITHOUT,
         elsewhere="nothing runs that could use it"),
    Kind("approve", APPROVE, "A question to a person, who approves or rejects. No process runs "
         "and no place is taken while it waits; who decided, the comment and what was filled in "
         "are its outputs.", without=WITHOUT,
         elsewhere="nothing runs that could use it; its time is approve: {timeout: 1h}"),
    Kind("parallel", STEPS, "A group of steps that run side by side: one without `needs` starts "
         "with the group. Who needs the group waits for all of them.", without=_NOT_OF_GROUPS,
         elsewhere=_TO_THOSE),
    Kind("steps", STEPS, "A group of steps that run one after the other.",
         without=_NOT_OF_GROUPS, elsewhere=_TO_THOSE),
)}

STEP_KEYS: tuple[Key, ...] = (
    Key("id", Text(), "The step's name, unique in the file."),
    Key("description", Text(), "What the step is for.", ""),
    Key("needs", ListOf(Text(form="the id of a step"), or_one=True, form="a list of step ids"),
        "The steps that must have ended well before this one starts; `[]` starts at once.",
        "the step above"),
    Key("if", Expression("if"), "The step is skipped where this is false. With "
        "`steps.<need>.state` in it, it also decides after a failure.", "true"),
    Key("env", STEP_ENV, "Environment variables of this step.", "{}"),
    *_TIMES, *_POLICY,
    Key("continue_on_error", Boolean(), "A failure counts as tolerated: the flow goes on and "
        "ends `partial`.", "false"),
    Key("expect", Expression("expect"), "Checked after the step: false fails it, with the values "
        "in the error. `outputs` are this step's own."),
    Key("pools", POOLS, "Slots of named shared resources that the step holds while it runs; the "
        "engine's `config.toml` says how many there are.", "{}"),
    Key("batch", BATCH, "The step once for each batch of items: of `run` and `python` steps."),
    Key("on_error", ListOf(ON_ERROR, least=1, form="a list of error paths"), "What handles a "
        "failure for good: the first entry whose `match` fits is taken.", "[]"),
)



MOCK = Fields("a mock", (
    Key("outputs", MapOf(Reader(), wrong_name, "a map of outputs"), "What the step gives.", "{}"),
    Key("error", ErrorType(one=True), "The type of error that it fails with.", "it completes"),
    Key("message", Text(), "The error's message.", ""),
    Key("times", Number(1, 1000, whole=True), "So many attempts fail, then it completes.",
        "every attempt"),
    Key("items", ListOf(Reader(), form="a list of items"), "Of a batch step: its items, in place "
        "of what `batch.items` says.", "a file counts as one item"),
    Key("failed_items", ListOf(Number(0, whole=True), form="a list of numbers"),
        "Of a batch step: the numbers of the items that fail.", "[]"),
))
TEST = Fields("a test", (
    Key("name", Text(form="a text", empty=False, longest=200), "What the test shows."),
    Key("inputs", MapOf(Reader(), wrong_input_name, "a map of inputs"),
        "The inputs of its start.", "{}"),
    Key("environment", MapOf(Reader(), wrong_name, "a map of values"),
        "Values of the server's environment; `environment.name` is `test` unless it is here.",
        "{}"),
    Key("mock", MapOf(MOCK, lambda name: None, "a map of steps"), "What steps give or how they "
        "fail, by their ids. The others complete with empty outputs.", "{}"),
    Key("expect", Fields("what a test expects", (
        Key("state", Choice(("completed", "partial", "failed", "cancelled")),
            "How the execution ends."),
        Key("steps", MapOf(Choice(("completed", "partial", "failed", "interrupted", "skipped",
                                   "cancelled")), lambda name: None, "a map of steps"),
            "How steps end, by their ids.", "{}"),
        Key("outputs", MapOf(Reader(), wrong_name, "a map of outputs"),
            "Outputs of the execution.", "{}"),
        Key("error", ErrorType(one=True), "The type of the execution's error."),
    )), "What has to hold in the end.", "{state: completed}"),
), required=("name",))

FLOW = table_of((
    Key("name", Text(FLOW_NAME, "a flow's name", "lower case letters, digits, `.`, `_`, `-`, at "
                     "most 64, beginning with a letter or digit"),
        "The flow's name; its history and numbers belong to it.", "the file's name without .yaml"),
    Key("description", Text(), "What the flow does.", ""),
    Key("type", Text(form="a text", longest=63), "A free label; the console filters by it.", ""),
    Key("tags", ListOf(Text(loose=True, form="a tag", empty=False), or_one=True,
                       form="a list of tags"), "Free labels.", "[]"),
    Key("inputs", MapOf(Input(), wrong_input_name, "a map of inputs"),
        "What a start may set; each becomes an environment variable of the steps.", "{}"),
    Key("env", ENV, "Environment variables of all steps.", "{}"),
    Key("env_passthrough", ListOf(Text(NAME, "the name of an environment variable"),
                                  form="a list of names"),
        "Variables taken over from the engine's own environment.", "[]"),
    Key("secrets", ListOf(SecretName(), form="a list of names"),
        "Secrets that the steps get as environment variables of these names (`wingman secret set "
        "NAME`); masked everywhere.", "[]"),
    Key("permissions", PERMISSIONS, "Who may run the flow and who may see it: roles (viewer, "
        "operator, editor, admin; each includes those before it) and `user:NAME`.",
        "{run: [operator], view: [viewer]}"),
    Key("python_path", ListOf(Text(form="a folder", empty=False), or_one=True,
                              form="a list of folders"),
        "Folders to import from, after the flow file's own; relative to it.", "[]"),
    Key("timeout", Duration(0.1), "How long an execution may take; time queued or paused does "
        "not count.", "no limit"),
    Key("max_parallel", Number(1, 10_000, whole=True), "How many steps run at once.", "32"),
    Key("fail_fast", Boolean(), "After a failed step, cancel the other branches.", "false"),
    Key("debug", Boolean(), "Trace commands and keep everything, at each execution.", "false"),
    Key("defaults", Fields("`defaults`", (
        *_TIMES, *_POLICY, Key("shell", SHELL, "The shell of `run` steps.", "bash -euo pipefail"),
    )), "What holds for every step that does not say otherwise; of `retry`, key by key.", "{}"),
    Key("steps", STEPS, "The steps."),
    Key("on_success", STEPS, "Steps after `steps`, where the execution completed (also "
        "partially).", "[]"),
    Key("on_failure", STEPS, "Steps after `steps`, where the execution failed.", "[]"),
    Key("on_cancel", STEPS, "Steps after `steps`, where the execution was cancelled; not after "
        "a kill.", "[]"),
    Key("finally", STEPS, "Steps that run at the very end, whatever happened; not after a kill.",
        "[]"),
    Key("expect", Expression("flow expect"), "Checked when all `steps` have ended well: false "
        "fails the execution, with the values in the error. `outputs` are the execution's own."),
    Key("outputs", MapOf(TemplateTree(place="outputs"), wrong_name, "a map of outputs"),
        "The execution's results.", "{}"),
    Key("runbook", Text(), "What to do when it fails: text, or a file.", ""),
    Key("tests", ListOf(TEST, form="a list of tests"), "Tests of the flow (`wingman test`): no "
        "step runs, and no side effect happens.", "[]"),
    Key("triggers", Triggers(), "What starts the flow by itself, once its file lies in a flow "
        "folder.", "[]"),
    Key("concurrency", CONCURRENCY, "How many executions of a group run at once.", "no limit"),
    Key("retention", RETENTION, "Which ended executions stay; the others are removed, with their "
        "logs and working directories.", "what `config.toml` says, else all"),
    Key("alerts", ListOf(ALERT, form="a list of alerts"), "Who is told what.", "[]"),
    Key("requires", REQUIRES, "What must be there before the first step; all that is missing is "
        "told at once, and no step runs.", "nothing"),
))
