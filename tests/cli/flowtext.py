"""Flow files for the command line's tests."""

from __future__ import annotations

from pathlib import Path

TRUE = "name: nothing\nsteps:\n  - {id: a, run: 'true'}\n"

TALK = r"""
name: talk
description: Prints, warns and counts
type: demo
tags: [one, two]
inputs:
  who: {type: string, default: you}
  times: {type: integer, default: 1, minimum: 1}
steps:
  - id: greet
    run: |
      for i in $(seq "$times"); do echo "hello $who"; done
      echo "WARNING nearly full" >&2
      echo "count=$times" >>"$WINGMAN_OUTPUT"
  - {id: after, run: "echo ERROR only in words"}
outputs: {count: "${{ steps.greet.outputs.count }}"}
"""

FAIL = """
name: fail
steps:
  - {id: good, run: "echo fine"}
  - {id: bad, run: "echo broken >&2; exit 7"}
  - {id: never, run: "echo never"}
finally:
  - {id: clean, run: "echo cleaned"}
"""

PARTIAL = """
name: half
steps:
  - {id: bad, run: "exit 1", continue_on_error: true}
  - {id: good, run: "true"}
"""

# waits for a file of the test, so that nothing depends on time
GATE = """
name: gate
inputs:
  gate: {type: string}
steps:
  - id: before
    run: echo waiting
  - id: wait
    run: |
      echo "at the gate"
      while [ ! -e "$gate" ]; do sleep 0.05; done
      echo "through"
"""

ASK = """
name: ask
steps:
  - {id: confirm, approve: {message: "Delete it?"}}
  - {id: after, run: "echo deleted"}
"""


def write(folder: Path, text: str) -> Path:
    """The flow as a file of its name."""
    name = text.split("name: ", 1)[1].split("\n", 1)[0]
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path
