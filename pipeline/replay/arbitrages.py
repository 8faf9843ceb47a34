"""What was published as arbitrage, and what became of it: read from the answers, nothing worked out anew.

A stretch is one time without a break in which an opportunity was open, or was suspect. Its legs are those of
its first record, beside the consensus of the same moment and the verdict that the fold gave afterwards.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from statistics import median
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.domain.lay import back_after_commission
from pipeline.domain.odds import lay_as_back
from pipeline.records import Arbitrage, Arbitrages, ChangeKind, FairPrices, Leg, LegLife, Life, RuleDifference
from pipeline.replay.archive import Message
from pipeline.topics import event_of

#: ROI at which the bands of a summary begin.
BANDS = (0.0, 0.01, 0.02, 0.03, 0.05)
#: Of a pair of books with fewer arbitrages nothing is said alone.
LEAST_OF_PAIR = 10
OTHERS = "others"


class LegOf(Struct, frozen=True, kw_only=True):
    """One leg as it was published first. ``None`` is what nobody has said."""

    outcome: int
    book: str
    source: str
    line: float
    side: str
    price: float
    commission: float
    stake_minor: int
    age_s: float
    """By our clock: since the price was last seen."""
    book_age_s: float | None
    """By the book's own time of its price."""
    fair_price: float | None = None
    """By the consensus of all desks at that moment, this book's own among them."""
    expected_value: float | None = None
    """At that fair price, after commission."""
    verdict: str = ""
    """As in the record's lives; empty where no life was kept: of suspects, middles and low hold."""
    next_price: float = 0.0
    after_s: float = 0.0


class Stretch(Struct, frozen=True, kw_only=True):
    """One time in which an opportunity was open, or suspect, without a break."""

    event_id: str
    id: str
    kind: str
    market: str
    scope: str
    line: float
    suspect: tuple[str, ...]
    """Every reason that it bore in this time; empty where it was open."""
    opened_at_ms: int
    ended_at_ms: int
    """0 where it had not ended when the log did."""
    reason: str
    roi: float
    most_roi: float
    """While it stood its prices may have changed."""
    stake_minor: int
    profit_minor: int
    clean: bool
    rules: tuple[RuleDifference, ...]
    hit_probability: float
    expected_value: float
    legs: tuple[LegOf, ...]
    revision: int

    @property
    def stood_s(self) -> float | None:
        """How long it stood; None where that is not over."""
        return (self.ended_at_ms - self.opened_at_ms) / 1000.0 if self.ended_at_ms else None

    @property
    def books(self) -> tuple[str, ...]:
        """Its legs' books, by name."""
        return tuple(sorted({leg.book for leg in self.legs}))

    @property
    def phantom(self) -> bool | None:
        """Whether a leg was not there any more at its book's next quote; None where that was not seen."""
        verdicts = {leg.verdict for leg in self.legs}
        if "waiting" in verdicts:
            return None
        if verdicts & {"worse", "gone", "suspended"}:
            return True
        return False if verdicts == {"stood"} else None


class Count(Struct, frozen=True, kw_only=True):
    """Some stretches in numbers."""

    name: str
    opened: int
    median_s: float | None
    """Of those that ended."""
    judged: int
    phantoms: int


class Summary(Struct, frozen=True, kw_only=True):
    """What was open in numbers, and the suspects beside it."""

    all: Count
    by_roi: tuple[Count, ...]
    by_pair: tuple[Count, ...]
    """By pair of books: one of three legs counts in each pair of its books."""
    ended: dict[str, int]
    """Stretches by why they ended."""
    suspects: int
    suspects_by_reason: dict[str, int]
    """One may bear several reasons."""


def stretches(
    messages: Callable[[str], Iterable[Message]], wanted: Callable[[str, Arbitrage], bool]
) -> list[Stretch]:
    """All stretches of a log, best first.

    Parameters
    ----------
    messages : callable
        Reads a topic from its beginning to its end; an event's messages come in order.
    wanted : callable
        Of an event's id and an opportunity in it, whether it is to be told of.
    """
    followed = _Followed(wanted)
    for message in messages("bets.arbitrage"):
        followed.take(event_of(message.key), message.record)
    found = [*followed.ended, *followed.standing()]
    fair = _fair(messages("odds.fair"), found) if found else {}
    told = [_told(each, followed.lives, fair) for each in found]
    return sorted(told, key=lambda each: (-each.most_roi, each.opened_at_ms, each.event_id, each.id))


def summary(found: Sequence[Stretch], least: int = LEAST_OF_PAIR) -> Summary:
    """Stretches in numbers; those of pairs of books with fewer than ``least`` are counted together."""
    opened = [each for each in found if not each.suspect]
    bands = [[each for each in opened if _band(each) == place] for place in range(len(BANDS))]
    names = [f"{low:.0%} to {high:.0%}" for low, high in pairwise(BANDS)]
    suspects = [each for each in found if each.suspect]
    return Summary(
        all=_count("all", opened),
        by_roi=tuple(map(_count, [*names, f"{BANDS[-1]:.0%} and more"], bands)),
        by_pair=tuple(_by_pair(opened, least)),
        ended=_tally(each.reason or "still open" for each in opened),
        suspects=len(suspects),
        suspects_by_reason=_tally(reason for each in suspects for reason in each.suspect),
    )


def _by_pair(opened: Sequence[Stretch], least: int) -> Iterator[Count]:
    by_pair: dict[tuple[str, str], list[Stretch]] = {}
    for each in opened:
        for pair in combinations(each.books, 2):
            by_pair.setdefault(pair, []).append(each)
    often = {pair for pair, each in by_pair.items() if len(each) >= least}
    for first, second in sorted(often, key=lambda pair: (-len(by_pair[pair]), pair)):
        yield _count(f"{first} + {second}", by_pair[first, second])
    if others := [each for each in opened if not often.intersection(combinations(each.books, 2))]:
        yield _count(OTHERS, others)


class _Followed:
    """The stretches that are going on, by event, and those that have ended."""

    def __init__(self, wanted: Callable[[str, Arbitrage], bool]) -> None:
        self.wanted = wanted
        self.ended: list[Stretch] = []
        self.lives: dict[tuple[str, str, int], Life] = {}
        self._standing: dict[str, dict[tuple[str, bool, int], Stretch]] = {}
        self._revisions: dict[str, int] = {}

    def take(self, event_id: str, record: Arbitrages | None) -> None:
        if record is None:  # the event is over for good
            self._revisions.pop(event_id, None)
            self.ended += self._standing.pop(event_id, {}).values()
            return
        # A redo says again what was said.
        if record.revision <= self._revisions.get(event_id, 0):
            return
        self._revisions[event_id] = record.revision
        self.lives.update({(event_id, life.id, life.opened_at_ms): life for life in record.lives})
        before = self._standing.get(event_id, {})
        after = {}
        for each in record.arbitrages:
            if self.wanted(event_id, each):
                key = (each.id, not each.suspect, each.opened_at_ms)
                old = before.get(key)
                after[key] = _onward(old, each) if old else _first(event_id, record, each)
        reasons = {c.id: c.reason for c in record.changes if c.change is ChangeKind.WITHDRAWN}
        opened = {each.id for each in record.arbitrages if not each.suspect}
        for key, old in before.items():
            if key not in after:
                reason = ("open" if old.id in opened else "gone") if old.suspect else reasons.get(old.id, "")
                self.ended.append(replace(old, ended_at_ms=record.received_at_ms, reason=reason))
        self._standing[event_id] = after

    def standing(self) -> Iterator[Stretch]:
        for stretches_of in self._standing.values():
            yield from stretches_of.values()


def _first(event_id: str, record: Arbitrages, found: Arbitrage) -> Stretch:
    return Stretch(
        event_id=event_id,
        id=found.id,
        kind=found.kind,
        market=found.market,
        scope=found.scope,
        line=found.line,
        suspect=found.suspect,
        opened_at_ms=found.opened_at_ms,
        ended_at_ms=0,
        reason="",
        roi=found.roi,
        most_roi=found.roi,
        stake_minor=found.stake_minor,
        profit_minor=found.profit_minor,
        clean=found.clean,
        rules=found.rules,
        hit_probability=found.hit_probability,
        expected_value=found.expected_value,
        legs=tuple([_leg(leg, record.received_at_ms) for leg in found.legs]),
        revision=record.revision,
    )


def _onward(old: Stretch, found: Arbitrage) -> Stretch:
    reasons = tuple(sorted({*old.suspect, *found.suspect}))
    return replace(old, most_roi=max(old.most_roi, found.roi), suspect=reasons)


def _leg(leg: Leg, now_ms: int) -> LegOf:
    return LegOf(
        outcome=leg.outcome,
        book=leg.book,
        source=leg.source,
        line=leg.line,
        side=leg.side,
        price=leg.price,
        commission=leg.commission,
        stake_minor=leg.stake_minor,
        age_s=(now_ms - leg.seen_at_ms) / 1000.0,
        book_age_s=(now_ms - leg.quoted_at_ms) / 1000.0 if leg.quoted_at_ms else None,
    )


Fair = dict[tuple[str, int], FairPrices]


def _fair(messages: Iterable[Message], found: Iterable[Stretch]) -> Fair:
    """Of each event and revision in which something was opened, the fair prices that held then."""
    wanted: dict[str, set[int]] = {}
    for each in found:
        wanted.setdefault(each.event_id, set()).add(each.revision)
    held: Fair = {}
    for message in messages:
        fair = message.record
        if fair is None:
            continue
        for revision in wanted.get(event_of(message.key), ()):
            if fair.revision <= revision:
                held[event_of(message.key), revision] = fair
    return held


def _told(found: Stretch, lives: dict[tuple[str, str, int], Life], fair: Fair) -> Stretch:
    """A stretch with what its legs were worth, and what their books said next."""
    prices = fair.get((found.event_id, found.revision))
    known = {(m.market, m.scope, m.line): m.probabilities for m in prices.markets} if prices else {}
    # A suspect may become open under the same id at once: its life is not the suspect's.
    life = None if found.suspect else lives.get((found.event_id, found.id, found.opened_at_ms))
    after: Sequence[LegLife | None] = life.legs if life else [None] * len(found.legs)
    legs = []
    for leg, later in zip(found.legs, after, strict=True):
        probabilities = known.get((found.market, found.scope, leg.line), ())
        if probabilities:
            leg = _valued(leg, probabilities[leg.outcome])
        if later:
            leg = replace(leg, verdict=later.verdict, next_price=later.next_price, after_s=later.after_s)
        legs.append(leg)
    return replace(found, legs=tuple(legs))


def _valued(leg: LegOf, probability: float) -> LegOf:
    """Of a lay the fair price is that of the outcome that is laid."""
    if leg.side == "lay":
        value = lay_as_back(leg.price, leg.commission) * (1.0 - probability) - 1.0
    else:
        value = back_after_commission(leg.price, leg.commission) * probability - 1.0
    return replace(leg, fair_price=1.0 / probability if probability else None, expected_value=value)


def _band(found: Stretch) -> int:
    return max([place for place, low in enumerate(BANDS) if found.most_roi >= low], default=0)


def _count(name: str, found: Sequence[Stretch]) -> Count:
    stood = [each.stood_s for each in found if each.stood_s is not None]
    phantoms = [each.phantom for each in found if each.phantom is not None]
    return Count(
        name=name,
        opened=len(found),
        median_s=median(stood) if stood else None,
        judged=len(phantoms),
        phantoms=sum(phantoms),
    )


def _tally(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def as_builtins(found: Stretch) -> dict[str, Any]:
    """A stretch as JSON has it."""
    return {**msgspec.to_builtins(found), "stood_s": found.stood_s, "phantom": found.phantom}
