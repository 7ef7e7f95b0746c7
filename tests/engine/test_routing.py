"""The short way from a request to its route finds what Starlette's long one would."""

from __future__ import annotations

import itertools

from starlette.routing import Match

from engine.server.routing import Table
from engine.server.table import ROUTES

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")
ODD = (
    "",
    "/",
    "//",
    "/v1",
    "/v1/executions/",
    "/v1/executions//logs",
    "/v1/engine\n",
    "/v1/a/b/c/d/e",
)


def test_the_table_finds_what_starlette_would_find() -> None:
    table = Table(ROUTES)
    words = {"{ref}", "{name}", "{verb}", "{note}", "{user}", "{id}"}
    paths = {*ODD}
    for route, word in itertools.product(ROUTES, ("x", "why", "logs", "a b", "é")):
        path = route.path
        for name in words:
            path = path.replace(name, word)
        paths |= {path, f"{path}/", f"{path}/more", f"{path}\n"}
    for path, method in itertools.product(sorted(paths), METHODS):
        scope = {"type": "http", "path": path, "method": method}
        wanted = next((r for r in ROUTES if r.matches(scope)[0] is Match.FULL), None)
        found = table.find(scope)
        assert (found and found[0]) is wanted, (method, path)
        assert found is None or wanted is None or found[1] == wanted.matches(scope)[1]
