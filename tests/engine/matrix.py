"""The matrix of rights: every route, and the least role that may use it."""

from __future__ import annotations

from typing import Any

PUBLIC, NOBODY = "public", "nobody"
FLOW = "name: plain\nsteps: [{id: s, run: 'true'}]"
# (method, path): the least role that may; what is asked is harmless for who may
MATRIX: dict[tuple[str, str], str] = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/metrics"): "viewer",
    ("GET", "/v1/engine"): "viewer",
    ("GET", "/v1/engine/log"): "operator",
    ("GET", "/v1/doctor"): "operator",
    ("POST", "/v1/engine/stop"): "admin",
    ("GET", "/v1/executions"): "viewer",
    ("POST", "/v1/executions"): "operator",
    ("GET", "/v1/executions/{ref}"): "viewer",
    ("GET", "/v1/executions/{ref}/logs"): "viewer",
    ("GET", "/v1/executions/{ref}/logs/lines"): "viewer",
    ("GET", "/v1/executions/{ref}/logs/find"): "viewer",
    ("GET", "/v1/executions/{ref}/definition"): "viewer",
    ("GET", "/v1/executions/{ref}/why"): "viewer",
    ("GET", "/v1/executions/{ref}/diff"): "viewer",
    ("GET", "/v1/executions/{ref}/timeline"): "viewer",
    ("POST", "/v1/executions/{ref}/resume"): "operator",
    ("POST", "/v1/executions/{ref}/resume/plan"): "viewer",
    ("GET", "/v1/executions/{ref}/fix"): "viewer",
    ("POST", "/v1/executions/{ref}/fix"): "editor",
    ("POST", "/v1/executions/{ref}/approve"): "viewer",  # the step says who
    ("POST", "/v1/executions/{ref}/reject"): "viewer",
    ("POST", "/v1/executions/{ref}/{verb}"): "operator",
    ("GET", "/v1/executions/{ref}/export"): "viewer",
    ("GET", "/v1/executions/{ref}/batches"): "viewer",
    ("GET", "/v1/executions/{ref}/runbook"): "viewer",
    ("PUT", "/v1/executions/{ref}/runbook"): "editor",
    ("GET", "/v1/executions/{ref}/notes"): "viewer",
    ("POST", "/v1/executions/{ref}/notes"): "operator",
    ("PUT", "/v1/executions/{ref}/notes/{note}"): "operator",
    ("DELETE", "/v1/executions/{ref}/notes/{note}"): "operator",
    ("GET", "/v1/notes"): "viewer",
    ("GET", "/v1/flows"): "viewer",
    ("GET", "/v1/flows/{name}"): "viewer",
    ("GET", "/v1/flows/{name}/why"): "viewer",
    ("POST", "/v1/flows/{name}/debug"): "operator",
    ("POST", "/v1/plan"): "operator",
    ("POST", "/v1/validate"): "viewer",
    ("GET", "/v1/machine"): "viewer",
    ("GET", "/v1/pools"): "viewer",
    ("GET", "/v1/triggers"): "viewer",
    ("GET", "/v1/triggers/{name}"): "viewer",  # and the right to its flow
    ("GET", "/v1/triggers/{name}/ledger"): "viewer",
    ("GET", "/v1/triggers/{name}/next"): "viewer",
    ("POST", "/v1/triggers/{name}/test"): "viewer",
    ("POST", "/v1/triggers/{name}/pause"): "operator",
    ("POST", "/v1/triggers/{name}/continue"): "operator",
    ("GET", "/v1/secrets"): "admin",
    ("POST", "/v1/secrets/rotate"): "admin",
    ("PUT", "/v1/secrets/{name}"): "admin",
    ("DELETE", "/v1/secrets/{name}"): "admin",
    ("GET", "/v1/audit"): "admin",
    ("GET", "/v1/audit/verify"): "admin",
    ("GET", "/v1/me"): "viewer",
    ("GET", "/v1/users"): "admin",
    ("PUT", "/v1/users/{user}"): "admin",
    ("DELETE", "/v1/users/{user}"): "admin",
    ("GET", "/v1/tokens"): "admin",
    ("POST", "/v1/tokens"): "admin",
    ("DELETE", "/v1/tokens/{id}"): "admin",
    ("GET", "/v1/events"): "viewer",
    ("POST", "/v1/events"): "operator",
    ("GET", "/v1/executions/{ref}/replay"): "viewer",
    ("POST", "/hooks/{name}"): PUBLIC,  # the signature of the request says who
    ("GET", "/v1/openapi.json"): "viewer",
    ("WS", "/v1/feed"): "viewer",
}
BODIES: dict[str, Any] = {
    "/v1/executions": {"flow": "practice-failure", "inputs": {"port": "x"}},
    "/v1/plan": {"flow": "practice-failure"},
    "/v1/validate": {"text": FLOW},
    "/v1/executions/{ref}/resume": {"version": "none"},
}
