"""The page: its files, which lie in this package, and the charts' library where `make setup` got it."""

import sys
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.http import conditional

PAGE = files("gateway") / "page"
#: Outside the wheel: npm puts it there, and the page shows tables where it has not.
LIBRARY = Path(sys.prefix) / "share" / "sharpline" / "page" / "node_modules" / "uplot" / "dist"
LIBRARY_FILES = ("uPlot.iife.min.js", "uPlot.min.css")
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def routes() -> list[BaseRoute]:
    """The page at ``/``, and what it loads; no part of the API."""
    return [
        Route("/", page, include_in_schema=False),
        Route("/page/{name}", page, include_in_schema=False),
    ]


async def page(request: Request) -> Response:
    """A file of the page; which there are is known beforehand, so no name leads elsewhere."""
    name = request.path_params.get("name", "index.html")
    source = sources().get(name)
    if source is None:
        raise HTTPException(404)
    kind = KINDS[name[name.rindex(".") :]]
    return conditional.response(request, source.read_bytes(), {"Content-Type": kind})


@cache
def sources() -> dict[str, Traversable]:
    """Where each file is, by its name."""
    found: dict[str, Traversable] = {
        file.name: file for file in PAGE.iterdir() if Path(file.name).suffix in KINDS
    }
    found |= {name: LIBRARY / name for name in LIBRARY_FILES if (LIBRARY / name).is_file()}
    return found
