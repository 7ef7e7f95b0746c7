"""Proves masking on this machine: secrets that are planted, shouted in every form, and looked for.

A whole engine runs in a home of its own that goes afterwards. Called by `wingman doctor --masking`.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from engine.client.http import Client
from engine.client.launch import ensure_engine, stop
from engine.doctor import Finding
from engine.paths import Home, home_at

CONTROL = "control-text-that-is-no-secret"
FLOW = """
name: canaries
debug: true
secrets: [CANARY, CANARY_KEY]
steps:
  - id: shell
    run: |
      echo control-text-that-is-no-secret; echo "$CANARY"; echo "$CANARY_KEY" >&2; env
      printf %s "$CANARY" | while IFS= read -rn1 c; do printf %s "$c"; sleep 0.01; done; echo
      echo "out=$CANARY" >> "$WINGMAN_OUTPUT"; set -x; : "$CANARY"
  - id: forms
    continue_on_error: true
    python:
      script: |
        import base64, json, os, shlex, urllib.parse
        for text in (os.environ["CANARY"], os.environ["CANARY_KEY"]):
            raw = text.encode()
            for shift in range(3):
                print(base64.b64encode(b"-" * shift + raw).decode())
                print(base64.urlsafe_b64encode(b"-" * shift + raw).decode())
            print(urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text))
            print(json.dumps(text), json.dumps({"nested": json.dumps(text)}), repr(text))
            print(shlex.quote(text), raw.hex(), raw.hex().upper())
        derived = os.environ["CANARY"][::-1]
        print("::add-mask::" + derived, flush=True)
        print("derived", derived)
        outputs["key"] = os.environ["CANARY_KEY"]
        raise ValueError("failed with " + os.environ["CANARY"] + derived)
"""


def examine_masking() -> list[Finding]:
    """One finding a form: whether it was found anywhere that Wingman writes or answers."""
    folder = Path(tempfile.mkdtemp(prefix="wingman-canaries-"))
    home = home_at(folder / "home")
    try:
        canaries = _plant(home)
        client = ensure_engine(home)
        started = client.request("POST", "/v1/executions", {"text": FLOW})
        client.request("GET", f"/v1/executions/{started['id']}?wait=true", timeout_s=None)
        found = list(_everything(home, client, started["id"]))
        return _judge(canaries, found)
    finally:
        if home.socket.exists():
            stop(home, cancel_all=True)
        shutil.rmtree(folder, ignore_errors=True)


def _plant(home: Home) -> dict[str, list[str]]:
    """Set the secrets; by the kind of form, the texts that must appear nowhere."""
    mark = base64.b32encode(os.urandom(10)).decode()
    word = f"C4nary{mark}&'\"/x=?"
    lines = f"-----BEGIN-----\nfirstLineOf{mark}\nsecondLineOf{mark}+/=\n-----END-----"
    client = ensure_engine(home)
    client.request("PUT", "/v1/secrets/CANARY", {"value": word})
    client.request("PUT", "/v1/secrets/CANARY_KEY", {"value": lines})
    texts = [word, *lines.splitlines()[1:3]]
    shifted = [
        base64.b64encode(b"-" * shift + text.encode())[(8 * shift + 5) // 6 :][
            : len(text) * 8 // 6 - 2
        ].decode()
        for text in texts
        for shift in range(3)
    ]
    return {
        "raw": texts,
        "base64": [*shifted, *(text.replace("+", "-").replace("/", "_") for text in shifted)],
        "url": [urllib.parse.quote(text, safe="") for text in texts],
        "json": [json.dumps(text)[1:-1] for text in texts],
        "shell": [shlex.quote(text)[1:-1] for text in texts],
        "hex": [text.encode().hex() for text in texts],
        "derived": [word[::-1]],
    }


def _everything(home: Home, client: Client, execution: str) -> Iterator[tuple[str, bytes]]:
    """Every file of the home but its key, and what the API answers: (where, its bytes)."""
    at = f"/v1/executions/{execution}"
    for path in (at, "/v1/events?limit=1000", "/v1/audit", "/v1/secrets", "/v1/executions"):
        answer = client.request("GET", path)
        yield path, json.dumps(answer, ensure_ascii=False).encode()
    for query in ("", "?engine=true&level=debug"):
        yield f"{at}/logs{query}", client.text(f"{at}/logs{query}").encode()
    for file in sorted(home.root.rglob("*")):
        if file.is_file() and file != home.key_file:
            yield str(file.relative_to(home.root)), file.read_bytes()


def _judge(canaries: dict[str, list[str]], found: list[tuple[str, bytes]]) -> list[Finding]:
    findings = []
    if not any(CONTROL.encode() in data for _, data in found):
        message = "the canaries' flow printed nothing: nothing is proved"
        findings.append(Finding("masking", "fail", message, "wingman doctor"))
    for kind, texts in canaries.items():
        places = [where for where, data in found if any(text.encode() in data for text in texts)]
        if places:
            hint = "do not let steps print secrets here, and report this"
            message = f"{kind} form found in {', '.join(places[:5])}"
            findings.append(Finding("masking", "fail", message, hint))
        else:
            message = f"{kind} form: in none of {len(found)} files and answers"
            findings.append(Finding("masking", "ok", message, ""))
    return findings
