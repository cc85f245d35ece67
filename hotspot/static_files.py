"""Static files of the product, for browsers to keep."""

import gzip
import os
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope


class ImmutableFiles(StaticFiles):
    """Files whose address carries their content's version (``?v=…``), so that they never change; each is compressed once."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        response.headers["x-content-type-options"] = "nosniff"
        asked = Headers(scope=scope)
        if isinstance(response, FileResponse) and "gzip" in asked.get("accept-encoding", "") and "range" not in asked:
            return _compressed(response, str(full_path), stat_result.st_mtime_ns)
        return response


def _compressed(response: FileResponse, path: str, changed_ns: int) -> Response:
    """Return the file as gzip where that is shorter."""
    body = _gzip_of(path, changed_ns)
    if len(body) > int(response.headers["content-length"]):
        return response
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(body, response.status_code, {**headers, "content-encoding": "gzip", "vary": "accept-encoding"})


@lru_cache(128)
def _gzip_of(path: str, changed_ns: int) -> bytes:
    del changed_ns  # a file that was replaced is another one
    return gzip.compress(Path(path).read_bytes(), mtime=0)
