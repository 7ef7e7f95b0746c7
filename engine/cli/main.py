"""The `wingman` command: find the command's module, run it, turn its errors into exit codes.

Only the module of the one command is imported. 0 completed, 1 failed, 2 bad usage or flow,
3 cancelled, 4 partial, 5 not allowed, 6 no server, 74 where nothing can be written any more; 128+N
when signal N ended the following.
"""

from __future__ import annotations

import os
import sys

from engine.errors import StorageError, UsageError, WingmanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from engine.cli.parser import Arguments, Parser

    class Command(Protocol):
        """What each module of a command offers."""

        def arguments(self, parser: Parser, name: str) -> None:
            """Declare the command's arguments."""

        def execute(self, args: Arguments, name: str) -> int:
            """Do it; the exit code."""


# command: its module in engine.cli, what it does (in the order of help)
COMMANDS = {
    "run": ("run", "run a flow, by name or file, and follow it"),
    "list": ("listing", "list executions, newest first"),
    "show": ("show", "show one execution: its steps, errors, inputs and outputs"),
    "batches": ("batches", "list the batches of a step, a page at a time"),
    "logs": ("logs", "print or follow an execution's log"),
    "why": ("why", "say why an execution failed or waits, or a flow does not run, and what helps"),
    "timeline": ("timeline", "draw where the time went, each attempt with all that it tried"),
    "diff": ("diff", "say what is different from the last good execution, or from another"),
    "export": ("archive", "write an execution with its journal and logs into one file"),
    "open": ("archive", "look at an exported execution in the console, read-only"),
    "retry": ("again", "retry an execution: failed, cancelled and interrupted steps run again"),
    "rerun": ("again", "run an execution's flow anew, with the same or other inputs"),
    "resume": ("resume", "go on from an execution with a fix: what is unchanged is reused"),
    "cancel": ("verbs", "cancel executions: SIGTERM, then SIGKILL after the grace time"),
    "kill": ("verbs", "kill executions at once, without their finally steps"),
    "pause": ("verbs", "start no new step of these executions; running ones finish"),
    "continue": ("verbs", "let paused executions go on"),
    "note": ("notes", "write a note beside an execution or a step, or list, edit, remove them"),
    "runbook": ("runbook", "print or edit what the flow says to do when it fails"),
    "notes": ("notes", "find notes of all executions by their words"),
    "approve": ("approval", "approve what a step of an execution asks for"),
    "reject": ("approval", "reject what a step of an execution asks for"),
    "flows": ("flows", "list the flows that can be run, show one; push, rollback, history"),
    "inbox": ("inbox", "what has failed and not recovered; acknowledge, snooze, assign, close it"),
    "alerts": ("alerts", "what people were told; acknowledge it, or test a channel"),
    "pools": ("pools", "list shared resources, who holds them and who waits for them"),
    "debug": ("debug", "switch a flow's debug mode on, on for one execution (once), or off"),
    "validate": ("validate", "check flow files and print all that is wrong with them"),
    "test": ("trials", "run the tests of flows: mocked steps, no side effect"),
    "schema": ("schema", "print the JSON Schema of flow files, for editors"),
    "trigger": ("trigger", "triggers: list, show, next, test, pause, continue"),
    "emit": ("emit", "tell an event to the flows that wait for its type"),
    "import": ("import_", "make flows of a crontab, and say what they cannot carry over"),
    "config": ("config", "show what config.toml says, check it, or say where it lies"),
    "engine": ("service", "start, stop, restart, install the engine, or show its status"),
    "secret": ("secret", "keep named secrets for the steps: set, list, rm, rotate"),
    "serve": ("serve", "run the engine here, also on TCP with TLS, for those who have a token"),
    "server": ("server", "keep servers far away under names: add, list, rm"),
    "attach": ("attach", "open the console on a server far away"),
    "user": ("user", "say who may reach this engine from elsewhere, and in which role"),
    "token": ("token", "make tokens for users, list and revoke them"),
    "audit": ("audit", "list who did what, from where and why; verify that the record is whole"),
    "doctor": ("doctor", "check this machine and this home, with a hint for what is wrong"),
    "support-bundle": ("support", "write what helps to find a fault into one masked file"),
    "completion": ("completion", "print the completion script of a shell"),
    "version": ("version", "print the version"),
    "help": ("overview", "list the commands, or explain one"),
}
HERE = ("serve", "server", "attach", "config")  # about this machine alone
SEVERAL = ("list",)  # of several servers at once, as the console
ALONE = ("validate", "import", "schema", "completion", "version", "help")  # need no engine
OTHER_SPELLINGS = {"--version": "version", "-V": "version", "--help": "help", "-h": "help"}


def main(words: list[str] | None = None) -> int:
    """Run one command and return its exit code; the console script's entry."""
    words = sys.argv[1:] if words is None else words
    _open_closed()
    try:
        code = _run(words)
        sys.stdout.flush()
    except WingmanError as error:
        code = _tell_error(error)
    except BrokenPipeError:
        code = 141  # as a program that SIGPIPE ended
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        if error.filename is not None:
            raise  # of a file that the command should have named itself
        code = _tell_error(StorageError(f"cannot write: {error.strerror}"))
    _close_stdout()
    return code


def _run(words: list[str]) -> int:
    words = _take_server(words)
    if not words:
        return _without_command()
    name = OTHER_SPELLINGS.get(words[0], words[0])
    if name not in COMMANDS:
        raise _unknown(name)
    if os.environ.get("WINGMAN_SERVER") and name in HERE:
        # what is meant for a server far away must not be done to this machine
        raise UsageError(f"{name} is about this machine", "leave out --server and WINGMAN_SERVER")
    if "," in os.environ.get("WINGMAN_SERVER", "") and name not in (*SEVERAL, *ALONE):
        raise UsageError(
            f"{name} is for one server at a time", "several at once: wingman --server A,B [list]"
        )
    module_name, summary = COMMANDS[name]
    from engine.cli.parser import HelpWanted, Parser

    command: Command = __import__(f"engine.cli.{module_name}", fromlist=["execute"])
    parser = Parser(name, summary)
    command.arguments(parser, name)
    try:
        args = parser.parse(words[1:])
    except HelpWanted:
        print(parser.help())
        return 0
    return command.execute(args, name)


def _take_server(words: list[str]) -> list[str]:
    """The words without `--server NAME`, which may stand anywhere; it goes to the environment."""
    rest: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return rest + words[at:]
        if word == "--server":
            at += 1
            if at == len(words):
                raise UsageError("--server needs a value: URL|NAME", "wingman server list")
            os.environ["WINGMAN_SERVER"] = words[at]
        elif word.startswith("--server="):
            os.environ["WINGMAN_SERVER"] = word.partition("=")[2]
        else:
            rest.append(word)
        at += 1
    return rest


def _without_command() -> int:
    """The console on a terminal; elsewhere the overview."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _run(["help"])
    from engine.client.launch import python_environment
    from engine.paths import find_home

    arguments = [sys.executable, "-P", "-m", "wingman_tui"]
    os.execve(sys.executable, arguments, python_environment(find_home()))


def _unknown(name: str) -> UsageError:
    from engine.cli.parser import nearest
    from engine.cli.terminal import clean

    what = "option" if name.startswith("-") else "command"
    meant = nearest(name, [*COMMANDS, *OTHER_SPELLINGS])
    hint = f"did you mean {meant}?" if meant else "what there is: wingman help"
    return UsageError(f"unknown {what} {clean(name)}", hint)


def _tell_error(error: WingmanError) -> int:
    from engine.cli.terminal import clean_lines, paint, tell

    label = paint("wingman:", "red", "bold", file=sys.stderr)
    tell(f"{label} {clean_lines(error.message)}")
    if error.hint:
        tell(f"  {clean_lines(error.hint)}")
    return error.exit_code


def _open_closed() -> None:
    """Lead what the caller closed (`>&-`) nowhere, lest a socket take its place."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _close_stdout() -> None:
    """Flush, or give up on a reader that has left, without the interpreter's complaint at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    sys.exit(main())
