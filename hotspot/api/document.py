"""All of the API under its address, with its description (OpenAPI 3.1) for who writes a client."""

from functools import cache
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

import hotspot.api.routers
import hotspot.api.sites
from hotspot import __version__
from hotspot.api.access import HEADERS, problem

PREFIX: Final = "/api/v1"
routes = APIRouter(prefix=PREFIX)
for feature in (hotspot.api.routers, hotspot.api.sites):
    routes.include_router(feature.reading)
    routes.include_router(feature.operating)
BEARER: Final = {"type": "http", "scheme": "bearer", "description": "made with: hotspot staff token create"}


@routes.get("/openapi.json", include_in_schema=False)
def describe() -> Response:
    """Describe the API, to anybody: the program is public."""
    return JSONResponse(_description(), headers=HEADERS)


@routes.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
def nothing(path: str, request: Request) -> Response:
    """Say that there is nothing here, in the API's own form."""
    del path  # it may be anything
    return problem(404, f"There is no {request.method} here; the API is described at {PREFIX}/openapi.json")


@cache
def _description() -> dict[str, Any]:
    """Made once: it takes long, and anybody may ask."""
    described = get_openapi(title="hotspot", version=__version__, routes=routes.routes)
    described.setdefault("components", {})["securitySchemes"] = {"bearer": BEARER}
    described["security"] = [{"bearer": []}]
    return described
