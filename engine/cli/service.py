"""`wingman engine start|stop|status|restart|reload|install|uninstall`."""

from __future__ import annotations

import os

from engine.cli.terminal import clean, print_json, tell
from engine.client.http import Client
from engine.client.launch import ensure_engine, status, stop
from engine.errors import Unavailable, UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.paths import Home

ACTIONS = ("start", "stop", "status", "restart", "reload", "install", "uninstall")
STATUS_KEYS = ("pid", "runner_pid", "version", "home", "socket", "started_at")
MORE_STATUS_KEYS = ("environment",)  # only where the configuration says something


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("action", choices=ACTIONS)
    parser.flag("--all", help="stop, restart: cancel what runs, too")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Do what is asked of the engine; its status goes to stdout."""
    home = find_home()
    if args.action != "status" and os.environ.get("WINGMAN_SERVER"):
        raise UsageError(
            f"engine {args.action} is about this machine", "leave out --server and WINGMAN_SERVER"
        )
    if args.action in ("install", "uninstall"):
        from engine.cli.install import install, uninstall

        print(install(home) if args.action == "install" else uninstall())
        return 0
    if args.action == "status":
        _print(status(home), args.json)
        return 0
    if args.action == "reload":
        changed = Client(home).change("POST", "/v1/engine/reload", {})["changed"]
        tell(f"taken in: {', '.join(changed)}" if changed else "nothing has changed")
        return 0
    if args.action == "restart":
        from engine.config import read_config

        read_config(home.config_file)  # an engine that runs is not given up for one that cannot
    if args.action == "restart" and (found := _restarted_by_systemd(home, args.all)):
        tell("systemd has started the engine of the unit anew")
        _print(found, args.json)
        return 0
    if args.action in ("stop", "restart"):
        _stop(home, args.all)
    if args.action in ("start", "restart"):
        ran = _is_running(home)
        found = ensure_engine(home, stays=True).request("GET", "/v1/engine")
        tell("the engine runs already" if ran else "the engine is up")
        _print(found, args.json)
    return 0


def _stop(home: Home, cancel_all: bool) -> None:
    try:
        last = stop(home, cancel_all)
    except Unavailable:
        if _is_running(home):
            raise
        tell("no engine was running")
        return
    steps = "no step is left running" if cancel_all else "steps that run go on to their end"
    tell(f"the engine (pid {last['pid']}) has stopped; {steps}")


def _restarted_by_systemd(home: Home, cancel_all: bool) -> dict[str, Any] | None:
    """Start an engine anew that a unit runs: by that, else it would leave its unit."""
    from engine.cli.install import is_run_by_systemd, restart_by_systemd

    if not _is_running(home) or not is_run_by_systemd(status(home)["pid"]):
        return None
    if cancel_all:
        _stop(home, cancel_all=True)
    return restart_by_systemd(home)


def _is_running(home: Home) -> bool:
    try:
        Client(home).connect()
    except Unavailable:
        return False
    return True


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        more = {key: found[key] for key in MORE_STATUS_KEYS if key in found}
        print_json({key: found.get(key) for key in STATUS_KEYS} | more)
        return
    for key in STATUS_KEYS:
        value = found.get(key)
        print(f"{key.replace('_', ' '):<11} {clean('none' if value is None else value)}")
    environment = found.get("environment")
    if environment:
        mark = ", production" if environment["production"] else ""
        print(f"environment {clean(environment['name'] or 'no name')}{mark}")
        for name, value in environment["values"].items():
            print(f"  {clean(name)} = {clean(value)}")
