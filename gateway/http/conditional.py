"""Answers that are sent again only when they have changed (RFC 9110), each coding under its own tag."""

from hashlib import blake2b
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON = "application/json"
#: Keep it, and ask each time whether it is still so: answers change with every play.
REVALIDATE = {"Cache-Control": "no-cache"}
GZIPPED = "-gzip"


def response(request: Request, body: bytes, headers: dict[str, str]) -> Response:
    """The body under its entity tag, or 304 where the client has these very bytes."""
    digest = blake2b(body, digest_size=12).hexdigest()
    tags = f'"{digest}"', f'"{digest}{GZIPPED}"'
    has = _tags(request)
    if "*" in has:
        return Response(None, HTTPStatus.NOT_MODIFIED, {**REVALIDATE, **headers, "ETag": tags[0]})
    for tag in tags:
        if tag in has:
            return Response(None, HTTPStatus.NOT_MODIFIED, {**REVALIDATE, **headers, "ETag": tag})
    return Response(body, headers={**REVALIDATE, **headers, "ETag": tags[0]}, media_type=JSON)


def _tags(request: Request) -> set[str]:
    """What the client has, weak or strong: for this comparison they are alike."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return {tag.strip().removeprefix("W/") for tag in given.split(",")}


class TagByCoding:
    """Around what compresses: bytes in another coding are others, and so is their strong tag."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if headers.get("content-encoding") == "gzip" and (tag := headers.get("etag", "")):
                    headers["etag"] = f'{tag[:-1]}{GZIPPED}"'
            await send(message)

        await self.app(scope, receive, tagged if scope["type"] == "http" else send)
