"""`wingman config`: what `config.toml` says, whether it is right, and where it lies."""

from __future__ import annotations

import sys

from engine.cli.table import beside
from engine.cli.terminal import clean, print_json, tell, width
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.config import Config


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument(
        "action", metavar="show|check|path", choices=("show", "check", "path"), takes="?"
    )
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Read the file, as an engine would that starts now."""
    path = find_home().config_file
    there = path.exists()
    if args.action == "path":
        _print({"file": str(path), "there": there}, args.json, str(path))
        return 0
    from engine.config import read_config

    config = read_config(path)  # raises what is wrong with it
    if args.action == "check":
        said = f"{path}: {'no mistake' if there else 'not there: all as it comes'}"
        _print({"file": str(path), "there": there}, args.json, clean(said))
        return 0
    settings = _settings(config)
    answer = {"file": str(path), "there": there, "settings": settings}
    rows = [(key, _words(value)) for key, value in settings.items()]
    _print(answer, args.json, "\n".join(beside(rows, width(sys.stdout))))
    tell(clean(path if there else f"{path} is not there: all as it comes"))
    return 0


def _print(answer: dict[str, Any], as_json: bool, words: str) -> None:
    if as_json:
        print_json(answer)
    else:
        print(words)


def _settings(config: Config) -> dict[str, Any]:
    """Every setting; of what may hold secrets only what is there."""
    environment = config.environment
    return {
        "flow_paths": [str(path) for path in config.flow_paths],
        "env_passthrough": config.env_passthrough,
        "max_running_steps": config.max_running_steps,
        "key_command": "set" if config.key_command else None,
        "pools": config.pools,
        "channels": {name: len(urls) for name, urls in config.channels.items()},
        "retention": config.retention,
        "environment": {
            "name": environment.name or None, "production": environment.production,
            "values": environment.values,
        },
    }  # fmt: skip


def _words(value: Any) -> str:
    """A value as people write it."""
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{clean(key)} = {_words(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(_words(one) for one in value)
    return clean(value)
