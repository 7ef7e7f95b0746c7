"""The route of `run --dry-run`: what a start would do. The thinking is in `engine.rehearsal`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine import wire
from engine.core.hide import Mask
from engine.core.prepare import missing_words
from engine.flowfile.inputs import check_inputs
from engine.rehearsal.dry_run import dry_run
from engine.request import check_words
from engine.scheduler import Scheduler
from engine.sensitive import mask_values, shown_inputs
from engine.server.app import Json
from engine.server.gate import caller_of
from engine.server.routes import body_of, context_of


async def plan(request: Request) -> Response:
    wanted: dict[str, Any] = dict(await body_of(request, wire.StartRequest))
    check_words(wanted)
    await context_of(request).gate.check_start(caller_of(request), wanted)
    service = context_of(request).service
    text, source = await service.definition_text(wanted)
    compiled = await service.library.compile(text, source)
    given, given_text = wanted.get("inputs") or {}, wanted.get("inputs_text") or {}
    inputs = check_inputs(compiled["inputs"], given, given_text)
    base_env = service.scheduler.surroundings().env_for(compiled)
    environment = service.scheduler.environment
    misses = environment.missing(compiled)
    values = {} if misses else environment.of(compiled).get("environment")
    found = dry_run(compiled, inputs, base_env, service.now_us(), values)
    found["problems"][:0] = misses
    if missing := service.secrets.missing(compiled):
        found["problems"].insert(0, missing_words(missing)[0])
    await _look_around(service.scheduler, compiled["source"] or source, found)
    mask = _mask_of(mask_values(compiled, inputs))
    shown = {key: mask(value) for key, value in found.items() if key not in ("flow", "version")}
    return Json({**found, **shown, "inputs": shown_inputs(compiled, inputs)})


async def _look_around(scheduler: Scheduler, source: str, found: dict[str, Any]) -> None:
    """What of the requirements is missing now, and who holds the concurrency group."""
    if found["requires"] is not None:
        path = found["env"].get("PATH") or scheduler.base_env.get("PATH", "")
        found["problems"] += await scheduler.errands.requirements(found["requires"], path, source)
    called = [step["does"]["flow"]["name"] for step in found["steps"] if step["kind"] == "flow"]
    if called:
        flows = {"programs": [], "files": [], "hosts": [], "flows": called}
        missing = await scheduler.errands.requirements(flows, "", source)
        found["problems"] += [one for one in missing if one not in found["problems"]]
    concurrency = found["concurrency"]
    if concurrency and concurrency.pop("known"):
        group, limit = concurrency["group"], concurrency["limit"]
        obstacle = scheduler.groups.ledger.obstacle(None, group, limit)
        concurrency["obstacle"] = obstacle.words() if obstacle else None


def _mask_of(values: tuple[str, ...]) -> Mask:
    if not values:
        return lambda value: value
    from engine.runner.masking import Masker  # only starts with sensitive inputs pay for it

    return Masker(list(values)).mask_json
