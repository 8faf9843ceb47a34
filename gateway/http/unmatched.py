"""Games of sources that nobody surely knows."""

from http import HTTPStatus

from msgspec import Struct
from starlette.exceptions import HTTPException

from gateway.http.endpoint import Asked
from pipeline.errors import SharplineError
from pipeline.records import Unmatched


class UnmatchedGames(Struct, frozen=True):
    """Games that wait for somebody to say what they are, the longest first."""

    games: tuple[Unmatched, ...]


async def unmatched(asked: Asked) -> UnmatchedGames:
    """Games that a source shows and that are not surely one of the known ones, with what they may be."""
    if asked.waiting is None:
        return UnmatchedGames(())
    try:
        return UnmatchedGames(await asked.waiting.games())
    except SharplineError as error:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "5"}) from error
