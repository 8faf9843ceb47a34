"""The life of opportunities: the same one keeps its id, is opened, changed, and withdrawn with a reason."""

from collections.abc import Callable, Sequence
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
    before: Sequence[Opportunity],
    found: Sequence[Opportunity],
    now_ms: int,
    is_open: Callable[[Opportunity], bool],
    why: Callable[[Opportunity], str],
) -> tuple[tuple[Opportunity, ...], list[Change]]:
    """What was found, each open since it first was without a break, and what changed among the open ones.

    ``why`` says for what reason one that was open no longer is.
    """
    old = {each.id: each for each in before}
    stands, changes = [], []
    for each in found:
        earlier = old.pop(each.id, None)
        if earlier is not None and is_open(earlier) == is_open(each):
            each = replace(each, opened_at_ms=earlier.opened_at_ms)
            if is_open(each) and each != earlier:
                changes.append(Change(id=each.id, change=ChangeKind.CHANGED))
        else:
            each = replace(each, opened_at_ms=now_ms)
            if is_open(each):
                changes.append(Change(id=each.id, change=ChangeKind.OPENED))
            elif earlier is not None:
                changes.append(Change(id=each.id, change=ChangeKind.WITHDRAWN, reason=why(earlier)))
        stands.append(each)
    changes += [
        Change(id=each.id, change=ChangeKind.WITHDRAWN, reason=why(each))
        for each in old.values()
        if is_open(each)
    ]
    return tuple(stands), changes
