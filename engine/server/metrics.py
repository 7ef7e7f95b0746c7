"""`/metrics` for Prometheus: what an operator's alarms need, read from memory and the counters."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from engine import __version__
from engine.model import EXECUTION_TRANSITIONS
from engine.server.context import Context
from engine.server.routes import context_of

Sample = tuple[dict[str, str], float]


async def metrics(request: Request) -> Response:
    context = context_of(request)
    counts = await context.service.reader(lambda history: history.counts())
    text = "".join(_lines(context, counts))
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _lines(context: Context, counts: dict[str, int]) -> Iterator[str]:
    service = context.service
    scheduler, journal = service.scheduler, service.journal
    states = [({"state": state}, float(counts.get(state, 0))) for state in EXECUTION_TRANSITIONS]
    pools = scheduler.slots.rows()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield from _metric("info", "gauge", "the engine", [({"version": __version__}, 1.0)])
    yield from _metric("executions", "gauge", "executions by state", states)
    yield from _metric("live_executions", "gauge", "not ended", [({}, len(scheduler.live))])
    yield from _metric("running_steps", "gauge", "running now", [({}, scheduler.running_steps)])
    yield from _metric(
        "max_running_steps", "gauge", "that many at once", [({}, scheduler.max_running_steps)]
    )
    yield from _metric("events_total", "counter", "journaled", [({}, journal.seq)])
    yield from _metric(
        "journal_degraded",
        "gauge",
        "1 while nothing can be written",
        [({}, bool(journal.degraded))],
    )
    yield from _metric(
        "pool_slots",
        "gauge",
        "of each pool",
        [({"pool": p["name"]}, p["capacity"] or 0) for p in pools],
    )
    yield from _metric(
        "pool_slots_used", "gauge", "held now", [({"pool": p["name"]}, p["used"]) for p in pools]
    )
    yield from _metric(
        "cpu_seconds_total", "counter", "of the engine", [({}, usage.ru_utime + usage.ru_stime)]
    )
    yield from _metric(
        "peak_memory_bytes", "gauge", "of the engine", [({}, usage.ru_maxrss * 1024)]
    )


def _metric(name: str, kind: str, help_: str, samples: list[Sample]) -> Iterator[str]:
    yield f"# HELP wingman_{name} {help_}\n# TYPE wingman_{name} {kind}\n"
    for labels, value in samples:
        words = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"wingman_{name}{f'{{{words}}}' if words else ''} {float(value):.15g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
