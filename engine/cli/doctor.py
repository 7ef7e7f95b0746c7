"""`wingman doctor`: the findings, one a line; 1 when something fails."""

from __future__ import annotations

import os
import sys

from engine.cli.terminal import clean, has_glyphs, paint, print_json
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser

LOOKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.flag("--masking", help="plant secrets in an engine of its own, and look for them")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Look at everything and tell it."""
    if args.masking:
        if os.environ.get("WINGMAN_SERVER"):
            raise UsageError("--masking is about this machine", "leave out --server")
        from engine.canaries import examine_masking

        findings = examine_masking()
    elif os.environ.get("WINGMAN_SERVER"):
        from engine.client.launch import ensure_engine
        from engine.doctor import Finding

        answer = ensure_engine(find_home()).request("GET", "/v1/doctor")
        findings = [Finding(**found) for found in answer["findings"]]
    else:
        from engine.doctor import examine

        findings = examine(find_home())
    for finding in findings:
        if args.json:
            print_json(finding.to_json())
            continue
        glyph, style = LOOKS[finding.verdict]
        word = f"{glyph if has_glyphs(sys.stdout) else ' '} {finding.verdict:<4}"
        print(f"{paint(word, style, file=sys.stdout)}  {finding.name:<11} {clean(finding.message)}")
        if finding.hint and finding.verdict != "ok":
            print(f"{'':8}{'':11} {paint(clean(finding.hint), 'bold', file=sys.stdout)}")
    return 1 if any(finding.verdict == "fail" for finding in findings) else 0
