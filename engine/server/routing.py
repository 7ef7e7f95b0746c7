"""From a request to its route without asking ninety of them: by method and depth of the path."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send


class Table(Router):
    """Starlette's router, which asks only the routes that a request can mean.

    A parameter of a path holds no slash, so the number of slashes is the same in a path and its
    route. Whatever fits no route in full is left to the original: it says what is wrong.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes, redirect_slashes=False)  # what is not there is not there
        self._plain: dict[tuple[str, str], Route] = {}  # by the path itself: nothing varies in it
        self._routes: dict[tuple[str, int], list[Route]] = {}
        for route in routes:
            if isinstance(route, Route):
                assert ":" not in route.path, "a parameter of another kind may hold a slash"
                for method in route.methods or ():
                    self._routes.setdefault((method, route.path.count("/")), []).append(route)
        for (method, _), listed in self._routes.items():
            for path in (route.path for route in listed if "{" not in route.path):
                found = self.find({"type": "http", "method": method, "path": path})
                self._plain[method, path] = found[0] if found else listed[0]

    def find(self, scope: Scope) -> tuple[Route, Scope] | None:
        """The first route that fits in full, and what Starlette notes of it."""
        if scope["type"] != "http" or scope.get("root_path"):
            return None
        plain = self._plain.get((scope["method"], scope["path"]))
        if plain is not None:
            return plain, {"endpoint": plain.endpoint, "path_params": {}}
        for route in self._routes.get((scope["method"], scope["path"].count("/")), ()):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return route, found
        return None

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        found = self.find(scope)
        if found is None:
            await super().app(scope, receive, send)
            return
        scope["router"], scope["route"] = self, found[0]
        scope.update(found[1])
        await found[0].handle(scope, receive, send)
