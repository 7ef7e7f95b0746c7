"""What the gallery shows: a name, the keys that lead there, and a text that tells it is there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """One picture; `open` is an execution to start with, `world` an engine of another kind."""

    keys: str = ""
    sees: str = ""
    open: str = ""
    world: str = ""


SCENES = {
    "executions": Scene(sees="hostile"),
    "filtered": Scene("/ s t a t e : f a i l e d enter", "found"),
    "filtering": Scene("/ s t", "state:"),
    "nothing": Scene("/ z q enter", "nothing matches"),
    "sorted": Scene("s", "longest"),
    "marked": Scene("space down space", "marked"),
    "bulk": Scene("asterisk x", "ancel"),
    "confirm": Scene("/ f l o w : q u e u e - h e a v y enter x", "esc"),
    "empty": Scene(sees="No flow has run", world="empty"),
    "flows": Scene("f", "certificate"),
    "flow_problems": Scene("f / h a l f enter", "stepz"),
    "flow_definition": Scene("f / n i g h t l y enter D", "description"),
    "form_1": Scene("f / o n e - i n p u t enter r", "run it"),
    "form_8": Scene("f / n i g h t l y enter r", "run it"),
    "form_errors": Scene("f / n i g h t l y enter r ctrl+u A tab ctrl+u 9 9 9 enter", "run it"),
    "form_40": Scene("f / f o r t y enter r down down down down down", "run it"),
    "failed": Scene(open="nightly-backup@last-failed", sees="No space"),
    "failed_log": Scene("enter", open="nightly-backup@last-failed", sees="No space"),
    "log_errors": Scene("enter 4", open="nightly-backup@last-failed", sees="No space"),
    "log_search": Scene("enter / f r a m e enter", open="nightly-backup@last-failed", sees="frame"),
    "log_hide": Scene("tab / d u m p enter &", open="nightly-backup@last-failed", sees="dump"),
    "log_frozen": Scene("tab z", open="ingest-orders@last", sees="frozen"),
    "log_wrap": Scene("home tab W", open="hostile@last", sees="combining"),
    "live": Scene(open="ingest-orders@last", sees="europe"),
    "live_step": Scene("down down down down down", open="ingest-orders@last", sees="europe"),
    "batches": Scene("down down space", open="ingest-orders@last", sees="check"),
    "subflow": Scene(open="patch-all@last", sees="web2"),
    "asked": Scene(open="deploy-web@last", sees="confirm"),
    "approval": Scene("A", open="deploy-web@last", sees="decision"),
    "why": Scene("w", open="nightly-backup@last-failed", sees="helps"),
    "why_waits": Scene("w", open="deploy-web@last", sees="helps"),
    "timeline": Scene("t", open="nightly-backup@last-failed", sees="took"),
    "values": Scene("i", open="nightly-backup@last-failed", sees="Inputs"),
    "definition": Scene("D", open="nightly-backup@last-failed", sees="description"),
    "diff": Scene("equals_sign", open="nightly-backup@last-failed", sees="->"),
    "events": Scene("J", open="nightly-backup@last-failed", sees="queued"),
    "replay": Scene("J tab comma comma", open="nightly-backup@last-failed", sees="replay"),
    "notes": Scene("o", open="nightly-backup@last-failed", sees="note"),
    "runbook": Scene("O", open="nightly-backup@last-failed", sees="backup fails"),
    "machine": Scene("m", "america"),
    "triggers": Scene("c", "schedule"),
    "moments": Scene("c / n i g h t enter down n", "03:00"),
    "inbox": Scene("I", "open"),
    "audit": Scene("u", "run"),
    "system_log": Scene("v", "log"),
    "doctor": Scene("v tab", "disk"),
    "pools": Scene("v tab tab", "pool"),
    "engine": Scene("v tab tab tab", "version"),
    "help": Scene("question_mark", "Keys"),
    "help_search": Scene("question_mark / r e t r y enter", "etry"),
    "document": Scene("question_mark / o v e r enter", "ver"),
    "palette": Scene("ctrl+p r e t", "Find an action"),
    "themes": Scene("ctrl+t", "Themes"),
    "typed": Scene("colon r e", "retry"),
    "gone": Scene(sees="gone", world="gone"),
    "never": Scene(sees="engine", world="never"),
}
