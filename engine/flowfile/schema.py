"""The flow language as tables: every key of a flow file, once; those of steps are in `step_keys`.

Called by `compile` (reading), `jsonschema` (for editors) and `reference` (the documentation).
To add a key: one row here and its place in `compile`.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from .keys import BUILT, LATER, Carried, Fields, Key, Steps, Value, Values, read_keys, table_of
from .names import FLOW_NAME, NAME, wrong_input_name, wrong_name
from .readers import (
    Boolean,
    Choice,
    Duration,
    Expression,
    ListOf,
    MapOf,
    Number,
    Reader,
    Reading,
    TemplateTree,
    Text,
)
from .step_keys import ENV, KINDS, POLICY, RETRY, SHELL, STEP_KEYS, TIMES, Kind
from .yaml_tree import Mapping, Node, Sequence

__all__ = [
    "BUILT", "FLOW", "INPUT_KEYS", "KINDS", "RETRY", "SCHEMA_WORDS", "STEP_KEYS", "TYPES",
    "Fields", "Key", "Kind", "Value", "Values", "read_keys", "table_of",
]

# ── inputs ────────────────────────────────────────────────────────────────────────────────────

TYPES = ("string", "integer", "number", "boolean", "array", "object")
INPUT_KEYS: tuple[Key, ...] = (
    Key("type", Choice(TYPES), "The type of the value.", "the type of `default`, else string"),
    Key("default", Reader(), "Without one the input is required."),
    Key("sensitive", Boolean(), "Encrypted on disk, masked in every log, never shown.", "false"),
    Key("description", Text(), "What the form says beside it.", ""),
)
# the words of JSON Schema that are checked, by the type that they speak of ("" = any)
SCHEMA_WORDS: Map[str, tuple[str, str]] = {
    "title": ("", "A short name for the form."),
    "examples": ("", "Examples for the form."),
    "enum": ("", "The values that are allowed."),
    "const": ("", "The only value that is allowed."),
    "pattern": ("string", "A regular expression (RE2) that must be found in the text."),
    "minLength": ("string", "The fewest characters."),
    "maxLength": ("string", "The most characters."),
    "format": ("string", "date, time or date-time."),
    "minimum": ("number", "The least value."),
    "maximum": ("number", "The greatest value."),
    "exclusiveMinimum": ("number", "The value must be greater."),
    "exclusiveMaximum": ("number", "The value must be less."),
    "multipleOf": ("number", "The value must be a multiple of this."),
    "items": ("array", "What each element must be."),
    "minItems": ("array", "The fewest elements."),
    "maxItems": ("array", "The most elements."),
    "uniqueItems": ("array", "No element may be there twice."),
    "properties": ("object", "What the values under these names must be."),
    "required": ("object", "The names that must be there."),
    "additionalProperties": ("object", "false: no other names; or what their values must be."),
}


_INPUT_TABLE = table_of(INPUT_KEYS + tuple(
    Key(word, Reader(), doc) for word, (_, doc) in SCHEMA_WORDS.items()))


@dataclass(frozen=True)
class Input(Reader):
    """One declared input: its own keys and the words of JSON Schema."""

    def words(self) -> str:
        return "the declaration of an input"

    def schema(self) -> dict[str, Any]:
        own = {key.name: {**key.reader.schema(), "description": key.doc} for key in INPUT_KEYS}
        words = {word: {"description": doc} for word, (_, doc) in SCHEMA_WORDS.items()}
        return {"type": "object", "properties": {**own, **words}, "additionalProperties": False}

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Mapping):
            return self.expected(node, reading, "write {type: string, default: …}")
        return read_keys(node, _INPUT_TABLE, reading, "an input")


_NEXT = "remove it; it will be taken by a later version"
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
    Key("python_path", ListOf(Text(form="a folder", empty=False), or_one=True,
                              form="a list of folders"),
        "Folders to import from, after the flow file's own; relative to it.", "[]"),
    Key("timeout", Duration(0.1), "How long an execution may take; time queued or paused does "
        "not count.", "no limit"),
    Key("max_parallel", Number(1, 10_000, whole=True), "How many steps run at once.", "32"),
    Key("fail_fast", Boolean(), "After a failed step, cancel the other branches.", "false"),
    Key("debug", Boolean(), "Trace commands and keep everything, at each execution.", "false"),
    Key("defaults", Fields("`defaults`", (
        *TIMES, *POLICY, Key("shell", SHELL, "The shell of `run` steps.", "bash -euo pipefail"),
    )), "What holds for every step that does not say otherwise; of `retry`, key by key.", "{}"),
    Key("steps", Steps(), "The steps."),
    Key("on_failure", Steps(), "Steps that run when `steps` have ended in a failure. These, and "
        "those of `on_cancel` and `finally`, see `error.type`, `error.message` and `error.step`.",
        "[]"),
    Key("on_success", Steps(), "Steps that run when `steps` have ended well.", "[]"),
    Key("on_cancel", Steps(), "Steps that run after a cancel; a kill leaves them out.", "[]"),
    Key("finally", Steps(), "Steps that run last, whatever happened; a kill leaves them out.",
        "[]"),
    Key("expect", Expression("flow expect"), "Checked when `steps` have ended well: false fails "
        "the execution, with the values in the error. `outputs` are the flow's own."),
    Key("outputs", MapOf(TemplateTree(place="outputs"), wrong_name, "a map of outputs"),
        "The execution's results.", "{}"),
    Key("runbook", Text(), "What to do when it fails: text, or a file.", ""),
    Key("tests", Carried(Sequence, "a list of tests"), "Tests of the flow; they change nothing "
        "about its executions.", "[]"),
    Key("secrets", Reader(), "Secrets for the steps.", "", LATER,
        "use a `sensitive` input for now"),
    Key("triggers", Reader(), "What starts the flow by itself.", "", LATER,
        "start it from cron with `wingman run`"),
    Key("concurrency", Reader(), "How many executions may run at once.", "", LATER, _NEXT),
    Key("retention", Reader(), "How long executions are kept.", "", LATER, _NEXT),
    Key("permissions", Reader(), "Who may do what.", "", LATER, _NEXT),
    Key("alerts", Reader(), "Who is told what.", "", LATER, "notify in a `finally` step"),
    Key("requires", Reader(), "What must be there before the start.", "", LATER,
        "test for it in the first step"),
))
