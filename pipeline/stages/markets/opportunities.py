"""The life of opportunities: the same one keeps its id, is opened, changed, and withdrawn with a reason."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TypeVar

from msgspec.structs import replace

from pipeline.records import Change, ChangeKind
from pipeline.stages.markets.state import Bet, Lock, MarketKey

Opportunity = TypeVar("Opportunity", Bet, Lock)


@lru_cache(maxsize=65_536)
def identity(event_id: str, kind: str, key: MarketKey, places: tuple[tuple[int, str], ...]) -> str:
    """The id of an opportunity, 16 hexadecimal digits; ``places`` are its outcomes and books."""
    market, scope, line = key
    legs = "+".join(f"{outcome}@{book}" for outcome, book in places)
    return blake2b(f"{event_id}|{kind}|{market}|{scope}|{line!r}|{legs}".encode(), digest_size=8).hexdigest()


def continued(
    before: Sequence[Opportunity], found: Sequence[Opportunity], now_ms: int
) -> tuple[Opportunity, ...]:
    """What was found, each open (or suspect) since it first was without a break."""
    old = {each.id: each for each in before}
    stands = []
    for each in found:
        earlier = old.get(each.id)
        since_ms = now_ms if earlier is None or is_open(earlier) != is_open(each) else earlier.opened_at_ms
        stands.append(replace(each, opened_at_ms=since_ms))
    return tuple(stands)


def changes(
    before: Sequence[Opportunity], after: Sequence[Opportunity], reasons: Mapping[str, str]
) -> Iterator[Change]:
    """What happened to the open ones; ``reasons``, by id, are for those that no longer are."""
    old = {each.id: each for each in before if is_open(each)}
    for each in after:
        if is_open(each):
            earlier = old.pop(each.id, None)
            if earlier is None:
                yield Change(id=each.id, change=ChangeKind.OPENED)
            elif earlier != each:
                yield Change(id=each.id, change=ChangeKind.CHANGED)
    for id_ in old:
        yield Change(id=id_, change=ChangeKind.WITHDRAWN, reason=reasons[id_])


def is_open(opportunity: Bet | Lock) -> bool:
    """Whether it is to be acted on."""
    return isinstance(opportunity, Bet) or not opportunity.suspect
