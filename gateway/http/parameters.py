"""Parameters of a query: structs say what is allowed, and a wrong one is refused with its name and that."""

from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields
from starlette.datastructures import QueryParams

from gateway.problems import WrongParameter, WrongParameters
from pipeline import data
from pipeline.records import OUTCOMES

Q = TypeVar("Q", bound=Struct)


def one_of(words: list[str], meaning: str) -> Meta:
    """A word out of a list that is known when the process starts."""
    return Meta(description=meaning, extra_json_schema={"enum": words})


SPORTS = sorted({league.sport for league in data.leagues().values()})
#: Each is empty where it was not given, and then lets everything pass.
Sport = Annotated[str, one_of(SPORTS, "Only this sport.")]
League = Annotated[str, one_of(sorted(data.leagues()), "Only this league.")]
Book = Annotated[str, one_of(sorted(data.books()), "Only this book, by its key in /v1/books.")]
Market = Annotated[str, one_of(list(OUTCOMES), "Only this kind of market.")]


class NoQuery(Struct, frozen=True):
    """An endpoint that takes no parameter."""


class OfEvents(Struct, frozen=True, kw_only=True):
    """Which events are meant."""

    sport: Sport = ""
    league: League = ""


def read(kind: type[Q], given: QueryParams) -> Q:
    """The query as its struct. Raises WrongParameters: all that are wrong, each with what is allowed."""
    known = {field.encode_name: field for field in fields(kind)}
    values: dict[str, Any] = {}
    errors = []
    for name, text in given.multi_items():
        if name not in known:
            errors.append(WrongParameter(name[:80], f"unknown; {_known(kind)}"))
        elif name in values:
            errors.append(WrongParameter(name, "given more than once"))
        else:
            try:
                values[name] = _value(known[name], text)
            except msgspec.ValidationError:
                values[name] = None
                errors.append(
                    WrongParameter(name, f"{text[:80]!r} should be {allowed(schema_of(known[name]))}")
                )
    if errors:
        raise WrongParameters(tuple(errors))
    return kind(**{known[name].name: value for name, value in values.items()})


def schema_of(field: FieldInfo) -> dict[str, Any]:
    """A parameter's own JSON schema."""
    return _schema(field.type)


@cache
def _schema(kind: Any) -> dict[str, Any]:
    return msgspec.json.schema(kind)


def allowed(schema: dict[str, Any]) -> str:
    """In words what a parameter may be.

    Examples
    --------
    >>> allowed({"type": "integer", "minimum": 1, "maximum": 9})
    'a whole number from 1 to 9'
    """
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "string":
        return f"a text of {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    number = "a whole number" if schema["type"] == "integer" else "a number"
    return f"{number} from {schema['minimum']} to {schema['maximum']}"


def _known(kind: type[Struct]) -> str:
    names = ", ".join(field.encode_name for field in fields(kind))
    return f"there are {names}" if names else "no parameter is known here"


def _value(field: FieldInfo, text: str) -> Any:
    value = msgspec.convert(text, field.type, strict=False)
    words = schema_of(field).get("enum")
    if words is not None and value not in words:
        raise msgspec.ValidationError(f"{value!r} is not among the words")
    return value
