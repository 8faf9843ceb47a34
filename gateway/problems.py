"""Errors as they are told over HTTP: problem details (RFC 9457), never a trace."""

from http import HTTPStatus

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
OUR_FAULT = "this is a fault of the gateway; its log says more"


class WrongParameter(Struct, frozen=True):
    """A parameter of the query that cannot be used, and what can."""

    parameter: str
    detail: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong: ``instance`` is the path that was asked for."""

    type: str
    title: str
    status: int
    instance: str
    detail: str = ""
    errors: tuple[WrongParameter, ...] = ()


class WrongParameters(HTTPException):
    """A query that cannot be answered: each parameter that is wrong, with what is allowed."""

    def __init__(self, errors: tuple[WrongParameter, ...]) -> None:
        super().__init__(
            HTTPStatus.BAD_REQUEST, "; ".join(f"{error.parameter}: {error.detail}" for error in errors)
        )
        self.errors = errors


def problem(status: int, instance: str, detail: str = "", errors: tuple[WrongParameter, ...] = ()) -> Problem:
    """The problem of a status: ``instance`` is a path, without the query, which may hold what is secret."""
    title = HTTPStatus(status).phrase
    return Problem(
        type="about:blank",
        title=title,
        status=int(status),
        instance=instance,
        detail="" if detail == title else detail,
        errors=errors,
    )


def response(told: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer that tells a problem; nobody keeps it."""
    return Response(
        msgspec.json.encode(told),
        told.status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def options(request: Request, error: Exception) -> Response | None:
    """The answer to OPTIONS, which no route takes: what the routes would, as their refusal of it tells."""
    if request.method != "OPTIONS" or not isinstance(error, HTTPException):
        return None
    if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return None
    taken = [*sorted((error.headers or {}).get("Allow", "").split(", ")), "OPTIONS"]
    return Response(None, HTTPStatus.NO_CONTENT, {"Allow": ", ".join(taken)})


async def answer(request: Request, error: Exception) -> Response:
    """An error that an endpoint raised, as its client is told it."""
    if (told_options := options(request, error)) is not None:
        return told_options
    path = request.url.path
    if not isinstance(error, HTTPException):
        return response(problem(HTTPStatus.INTERNAL_SERVER_ERROR, path, OUR_FAULT))
    errors = error.errors if isinstance(error, WrongParameters) else ()
    told = problem(error.status_code, path, error.detail, errors)
    return response(told, dict(error.headers or {}))
