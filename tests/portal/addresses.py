"""Every address that the application serves, by walking its routes: what is new is tested by itself, or a test says that it isn't."""

from collections.abc import Iterator, Sequence

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def addresses(app: FastAPI) -> set[tuple[str, str]]:
    """Method and path of every route, also of included routers."""
    return set(_walk(app.routes, ""))


def _walk(routes: Sequence[BaseRoute], prefix: str) -> Iterator[tuple[str, str]]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _walk(included.routes, prefix + route.include_context.prefix)
        elif isinstance(route, APIRoute):
            yield from ((method, prefix + route.path) for method in route.methods)


def of_guests(app: FastAPI, *methods: str) -> list[str]:
    """The portal's paths for these methods."""
    return sorted({path for method, path in addresses(app) if path.startswith("/p/") and method in methods})
