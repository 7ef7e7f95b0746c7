"""`wingman completion bash|zsh`: a script that completes commands, options and files."""

from __future__ import annotations

from engine.cli.main import COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.main import Command
    from engine.cli.parser import Arguments, Parser

SCRIPT = """\
# wingman: completion for bash, and for zsh by its bashcompinit.
# In ~/.bashrc: eval "$(wingman completion bash)"
_wingman() {
    local word=${COMP_WORDS[COMP_CWORD]} words
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="@commands@"
    else
        case ${COMP_WORDS[1]} in
@cases@
        esac
        case $word in
            -*) ;;
            *) case ${COMP_WORDS[1]} in
                run|flows|debug) words="$words $(_wingman_flows)" ;;
               esac ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
_wingman_flows() {  # never starts an engine for a key press
    wingman engine status >/dev/null 2>&1 && wingman flows --json 2>/dev/null |
        sed -n 's/^{"name": "\\([a-z0-9._-]*\\)".*/\\1/p'
}
complete -o default -o nosort -F _wingman wingman
"""


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("shell", choices=("bash", "zsh"))


def execute(args: Arguments, name: str) -> int:
    """Print the script."""
    words = {command: " ".join(_words(command)) for command in COMMANDS}
    cases = "\n".join(f'            {command}) words="{words[command]}" ;;' for command in words)
    script = SCRIPT.replace("@commands@", " ".join(COMMANDS)).replace("@cases@", cases)
    if args.shell == "zsh":
        script = "autoload -U +X bashcompinit && bashcompinit\n" + script
    print(script, end="")
    return 0


def _words(name: str) -> list[str]:
    """The options of a command, and the words that its arguments may be."""
    from engine.cli.parser import Parser

    module_name, summary = COMMANDS[name]
    command: Command = __import__(f"engine.cli.{module_name}", fromlist=["execute"])
    parser = Parser(name, summary)
    command.arguments(parser, name)
    return [*getattr(command, "ACTIONS", ()), *parser.words()]
