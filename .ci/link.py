"""Give an environment the `wingman` command of this checkout: `.venv/bin/python .ci/link.py`.

An editable installation by pip would need setuptools from the network, and its finder costs every
start 15 ms; a `.pth` line and a script of three lines do the same. `pip install .` works too.
"""

import compileall
import os
import stat
import sys
import sysconfig
from pathlib import Path

SHEBANG_LIMIT_BYTES = 120  # Linux cuts the first line of a script; a blank ends the interpreter
SCRIPT = "import sys\n\nfrom engine.cli.main import main\n\nsys.exit(main())\n"


def shebang(python: str) -> str:
    """The first lines of a script that `python` runs, wherever it lies."""
    if len(os.fsencode(python)) <= SHEBANG_LIMIT_BYTES and " " not in python:
        return f"#!{python}\n"
    return f"""#!/bin/sh\n'''exec' "{python}" "$0" "$@"\n' '''\n"""


def main() -> None:
    """Write the command and the path line into the environment that runs this."""
    root = Path(__file__).resolve().parent.parent
    packages = Path(sysconfig.get_path("purelib"))
    (packages / "wingman-checkout.pth").write_text(f"{root}\n")
    command = Path(sysconfig.get_path("scripts")) / "wingman"
    command.write_text(shebang(sys.executable) + SCRIPT)
    for package in ("engine", "wingman_tui"):  # a first start, too, shall not compile
        compileall.compile_dir(root / package, quiet=2)
    command.chmod(command.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


if __name__ == "__main__":
    main()
