"""From a step's definition to what the runner is asked to do: text, environment, arguments. Pure.

Called by `decide` at the moment a step may start. Raises ExpressionError when a template fails and
NeedsSandbox when an expression is too heavy to be evaluated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine import expression
from engine.core.items import Batches, Ranges
from engine.core.names import names_of
from engine.core.state import Execution, StepState
from engine.errors import ExpressionError
from engine.ids import attempt_id, idempotency_key

TRACED_SHELLS = frozenset({"bash", "sh", "dash", "ksh", "zsh"})


class Items(Protocol):
    """Reads items that were put aside; `ranges` are their numbers, see `engine.core.items`."""

    def values(self, store: str, ranges: Ranges) -> list[Any]: ...


class NeedsSandbox(Exception):
    """An expression over so much data that a process of its own has to evaluate it."""

    def __init__(self, text: str, names: dict[str, Any]) -> None:
        super().__init__(text)
        self.text = text
        self.names = names


class MissingSecret(ExpressionError):
    """A declared secret that nobody has set, or not any more."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the engine, not the flow, gives to every step; paths are absolute."""

    base_env: Mapping[str, str]
    work_root: str
    logs_root: str
    generation: str = ""
    output_limit_bytes: int = 1 << 20
    log_limit_bytes: int = 1 << 30
    log_sync: bool = False
    items: Items | None = None
    masks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by execution id
    own_env: Mapping[str, str] = field(default_factory=dict)  # what a flow may have passed through
    # values of declared secrets by execution id; None where nobody keeps any (simulations)
    secrets: Mapping[str, Mapping[str, str]] | None = None

    def env_for(self, definition: Mapping[str, Any]) -> dict[str, str]:
        """What the steps of a flow get of the engine's environment."""
        passed = definition["env_passthrough"]
        found = {name: self.own_env[name] for name in passed if name in self.own_env}
        return {**self.base_env, **found}

    def missing_secrets(self, ex: Execution) -> list[str]:
        """The secrets that an execution declares and that nobody has set."""
        declared = ex.definition.get("secrets")
        if not declared or self.secrets is None:
            return []
        there = self.secrets.get(ex.id, {})
        return [name for name in declared if name not in there]


def evaluate(ex: Execution, step: StepState | None, text: str, names: dict[str, Any]) -> Any:
    """The value of a bare expression; a heavy one's is the answer that the sandbox gave before."""
    key = (step.path if step else "", text)
    if key in ex.evaluated:
        answer = ex.evaluated[key]
        if isinstance(answer, ExpressionError):
            raise answer
        return answer
    try:
        return expression.evaluate(text, names, masked=ex.masked)
    except expression.HeavyExpression:
        raise NeedsSandbox(text, names) from None


def resolve(ex: Execution, step: StepState | None, value: Any, names: dict[str, Any]) -> Any:
    """`value` with every template in it replaced; a lone `${{ }}` keeps its type."""
    if isinstance(value, dict):
        return {key: resolve(ex, step, item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(ex, step, item, names) for item in value]
    if not isinstance(value, str) or not expression.is_template(value):
        return value
    parts = expression.parts_of(value)
    if parts.lone:
        return evaluate(ex, step, parts.expressions[0].text, names)
    return render(ex, step, value, names)


def render(ex: Execution, step: StepState | None, template: str, names: dict[str, Any]) -> str:
    """`template` as text, each `${{ }}` pasted by the rules of section 4."""
    if not expression.is_template(template):
        return template
    parts = expression.parts_of(template)
    if parts.problem is not None:
        raise ExpressionError(parts.problem.what, parts.problem.hint)
    pasted = [parts.literals[0]]
    for part, literal in zip(parts.expressions, parts.literals[1:], strict=True):
        pasted += (expression.as_text(evaluate(ex, step, part.text, names)), literal)
    return "".join(pasted)


def environment_of(
    ex: Execution, step: StepState | None, around: Surroundings, now_us: int
) -> dict[str, str]:
    """The environment of a step: passed through, flow, step, inputs; later wins."""
    env = dict(_flow_environment(ex, step, around, now_us))
    if step and step.definition["env"]:
        names = names_of(ex, step, dict(env), now_us)
        for name, template in step.definition["env"].items():
            env[name] = render(ex, step, template, names)
    for name, value in ex.inputs.items():
        env[name] = expression.as_text(value)
    return env


def _flow_environment(
    ex: Execution, step: StepState | None, around: Surroundings, now_us: int
) -> dict[str, str]:
    """The part that all steps have in common, made once; a restarted engine makes it again."""
    if ex.environment is None:
        env = around.env_for(ex.definition)
        names = names_of(ex, None, dict(env), now_us)
        for name, template in ex.definition["env"].items():
            env[name] = render(ex, step, template, names)
        ex.environment = env
    return ex.environment


class Environment(Mapping[str, str]):
    """`env` to an expression that is evaluated while nothing is prepared, such as `if`.

    Only what it refers to is made: a variable that cannot be does not fail what never asks for it.
    """

    def __init__(
        self, ex: Execution, step: StepState | None, around: Surroundings, now_us: int
    ) -> None:
        self._ex, self._step, self._around, self._now_us = ex, step, around, now_us
        self._own: Mapping[str, str] = step.definition["env"] if step else {}

    def __getitem__(self, name: str) -> str:
        ex, step = self._ex, self._step
        if name in ex.inputs:
            return expression.as_text(ex.inputs[name])
        flow = _flow_environment(ex, step, self._around, self._now_us)
        if name in self._own:
            return render(ex, step, self._own[name], names_of(ex, step, flow, self._now_us))
        return flow[name]

    def __iter__(self) -> Iterator[str]:
        flow = _flow_environment(self._ex, self._step, self._around, self._now_us)
        return iter({**flow, **self._own, **self._ex.inputs})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def attempt_spec(
    ex: Execution, step: StepState, around: Surroundings, now_us: int
) -> dict[str, Any]:
    """The runner's order for the next attempt of a step (protocols.md, section 2)."""
    definition = step.definition
    if step.number is not None and definition["batch"]["uses_items"]:
        step.item_values = _item_values(ex, step, around)
    env = environment_of(ex, step, around, now_us)
    names = names_of(ex, step, env, now_us)
    number = ex.next_attempt_number
    secrets = _secrets_of(ex, around)  # after `names`: never a value of an expression
    env |= {
        "WINGMAN_EXECUTION": ex.id,
        "WINGMAN_FLOW": ex.flow,
        "WINGMAN_STEP": step.path,
        "WINGMAN_ATTEMPT": str(step.attempts + 1),
        "WINGMAN_IDEMPOTENCY_KEY": idempotency_key(ex.id, step.path),
        "WINGMAN_DEBUG": "1" if ex.debug else "",
    }
    if "error" in names:
        env |= {f"WINGMAN_ERROR_{key.upper()}": text for key, text in names["error"].items()}
    spec = {
        "attempt": attempt_id(ex.id, number),
        "execution": ex.id,
        "number": number,
        "step": step.path,
        "kind": definition["kind"],
        "flow": ex.flow,
        "env": {**env, **secrets} if secrets else env,
        "cwd": f"{around.work_root}/{ex.id}",
        "log_dir": f"{around.logs_root}/{ex.id}",
        "outputs": definition["outputs"],
        "timeout_s": definition["timeout_s"],
        "grace_s": definition["grace_s"],
        "masks": list(around.masks.get(ex.id, ())),
        "output_limit_bytes": around.output_limit_bytes,
        "log_limit_bytes": around.log_limit_bytes,
        "log_sync": around.log_sync,
    }
    if step.number is not None:
        spec["batch"] = _batch_part(ex, step, around)
    return spec | KINDS[definition["kind"]](ex, step, names)


def store_of(ex: Execution, step_path: str, around: Surroundings) -> str:
    """Where the items of a batch step are put aside."""
    return f"{around.work_root}/{ex.id}.items/{step_path.replace('/', '+')}"


def batches_of(ex: Execution, batch: StepState) -> Batches:
    """All batches of the step that a batch is one of."""
    batches = ex.steps[batch.parent or ""].batches
    assert batches is not None
    return batches


def _item_values(ex: Execution, step: StepState, around: Surroundings) -> list[Any]:
    assert around.items is not None
    ranges = batches_of(ex, step).items_of(step.number or 0)
    return around.items.values(store_of(ex, step.parent or "", around), ranges)


def _batch_part(ex: Execution, step: StepState, around: Surroundings) -> dict[str, Any]:
    """What a batch has to do: the numbers of its items, and where they are."""
    return {
        "store": store_of(ex, step.parent or "", around),
        "numbers": batches_of(ex, step).items_of(step.number or 0),
        "format": step.definition["batch"]["items_format"],
        "single": step.definition["batch"]["size"] == 1,
    }


def _secrets_of(ex: Execution, around: Surroundings) -> Mapping[str, str]:
    """The secrets of a step about to start. Raises MissingSecret."""
    if not ex.definition.get("secrets") or around.secrets is None:
        return {}
    if missing := around.missing_secrets(ex):
        raise MissingSecret(*missing_words(missing))
    return around.secrets[ex.id]


def missing_words(names: list[str]) -> tuple[str, str]:
    """What is wrong where secrets are not there, and what helps."""
    listed = ", ".join(names)
    word = "secret is" if len(names) == 1 else "secrets are"
    hint = "; ".join(f"wingman secret set {name}" for name in names[:3])
    return f"the {word} not set: {listed}", hint


def _run_part(ex: Execution, step: StepState, names: dict[str, Any]) -> dict[str, Any]:
    shell = list(step.definition["shell"])
    if ex.debug and shell[0].rsplit("/", 1)[-1] in TRACED_SHELLS:
        shell.insert(1, "-x")
    return {"shell": shell, "text": render(ex, step, step.definition["run"], names)}


def _python_part(ex: Execution, step: StepState, names: dict[str, Any]) -> dict[str, Any]:
    python = step.definition["python"]
    part: dict[str, Any] = {
        "args": resolve(ex, step, python["args"], names),
        "path": ex.definition["python_path"],
        "set": ex.version,
    }
    if python["call"]:
        part["call"] = python["call"]
    else:
        part["script"] = render(ex, step, python["script"], names)
    return {"python": part}


def _http_part(ex: Execution, step: StepState, names: dict[str, Any]) -> dict[str, Any]:
    """The request with its templates resolved; only the body may become more than a text.

    A reference to a secret stays one, and nothing that a template gives can become one.
    """

    def text(given: Any) -> Any:
        if isinstance(given, list):
            return [text(each) for each in given]
        return render(ex, step, given, names) if isinstance(given, str) else given

    http = step.definition["http"]
    found = {key: text(value) for key, value in http.items()}
    found["body"] = resolve(ex, step, http["body"], names)
    for key in ("headers", "query"):
        found[key] = {name: text(given) for name, given in http[key].items()}
    if http["auth"]:
        (scheme, given), *_ = http["auth"].items()
        is_basic = scheme == "basic"
        found["auth"] = {
            scheme: {name: text(one) for name, one in given.items()} if is_basic else text(given)
        }
    return {"http": found}


KINDS = {"run": _run_part, "python": _python_part, "http": _http_part}
