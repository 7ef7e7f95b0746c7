"""`why?probe=true`: asks the server of a failed `http` step again, without any effect on it."""

from __future__ import annotations

from engine import probing
from engine.core.names import names_of
from engine.core.prepare import NeedsSandbox, Surroundings, environment_of, render
from engine.core.state import Execution
from engine.errors import WingmanError
from engine.insight.answer import Why
from engine.recovery import restore
from engine.sensitive import mask_values
from engine.service import Service


async def ask_server(service: Service, why: Why, ord_: int, execution_id: str) -> None:
    """Add to an answer what the server of its failed step says now, where it can be asked."""
    ex = service.scheduler.live.get(execution_id)
    try:
        if ex is None:
            ex = await service.reader(
                lambda history: restore(history.connection, ord_, service.sensitive)
            )
        url = _address(ex, why.probe, service.scheduler.base_env, service.now_us())
    except (WingmanError, NeedsSandbox):
        return  # the failure itself says what is wrong with it
    http = ex.steps[why.probe].definition["http"]
    host, probes = await probing.probe(url, http["verify"])
    lines = [each.line() for each in probes]
    if http["proxy"]:
        lines.append("the step goes by a proxy; this was asked without it")
    host, *lines = _masked(ex, [host, *lines])
    why.add_probe(host, lines, all(each.is_well for each in probes))


def _address(ex: Execution, path: str, base_env: dict[str, str], now_us: int) -> str:
    """The step's address as it was, or would be now. Raises ExpressionError."""
    step = ex.steps[path]
    env = environment_of(ex, step, Surroundings(base_env, "", ""), now_us)
    return render(ex, step, step.definition["http"]["url"], names_of(ex, step, env, now_us))


def _masked(ex: Execution, texts: list[str]) -> list[str]:
    """Texts without sensitive inputs; secrets are in no address."""
    values = mask_values(ex.definition, ex.inputs)
    if not values:
        return texts
    from engine.runner.masking import Masker  # only executions with such inputs pay for it

    masker = Masker(list(values))
    return [masker.mask_text(text) for text in texts]
