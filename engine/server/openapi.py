"""The API's own description, made from the shapes of what crosses it: `/v1/openapi.json`."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine import __version__, people, wire
from engine.push import shapes as push
from engine.rehearsal import shapes as planned
from engine.resume import shapes as resume
from engine.server import (
    access_routes,
    alert_routes,
    inbox_routes,
    note_routes,
    resume_routes,
    routes,
    runbook_routes,
    secret_routes,
)
from engine.server.app import Json
from engine.triggers import shapes as triggers

REF = {
    "name": "ref",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "id, flow#12, flow@last, flow@last-failed, @last, suffix or prefix of 6 or more",
}
NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
USER = {**NAME, "name": "user"}
NOTE = {**NAME, "name": "note"}
TOKEN = {**NAME, "name": "id"}
VERSION = {**NAME, "name": "version"}
VERB = {
    "name": "verb",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": list(wire.VERBS)},
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
SHAPES = (
    alert_routes.Alert,
    alert_routes.ChannelRequest,
    inbox_routes.InboxEntry,
    inbox_routes.InboxAckRequest,
    inbox_routes.SnoozeRequest,
    inbox_routes.AssignRequest,
    inbox_routes.InboxCloseRequest,
    wire.Execution,
    wire.Flow,
    wire.StartRequest,
    planned.StartPlan,
    people.ApprovalRequest,
    people.Note,
    note_routes.NoteRequest,
    runbook_routes.RunbookRequest,
    resume.ResumeRequest,
    resume.ResumePlan,
    resume.Fix,
    resume.SavedFix,
    wire.Started,
    wire.EngineStatus,
    wire.Pool,
    wire.Group,
    wire.Machine,
    wire.LogLine,
    triggers.Trigger,
    triggers.Occasion,
    triggers.Moment,
    triggers.Trial,
    triggers.TrialRequest,
    triggers.SwitchRequest,
    triggers.EmitRequest,
    triggers.Emitted,
    wire.Problem,
    push.LookRequest,
    push.PushRequest,
    push.Look,
    push.Pushed,
    push.Version,
    resume_routes.SaveFixRequest,
    routes.VerbRequest,
    routes.DebugRequest,
    routes.ValidateRequest,
    routes.StopRequest,
    routes.ReloadRequest,
    secret_routes.SecretRequest,
    access_routes.UserRequest,
    access_routes.TokenRequest,
)
INBOX_VERBS = {"ack": "InboxAckRequest", "snooze": "SnoozeRequest", "assign": "AssignRequest",
               "close": "InboxCloseRequest"}  # fmt: skip
LINES_WANTED = ("step", "attempt", "level", "grep", "stream")
GZIP = {"application/gzip": {"schema": {"type": "string", "format": "binary"}}}
TEXT = {"text/plain": {"schema": {"type": "string"}}}


def _query(*names: str) -> list[dict[str, Any]]:
    numbers = {"limit", "cursor", "after_seq", "before_seq", "attempt", "count", "skip"}
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {"type": "integer", "minimum": int(name == "limit")}
            if name in numbers
            else {"type": "string"},
        }
        for name in names
    ]


def _listed(name: str, schema: Any) -> dict[str, Any]:
    """The schema of an object that holds a list under a name."""
    return {"type": "object", "properties": {name: {"type": "array", "items": schema}}}


@cache
def make_document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of every HTTP route."""
    schemas, components = msgspec.json.schema_components(
        SHAPES, ref_template="#/components/schemas/{name}"
    )
    shape = {made.__name__: schema for made, schema in zip(SHAPES, schemas, strict=True)}
    for name, component in components.items():
        if name.endswith("Request"):
            component["additionalProperties"] = False

    def answer(schema: Any, description: str = "the answer") -> dict[str, Any]:
        return {"description": description, "content": {"application/json": {"schema": schema}}}

    def operation(
        schema: Any = None,
        body: str | None = None,
        parameters: Any = (),
        status: str = "200",
        content: Any = None,
    ) -> dict[str, Any]:
        made: dict[str, Any] = {
            "responses": {
                status: {"description": "the answer", "content": content}
                if content
                else answer(schema if schema is not None else {"type": "object"}),
                "4XX": answer({"$ref": "#/components/schemas/Problematic"}, "refused"),
                "503": answer({"$ref": "#/components/schemas/Problematic"}, "not now"),
            },
            "parameters": list(parameters),
        }
        if body:
            made["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": shape[body]}},
            }
        return made

    listing = {
        "type": "object",
        "required": ["executions", "next"],
        "properties": {
            "executions": {"type": "array", "items": shape["Execution"]},
            "next": {"type": ["string", "null"]},
        },
    }
    lines = {
        "type": "object",
        "properties": {"lines": {"type": "array", "items": shape["LogLine"]}},
    }
    notes = {"type": "object", "properties": {"notes": {"type": "array", "items": shape["Note"]}}}
    alerts = {"type": "object",
              "properties": {"alerts": {"type": "array", "items": shape["Alert"]}}}
    flows = {"type": "object", "properties": {"flows": {"type": "array", "items": shape["Flow"]}}}
    pools = {"type": "object", "properties": {
        "pools": {"type": "array", "items": shape["Pool"]},
        "groups": {"type": "array", "items": shape["Group"]}}}
    paths = {
        "/healthz": {"get": operation()},
        "/v1/engine": {"get": operation(shape["EngineStatus"])},
        "/v1/engine/reload": {"post": operation(None, "ReloadRequest")},
        "/v1/engine/stop": {"post": operation(None, "StopRequest", status="202")},
        "/v1/executions": {
            "post": operation(shape["Started"], "StartRequest", status="201"),
            "get": operation(
                listing,
                parameters=_query(
                    *("state", "flow", "type", "trigger", "since", "until", "note", "text"),
                    *("limit", "cursor", "said"),
                ),
            ),
        },
        "/v1/executions/{ref}": {
            "get": operation(shape["Execution"], parameters=[REF, *_query("wait", "calls")])
        },
        "/v1/executions/{ref}/logs": {
            "get": operation(
                content=TEXT,
                parameters=[
                    REF,
                    *_query(*LINES_WANTED, "follow", "after", "prefix", "engine", "json", "skip"),
                ],
            )
        },
        "/v1/executions/{ref}/logs/lines": {
            "get": operation(
                lines,
                parameters=[REF, *_query(*LINES_WANTED, "before", "after", "limit")],
            )
        },
        "/v1/executions/{ref}/logs/find": {
            "get": operation(
                lines,
                parameters=[
                    REF,
                    *_query(*LINES_WANTED, "find", "find_level", "from", "back", "limit"),
                ],
            )
        },
        "/v1/executions/{ref}/definition": {"get": operation(content=TEXT, parameters=[REF])},
        "/v1/executions/{ref}/batches": {
            "get": operation(parameters=[REF, *_query("step", "state", "after", "limit")])
        },
        "/v1/executions/{ref}/why": {"get": operation(parameters=[REF, *_query("step", "probe")])},
        "/v1/executions/{ref}/hold": {"get": operation(parameters=[REF, *_query("unless")])},
        "/v1/executions/{ref}/diff": {"get": operation(parameters=[REF, *_query("against")])},
        "/v1/executions/{ref}/replay": {"get": operation(parameters=[REF, *_query("at")])},
        "/v1/executions/{ref}/export": {"get": operation(parameters=[REF], content=GZIP)},
        "/v1/executions/{ref}/timeline": {"get": operation(parameters=[REF])},
        "/v1/executions/{ref}/resume": {
            "post": operation(shape["Started"], "ResumeRequest", [REF], "201")
        },
        "/v1/executions/{ref}/resume/plan": {
            "post": operation(shape["ResumePlan"], "ResumeRequest", [REF])
        },
        "/v1/executions/{ref}/fix": {
            "get": operation(shape["Fix"], parameters=[REF]),
            "post": operation(shape["SavedFix"], parameters=[REF]),
        },
        "/v1/executions/{ref}/runbook": {
            "get": operation(parameters=[REF]),
            "put": operation(None, "RunbookRequest", [REF]),
        },
        "/v1/executions/{ref}/notes": {
            "get": operation(notes, parameters=[REF]),
            "post": operation(shape["Note"], "NoteRequest", [REF], "201"),
        },
        "/v1/executions/{ref}/notes/{note}": {
            "put": operation(shape["Note"], "NoteRequest", [REF, NOTE]),
            "delete": operation(parameters=[REF, NOTE]),
        },
        "/v1/alerts": {"get": operation(alerts, parameters=_query("limit", "before"))},
        "/v1/inbox": {"get": operation(
            _listed("entries", shape["InboxEntry"]), parameters=_query("show", "text", "limit"))},
        "/v1/inbox/{id}": {"get": operation(shape["InboxEntry"], parameters=[TOKEN])},
        **{f"/v1/inbox/{{id}}/{verb}": {"post": operation(shape["InboxEntry"], body, [TOKEN])}
           for verb, body in INBOX_VERBS.items()},
        "/v1/alerts/test": {"post": operation(None, "ChannelRequest")},
        "/v1/alerts/{id}/ack": {"post": operation(shape["Alert"], parameters=[TOKEN])},
        "/v1/notes": {"get": operation(notes, parameters=_query("text", "flow", "limit"))},
        "/v1/executions/{ref}/approve": {
            "post": operation(shape["Started"], "ApprovalRequest", [REF])
        },
        "/v1/executions/{ref}/reject": {
            "post": operation(shape["Started"], "ApprovalRequest", [REF])
        },
        "/v1/executions/{ref}/{verb}": {
            "post": operation(shape["Started"], "VerbRequest", [REF, VERB])
        },
        "/v1/flows": {"get": operation(flows)},
        "/v1/flows/{name}": {
            "get": operation(shape["Flow"], parameters=[NAME]),
            "put": operation(shape["Pushed"], "PushRequest", [NAME]),
        },
        "/v1/flows/{name}/look": {"post": operation(shape["Look"], "LookRequest", [NAME])},
        "/v1/flows/{name}/versions": {
            "get": operation(_listed("versions", shape["Version"]), parameters=[NAME])
        },
        "/v1/flows/{name}/versions/{version}": {
            "get": operation(content=TEXT, parameters=[NAME, VERSION])
        },
        "/v1/flows/{name}/why": {"get": operation(parameters=[NAME])},
        "/v1/flows/{name}/debug": {"post": operation(None, "DebugRequest", [NAME])},
        "/v1/plan": {"post": operation(shape["StartPlan"], "StartRequest")},
        "/v1/validate": {"post": operation(None, "ValidateRequest")},
        "/v1/engine/log": {"get": operation(parameters=_query("level", "limit"))},
        "/v1/doctor": {"get": operation()},
        "/v1/support": {"get": operation(content=GZIP)},
        "/v1/machine": {"get": operation(shape["Machine"])},
        "/v1/pools": {"get": operation(pools)},
        "/v1/secrets": {"get": operation()},
        "/v1/secrets/rotate": {"post": operation()},
        "/v1/secrets/{name}": {
            "put": operation(None, "SecretRequest", [NAME]),
            "delete": operation(parameters=[NAME]),
        },
        "/metrics": {"get": operation(content=TEXT)},
        "/v1/audit": {
            "get": operation(
                parameters=_query("limit", "before_seq", "actor", "action", "text", "since")
            )
        },
        "/v1/audit/verify": {"get": operation()},
        "/v1/me": {"get": operation()},
        "/v1/users": {"get": operation()},
        "/v1/users/{user}": {
            "put": operation(None, "UserRequest", [USER]),
            "delete": operation(parameters=[USER]),
        },
        "/v1/tokens": {
            "get": operation(),
            "post": operation(None, "TokenRequest", status="201"),
        },
        "/v1/tokens/{id}": {"delete": operation(parameters=[TOKEN])},
        "/v1/triggers": {
            "get": operation(_listed("triggers", shape["Trigger"]), parameters=_query("flow"))
        },
        "/v1/triggers/{name}": {"get": operation(shape["Trigger"], parameters=[NAME])},
        "/v1/triggers/{name}/ledger": {
            "get": operation(
                _listed("occasions", shape["Occasion"]),
                parameters=[NAME, *_query("before_seq", "limit")],
            )
        },
        "/v1/triggers/{name}/next": {
            "get": operation(
                _listed("moments", shape["Moment"]), parameters=[NAME, *_query("count")]
            )
        },
        "/v1/triggers/{name}/test": {"post": operation(shape["Trial"], "TrialRequest", [NAME])},
        "/v1/triggers/{name}/pause": {
            "post": operation(shape["Trigger"], "SwitchRequest", [NAME])
        },
        "/v1/triggers/{name}/continue": {
            "post": operation(shape["Trigger"], "SwitchRequest", [NAME])
        },
        "/v1/events": {
            "get": operation(parameters=_query("after_seq", "execution", "limit")),
            "post": operation(shape["Emitted"], "EmitRequest", status="202"),
        },
        "/hooks/{name}": {"post": operation(parameters=[NAME], status="202")},
    }
    paths["/v1/triggers/{name}/ledger"]["get"]["parameters"][1]["name"] = "before"
    paths["/v1/events"]["get"]["parameters"][0]["name"] = "after"
    paths["/v1/audit"]["get"]["parameters"][1]["name"] = "before"
    for path, methods in paths.items():
        for method in methods.keys() - {"get"} if not path.startswith("/hooks/") else ():
            methods[method]["parameters"].append(KEY)
    components["Problematic"] = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "object", "required": ["code", "message", "hint"]}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Wingman", "version": __version__},
        "paths": paths,
        "components": {"schemas": components},
    }


async def document(request: Request) -> Response:
    return Json(make_document())
