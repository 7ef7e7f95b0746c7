"""Every route of the API, with what it needs of its caller: the one table of who may what.

`gate.VIEW_EXECUTION` and the like are about the execution or flow that the path names; where the
body names it (a start), or nothing does (a list), the route asks the gate itself.
"""

from __future__ import annotations

from engine.server import (
    access_routes,
    approval_routes,
    feed,
    gate,
    insight_routes,
    log_find,
    log_routes,
    metrics,
    openapi,
    rehearsal_routes,
    resume_routes,
    routes,
    secret_routes,
    system_routes,
)
from engine.server.gate import Guarded, GuardedSocket

ROUTES: list[Guarded | GuardedSocket] = [
    Guarded("/healthz", routes.health, gate.PUBLIC),
    Guarded("/metrics", metrics.metrics, gate.VIEW),
    Guarded("/v1/engine", routes.engine, gate.VIEW),
    Guarded("/v1/engine/log", system_routes.log, gate.OPERATE),
    Guarded("/v1/doctor", system_routes.doctor, gate.OPERATE),
    Guarded("/v1/engine/stop", routes.stop, gate.ADMIN, "POST"),
    Guarded("/v1/executions", routes.executions, gate.VIEW),
    Guarded("/v1/executions", routes.start, gate.START, "POST"),
    Guarded("/v1/executions/{ref}", routes.execution, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/logs", log_routes.stream, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/logs/lines", log_routes.lines, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/logs/find", log_find.find, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/definition", routes.definition, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/why", insight_routes.why, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/diff", insight_routes.diff, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/timeline", insight_routes.timeline, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/resume", resume_routes.start, gate.RUN_EXECUTION, "POST"),
    Guarded("/v1/executions/{ref}/resume/plan", resume_routes.plan, gate.VIEW_EXECUTION, "POST"),
    Guarded("/v1/executions/{ref}/fix", resume_routes.fix, gate.VIEW_EXECUTION),
    Guarded("/v1/executions/{ref}/fix", resume_routes.save_fix, gate.EDIT_EXECUTION, "POST"),
    Guarded("/v1/executions/{ref}/approve", approval_routes.approve, gate.VIEW_EXECUTION, "POST"),
    Guarded("/v1/executions/{ref}/reject", approval_routes.reject, gate.VIEW_EXECUTION, "POST"),
    Guarded("/v1/executions/{ref}/{verb}", routes.act, gate.RUN_EXECUTION, "POST"),
    Guarded("/v1/flows", routes.flows, gate.VIEW),
    Guarded("/v1/flows/{name}", routes.flow, gate.VIEW_FLOW),
    Guarded("/v1/flows/{name}/why", insight_routes.why_flow, gate.VIEW_FLOW),
    Guarded("/v1/flows/{name}/debug", routes.flow_debug, gate.RUN_FLOW, "POST"),
    Guarded("/v1/plan", rehearsal_routes.plan, gate.START, "POST"),
    Guarded("/v1/validate", routes.validate, gate.VIEW, "POST"),
    Guarded("/v1/machine", routes.machine, gate.VIEW),
    Guarded("/v1/pools", routes.pools, gate.VIEW),
    Guarded("/v1/secrets", secret_routes.names, gate.ADMIN),
    Guarded("/v1/secrets/rotate", secret_routes.rotate, gate.ADMIN, "POST"),
    Guarded("/v1/secrets/{name}", secret_routes.put, gate.ADMIN, "PUT"),
    Guarded("/v1/secrets/{name}", secret_routes.remove, gate.ADMIN, "DELETE"),
    Guarded("/v1/me", access_routes.me, gate.VIEW),
    Guarded("/v1/users", access_routes.users, gate.ADMIN),
    Guarded("/v1/users/{user}", access_routes.set_user, gate.ADMIN, "PUT"),
    Guarded("/v1/users/{user}", access_routes.remove_user, gate.ADMIN, "DELETE"),
    Guarded("/v1/tokens", access_routes.tokens, gate.ADMIN),
    Guarded("/v1/tokens", access_routes.create_token, gate.ADMIN, "POST"),
    Guarded("/v1/tokens/{id}", access_routes.revoke_token, gate.ADMIN, "DELETE"),
    Guarded("/v1/events", routes.events, gate.VIEW),
    Guarded("/v1/openapi.json", openapi.document, gate.VIEW),
    GuardedSocket("/v1/feed", feed.endpoint, gate.VIEW),
]
