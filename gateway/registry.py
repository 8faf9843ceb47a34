"""The read-only part of Confluent's schema registry API, from schemas/catalogue.json, below ``/registry``.

Clients take ``http://HOST:PORT/registry`` as the registry's address. Its errors are in that API's form.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import schemas
from gateway import problems
from schemas import Released

COMPATIBILITY = "BACKWARD_TRANSITIVE"
MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class Config(Struct, frozen=True, rename="camel"):
    """How versions of a subject relate."""

    compatibility_level: str


class Mode(Struct, frozen=True):
    """Whether schemas can be registered over this API."""

    mode: str


class SchemaText(Struct, frozen=True):
    """A schema, as JSON in a text."""

    schema: str


class Place(Struct, frozen=True):
    """Where a schema is used."""

    subject: str
    version: int


class Described(Struct, frozen=True, rename="camel"):
    """One version of a subject: ``id`` is what travels in each message."""

    subject: str
    version: int
    id: int
    schema_type: str
    schema: str


class RegistryProblem(Struct, frozen=True):
    """An error as clients of this API know it."""

    error_code: int
    message: str


class RegistryError(HTTPException):
    """An answer of the registry that is an error, with the code that its clients know."""

    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(status, message)
        self.code = code


async def root(_: Request) -> Response:
    """Some clients ask whether anybody is here."""
    return _json({})


async def types(_: Request) -> Response:
    """The one kind of schema there is."""
    return _json(["AVRO"])


async def config(_: Request) -> Response:
    """How versions of a subject relate; the same for all of them."""
    return _json(Config(COMPATIBILITY))


async def mode(_: Request) -> Response:
    """Schemas come with a release, not over this API."""
    return _json(Mode("READONLY"))


async def subjects(_: Request) -> Response:
    """Every subject's name."""
    return _json(sorted({released.subject for released in schemas.catalogue()}))


async def versions(request: Request) -> Response:
    """The numbers of a subject's versions."""
    return _json([released.version for released in _versions(request)])


async def version(request: Request) -> Response:
    """One version of a subject, or its latest."""
    return _json(_described(_version(request)))


async def version_schema(request: Request) -> Response:
    """The bare schema of one version."""
    return Response(_version(request).text, media_type=MEDIA_TYPE)


async def schema(request: Request) -> Response:
    """The schema that an id in a message means."""
    return _json(SchemaText(_by_id(request).text))


async def schema_versions(request: Request) -> Response:
    """Where a schema is used."""
    released = _by_id(request)
    return _json([Place(released.subject, released.version)])


async def schema_subjects(request: Request) -> Response:
    """The subjects that use a schema."""
    return _json([_by_id(request).subject])


async def lookup(request: Request) -> Response:
    """Whether a schema is registered under a subject, and as what."""
    released = _versions(request)
    try:
        wanted = json.loads(json.loads(await request.body())["schema"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RegistryError(HTTPStatus.UNPROCESSABLE_ENTITY, 42201, f"Invalid schema: {error}") from error
    for one in released:
        if one.schema == wanted:
            return _json(_described(one))
    raise RegistryError(HTTPStatus.NOT_FOUND, 40403, "Schema not found")


async def refused(_: Request) -> Response:
    """Nothing is registered over this API."""
    raise RegistryError(
        HTTPStatus.UNPROCESSABLE_ENTITY, 42205, "The registry is read-only: schemas/ is the truth"
    )


async def problem(request: Request, error: Exception) -> Response:
    """An error in the registry's own form."""
    if (told_options := problems.options(request, error)) is not None:
        return told_options
    assert isinstance(error, HTTPException)
    code = error.code if isinstance(error, RegistryError) else error.status_code
    return _json(RegistryProblem(code, error.detail), error.status_code, error.headers)


def _described(released: Released) -> Described:
    return Described(released.subject, released.version, released.id, "AVRO", released.text)


def _versions(request: Request) -> list[Released]:
    subject = request.path_params["subject"]
    found = [released for released in schemas.catalogue() if released.subject == subject]
    if not found:
        raise RegistryError(HTTPStatus.NOT_FOUND, 40401, f"Subject {subject[:80]!r} not found")
    return sorted(found, key=lambda released: released.version)


def _version(request: Request) -> Released:
    found, wanted = _versions(request), request.path_params["version"]
    if wanted == "latest" or wanted == "-1":
        return found[-1]
    if not wanted.isascii() or not wanted.isdigit():
        raise RegistryError(HTTPStatus.UNPROCESSABLE_ENTITY, 42202, "A version is a number from 1 or latest")
    for released in found:
        if released.version == int(wanted):
            return released
    raise RegistryError(HTTPStatus.NOT_FOUND, 40402, f"Version {wanted[:20]} not found")


def _by_id(request: Request) -> Released:
    for released in schemas.catalogue():
        if released.id == request.path_params["id"]:
            return released
    raise RegistryError(HTTPStatus.NOT_FOUND, 40403, f"Schema {request.path_params['id']} not found")


def _json(body: Any, code: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), code, headers, media_type=MEDIA_TYPE)


class Endpoint(NamedTuple):
    """An address of the registry and what is told there."""

    path: str
    handler: Callable[[Request], Awaitable[Response]]
    tells: Any
    method: str = "GET"


ENDPOINTS = (
    Endpoint("/", root, dict[str, str]),
    Endpoint("/schemas/types", types, list[str]),
    Endpoint("/schemas/ids/{id:int}", schema, SchemaText),
    Endpoint("/schemas/ids/{id:int}/versions", schema_versions, list[Place]),
    Endpoint("/schemas/ids/{id:int}/subjects", schema_subjects, list[str]),
    Endpoint("/config", config, Config),
    Endpoint("/config/{subject}", config, Config),
    Endpoint("/mode", mode, Mode),
    Endpoint("/subjects", subjects, list[str]),
    Endpoint("/subjects/{subject}", lookup, Described, "POST"),
    Endpoint("/subjects/{subject}/versions", versions, list[int]),
    Endpoint("/subjects/{subject}/versions", refused, RegistryProblem, "POST"),
    Endpoint("/subjects/{subject}/versions/{version}", version, Described),
    Endpoint("/subjects/{subject}/versions/{version}/schema", version_schema, dict[str, Any]),
)


def _route(path: str) -> Route:
    """One route for all that can be done at a path, so that a 405 tells all of it."""
    handlers = {one.method: one.handler for one in ENDPOINTS if one.path == path}

    async def answered(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, answered, methods=list(handlers))


app = Starlette(
    routes=[_route(path) for path in dict.fromkeys(one.path for one in ENDPOINTS)],
    exception_handlers={HTTPException: problem},
)
