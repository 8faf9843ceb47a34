"""``POST /v1/calculate/{what}``: the calculators of `pipeline.calculator` for whoever speaks HTTP."""

from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.protocol import MAXIMUM_BYTES
from pipeline import calculator
from pipeline.errors import UsageError


async def calculate(request: Request) -> Response:
    """The answer to the question in the body. What would hold others up is refused."""
    what = request.path_params["what"]
    if what not in calculator.CALCULATORS:
        known = ", ".join(calculator.CALCULATORS)
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no calculator {what[:40]!r}; there are {known}")
    try:
        answer = calculator.calculate(what, await _body(request))
    except UsageError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error
    except ClientDisconnect:
        return Response()  # to nobody
    return Response(msgspec.json.encode(answer), media_type="application/json")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAXIMUM_BYTES:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a question has at most {MAXIMUM_BYTES} bytes"
            )
    return bytes(body)
