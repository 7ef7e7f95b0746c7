"""What other programs call a key, so that who comes from there is told its name here. Pure."""

from __future__ import annotations

import re
from collections.abc import Container

_HERE = {
    "run": "command commands cmd cmds script bash bash_command shell_command exec execute",
    "python": "python_callable py callable",
    "needs": "depends depends_on dependencies dependency upstream requires_steps after",
    "if": "when condition conditions only_if unless precondition preconditions",
    "batch": "foreach for_each loop matrix strategy map with_items with_param items parallel_for",
    "retry": "retries retry_policy retry_delay retry_strategy max_retries attempts repeat",
    "timeout": "timeout_s timeout_sec timeout_seconds timeout_minutes time_limit deadline "
    "execution_timeout max_runtime dagrun_timeout",
    "continue_on_error": "continue_on ignore_error ignore_errors ignore_failure allow_failure "
    "soft_fail",
    "on_error": "catch rescue handlers except error_handler on_failure_callback",
    "id": "name key task_id step_id",
    "flow": "uses workflow subflow sub_flow child call dag trigger_dag_id",
    "inputs": "params parameters with arguments args variables vars",
    "env": "environment envs environment_variables",
    "pools": "pool resources semaphore mutex",
    "approve": "approval manual confirm gate",
    "http": "request url webhook",
    "wait": "sleep delay pause",
    "parallel": "concurrent fork in_parallel",
    "max_attempts": "attempts retries max_retries limit count max_tries",
    "delay": "interval initial_interval retry_delay wait seconds",
    "max_delay": "max_interval",
    "backoff": "factor multiplier backoff_rate backoff_coefficient exponential",
    "steps": "jobs tasks stages nodes actions",
    "triggers": "on schedule schedules cron crontab trigger schedule_interval",
    "on_failure": "handler_on errors on_fail",
    "finally": "on_exit always cleanup ensure after_all",
    "concurrency": "max_active_runs singleton overlap",
    "max_parallel": "max_active_steps max_active_tasks parallelism max_concurrency",
    "alerts": "notify notifications mail_on email_on_failure alert on_failure_notify",
    "retention": "hist_retention_days history keep log_retention",
    "tags": "labels group",
}
_HERE_OF = {
    word: tuple(name for name, words in _HERE.items() if word in words.split())
    for words in _HERE.values()
    for word in words.split()
}


def called_here(word: str, known: Container[str]) -> str:
    """A hint with the key of this name in another program, or nothing where there is none."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word[:60]).replace("-", "_").lower()
    for name in _HERE_OF.get(plain, ()):
        if name in known:
            return f"it is called `{name}` here"
    return ""
