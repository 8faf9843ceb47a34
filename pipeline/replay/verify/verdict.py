"""What a verification found, and how it is told."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

#: Topic, partition, offset.
Place = tuple[str, int, int]
#: Differences of a kind that are kept.
TOLD = 200
#: Fields of one difference, and characters of each side.
SIDES, LENGTH = 12, 160


class Side(Struct, frozen=True):
    """A field in which two records differ, as it was found and as it should be."""

    field: str
    found: str
    expected: str


class Difference(Struct, frozen=True, kw_only=True):
    """One row or answer that is not what its fold makes of the inputs."""

    what: str
    place: str
    event: str
    revision: int
    why: str
    sides: tuple[Side, ...] = ()

    def __str__(self) -> str:
        head = f"{self.what} of {self.event}, revision {self.revision}, at {self.place}: {self.why}"
        width = max((len(side.field) for side in self.sides), default=0)
        lines = [
            f"  {side.field:<{width}}  found     {side.found}\n  {'':<{width}}  expected  {side.expected}"
            for side in self.sides
        ]
        return "\n".join([head, *lines])


@dataclass
class Verdict:
    """What was found of a stage. All counts are of what was looked at, partitions together."""

    stage: str
    inputs: int = 0
    """Folded again; ticks aside."""
    ticked: int = 0
    """Versions of rows in which a tick had a part."""
    rows: int = 0
    """Versions of rows that were looked at, those left unchecked among them."""
    rows_equal: int = 0
    answers: int = 0
    """That the folds made again."""
    answers_equal: int = 0
    orphans: int = 0
    """Answers of batches that were lost before their rows were written, and done again."""
    waiting: int = 0
    """Inputs that are still to be read."""
    in_flight: int = 0
    """Answers whose rows are still to be written."""
    lost: list[Place] = field(default_factory=list)
    """Inputs that count as read, and were neither applied nor buried."""
    differences: list[Difference] = field(default_factory=list)
    """The first 200 of each kind."""
    differing: Counter[str] = field(default_factory=Counter)
    """How many there are of each kind."""
    unchecked: Counter[str] = field(default_factory=Counter)
    """How many rows or answers could not be compared, by reason."""

    @property
    def holds(self) -> bool:
        """Whether nothing is lost and nothing differs."""
        return not self.lost and not self.differences

    def differs(self, difference: Difference) -> None:
        """Take note of a difference."""
        self.differing[difference.what] += 1
        if self.differing[difference.what] <= TOLD:
            self.differences.append(difference)


def at(topic: str, partition: int, offset: int) -> str:
    """A place as people write it."""
    return f"{topic}/{partition}@{offset}"


def sides(found: Any, expected: Any) -> tuple[Side, ...]:
    """The first dozen fields in which two records differ; none where only their bytes do."""
    pairs = islice(_differing("", _builtins(found), _builtins(expected)), SIDES)
    return tuple(Side(path or "all", _short(one), _short(two)) for path, one, two in pairs)


def _builtins(value: Any) -> Any:
    """Structs as dicts, so that fields have names; those of rows are lists on the topic."""
    if isinstance(value, Struct):
        return {name: _builtins(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(name): _builtins(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_builtins(item) for item in value]
    return value.value if isinstance(value, Enum) else value


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()


def _differing(path: str, one: Any, two: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(two, dict):
        for name in [*one, *(name for name in two if name not in one)]:
            inner = f"{path}.{name}" if path else name
            yield from _differing(inner, one.get(name, _ABSENT), two.get(name, _ABSENT))
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for place, (left, right) in enumerate(zip(one, two, strict=True)):
            yield from _differing(f"{path}[{place}]", left, right)
    elif type(one) is not type(two) or one != two:
        yield path, one, two


def _short(value: Any) -> str:
    if isinstance(value, list):
        text = f"{len(value)} items: {_json(value)}"
    else:
        text = _json(value) if isinstance(value, dict) else repr(value)
    return text if len(text) <= LENGTH else text[: LENGTH - 1] + "…"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
