"""One execution as one file: its definition, its journal, its logs; and a home to look at it in.

A gzipped tar: `wingman.json` (what it is), `definition.yaml`, `compiled.json`, `execution.json` (as
`wingman show --json`), `events.jsonl`, `logs/`. Everything in it is masked.
"""

FORMAT = 1
MANIFEST = "wingman.json"
FOLDER = "archive"  # in the home of an opened one; an engine that finds it only shows
