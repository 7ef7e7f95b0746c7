"""What names may look like, and which are taken. Imports nothing but `engine.model`."""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.model import POOL_NAME

FLOW_NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
NAME_HINT = "letters, digits and _, not beginning with a digit, at most 63"
RESERVED_WORDS = frozenset({"true", "false", "null", "in"})
ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"

# bash runs what PS4 holds while it traces, and cannot be given what it keeps read-only
_HIJACKING = re.compile(
    r"WINGMAN_.*|LD_.*|PYTHON.*|BASH_.*|BASHOPTS|SHELLOPTS|ENV|PATH|IFS|PS[0-4]|PROMPT_COMMAND"
    r"|BASH|EUID|UID|PPID|PERL5LIB|PERL5OPT|PERL5DB|RUBYOPT|RUBYLIB|NODE_OPTIONS|NODE_PATH"
)


def wrong_name(name: str) -> tuple[str, str] | None:
    """What is wrong with a name of a step, input or output, and what helps."""
    if name in RESERVED_WORDS:
        return f"`{name}` is a word of expressions and cannot be a name", "choose another"
    if not re.fullmatch(NAME, name):
        return f"`{_short(name)}` is no name", NAME_HINT
    return None


def wrong_input_name(name: str) -> tuple[str, str] | None:
    """As `wrong_name`; inputs become environment variables and may not hijack a step."""
    if _HIJACKING.fullmatch(name):
        return (f"an input may not be called `{name}`",
                "it would change how the steps' programs run; choose another name")
    return wrong_name(name)


def wrong_env_name(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of an environment variable."""
    if not re.fullmatch(ENV_NAME, name):
        return f"`{_short(name)}` is no name of an environment variable", "letters, digits and _"
    if name.startswith("WINGMAN_"):
        return f"`{name}` is set by the engine", "names that begin with WINGMAN_ are its own"
    return None


def wrong_secret_name(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a secret: it becomes an environment variable of steps."""
    if _HIJACKING.fullmatch(name):
        return (f"a secret may not be called `{name}`",
                "it would change how the steps' programs run; choose another name")
    if not re.fullmatch(NAME, name):
        return f"`{_short(name)}` is no name of a secret", NAME_HINT
    return None


def wrong_pool_name(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a pool."""
    if re.fullmatch(POOL_NAME, name):
        return None
    return f"`{_short(name)}` is no name of a pool", "letters, digits, _ and -, at most 63"


# the same as regular expressions, for the JSON Schema
_NO_WORD = f"(?!(?:{'|'.join(sorted(RESERVED_WORDS))})$)"
_NO_HIJACKING = f"(?!(?:{_HIJACKING.pattern})$)"
PATTERNS: dict[Callable[[str], tuple[str, str] | None], str] = {
    wrong_name: f"^{_NO_WORD}{NAME}$",
    wrong_input_name: f"^{_NO_WORD}{_NO_HIJACKING}{NAME}$",
    wrong_env_name: f"^(?!WINGMAN_){ENV_NAME}$",
    wrong_pool_name: f"^(?:{POOL_NAME})$",
}


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:37] + "…"
