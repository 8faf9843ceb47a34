"""Why what looks like an arbitrage may be bad data: filters by name, and a suspect bears all that hold."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from pipeline.domain.odds import booksum
from pipeline.stages.markets.fair import (
    LEAST_BOOKSUM,
    MINIMUM_DESKS,
    Opinion,
    desk_of,
    devigged,
    heights,
    judged,
)
from pipeline.stages.markets.offers import Moment, Offer, interval_ms, lag_after_ms
from pipeline.stages.markets.suspicion import LEAST_APART, swapped

#: Log-odds by which a price is far from the other desks, if that is so many times as far as the middle one of
#: them is from what they agree on.
FAR_APART, TIMES_AS_FAR = 0.3, 7.0
#: Log-odds between two brands of a desk. Honest ones are 0.006 apart in 99 of 100 cases in the simulator and
#: 0.046 on recorded spreads; a brand whose feed is wrong is some 0.3 away.
OFF_DESK = 0.10
#: A price that stands still for so long in play, while this share of the other desks moved. An exchange's
#: moves with every order.
STUCK_MS, STUCK_EXCHANGE_MS, NEARLY_ALL = 60_000, 45_000, 0.9


class Place(NamedTuple):
    """A price at which a leg can be had. ``net`` is that of a back without commission that pays the same."""

    net: float
    offer: Offer
    outcome: int
    price: float
    commission: float
    lay: bool


Legs = tuple[Place, ...]


def suspicion(
    now: Moment, legs: Legs, roi: float, opinion: Opinion, offered: list[Offer]
) -> tuple[tuple[str, ...], Offer | None]:
    """Why this looks like bad data, and which quote is to blame, where that can be told.

    ``offered`` is what the legs were chosen from.
    """
    rules = now.rules
    blamed: dict[str, Offer | None] = {}
    spoken_at_ms = [spoken_ms(leg.offer) for leg in legs]
    oldest = min(legs, key=lambda leg: (spoken_ms(leg.offer), leg.offer[1])).offer
    if now.now_ms - min(spoken_at_ms) > lag_after_ms(now, oldest[0]):
        blamed["stale_leg"] = oldest
    if max(spoken_at_ms) - min(spoken_at_ms) > _allowed_gap_ms(now, legs):
        blamed["ages_apart"] = oldest
    # By name: whom to blame first must not hang on who is at home.
    for leg in sorted(legs, key=lambda leg: leg.offer[1]):
        for reason in _faults(now, leg, opinion, offered):
            blamed.setdefault(reason, leg.offer)
    values = [_value(leg, opinion) for leg in legs]
    best = legs[values.index(max(values))].offer
    if max(values) > rules.maximum_expected_value:
        blamed["outlier"] = best
    if roi > rules.maximum_roi:
        blamed["beyond_belief"] = best if max(values) > -1.0 else None
    if not blamed:
        return (), None
    # The more particular word first.
    order = ("outcome_missing", "off_desk", "swapped", "outlier", "ages_apart", "stale_leg", "beyond_belief")
    culprit = next((blamed[reason] for reason in order if blamed.get(reason) is not None), None)
    return tuple(sorted(blamed)), culprit


def _faults(now: Moment, leg: Place, opinion: Opinion, offered: list[Offer]) -> Iterator[str]:
    """What speaks against one leg alone."""
    _, book, quote = leg.offer
    if booksum(quote.prices) < LEAST_BOOKSUM:
        yield "outcome_missing"
    if _is_off_its_desk(now, leg, offered):
        yield "off_desk"
    if _is_left_behind(now, leg, offered):
        yield "stale_leg"
    others, own = judged(opinion, book, MINIMUM_DESKS), devigged(now.rules.devig, quote.prices)
    if others and own and swapped(own, others, 2.0 * LEAST_APART):
        yield "swapped"
    if _is_unconfirmed(now, leg, opinion):
        yield "outlier"


def doubted_at_ms(now: Moment, offers: Sequence[Offer]) -> int:
    """When time alone next makes an open arbitrage on these quotes a suspect."""
    moments = [spoken_ms(offer) + lag_after_ms(now, offer[0]) + 1 for offer in offers]
    if now.since_ms > 0:
        moments += [offer[2].changed_at_ms + _patience_ms(offer) for offer in offers]
    return min([moment for moment in moments if moment > now.now_ms], default=0)


def spoken_ms(offer: Offer) -> int:
    """When the book itself was last heard: what its source says of it, where it says so."""
    return offer[2].quoted_at_ms or offer[2].seen_at_ms


def _is_off_its_desk(now: Moment, leg: Place, offered: list[Offer]) -> bool:
    """Whether another brand of the same desk is of another opinion: one of the two shows what is not so."""
    desk, own = desk_of(leg.offer[1]), devigged(now.rules.devig, leg.offer[2].prices)
    mates = [
        fair
        for _, book, quote in offered
        if desk_of(book) == desk
        and book != leg.offer[1]
        and (fair := devigged(now.rules.devig, quote.prices))
    ]
    if not own:
        return False
    height = heights(own)[leg.outcome]
    return any(abs(height - heights(fair)[leg.outcome]) > OFF_DESK for fair in mates)


def _is_left_behind(now: Moment, leg: Place, offered: list[Offer]) -> bool:
    """Whether, in play, a price has long stood still while nearly every other desk changed its own.

    Slow books do so for a while, and can be bet at; one whose feed is stuck does so for good.
    """
    changed_at_ms = leg.offer[2].changed_at_ms
    if now.since_ms <= 0 or now.now_ms - changed_at_ms < _patience_ms(leg.offer):
        return False
    own = desk_of(leg.offer[1])
    desks = {desk for _, book, _ in offered if (desk := desk_of(book)) != own}
    changed = {desk_of(book) for _, book, quote in offered if quote.changed_at_ms > changed_at_ms}
    return len(desks & changed) >= NEARLY_ALL * max(1, len(desks))


def _patience_ms(offer: Offer) -> int:
    return STUCK_MS if offer[2].waiting is None else STUCK_EXCHANGE_MS


def _is_unconfirmed(now: Moment, leg: Place, opinion: Opinion) -> bool:
    """Whether a price is far from the other desks, and was seen but once by a source that rarely looks.

    Of a source that looks every few seconds the next look soon says whether the price was there.
    """
    source, book, quote = leg.offer
    if interval_ms(source) <= now.rules.maximum_leg_gap_ms or quote.changed_at_ms < quote.seen_at_ms:
        return False
    others, own = judged(opinion, book, 1), devigged(now.rules.devig, quote.prices)
    if not others or not own:
        return False
    agreed = heights(others)[leg.outcome]
    apart = abs(heights(own)[leg.outcome] - agreed)
    usual = median(
        [
            abs(heights(said)[leg.outcome] - agreed)
            for desk, said in opinion.own.items()
            if desk != desk_of(book)
        ]
    )
    return apart >= FAR_APART and apart >= TIMES_AS_FAR * usual


def _allowed_gap_ms(now: Moment, legs: Legs) -> int:
    """How far apart the legs may have been heard.

    Of a source that does not say when a book spoke only the poll is known, so its pace is allowed for.
    """
    rules = now.rules
    gap_ms = rules.maximum_live_leg_gap_ms if now.since_ms > 0 else rules.maximum_leg_gap_ms
    unsaid = [2 * interval_ms(leg.offer[0]) for leg in legs if not leg.offer[2].quoted_at_ms]
    return max([gap_ms, *unsaid])


def _value(leg: Place, opinion: Opinion) -> float:
    """Expected value of a leg by the other desks; that of its price alone, -1, where too few have a word."""
    others = judged(opinion, leg.offer[1], MINIMUM_DESKS)
    if not others:
        return -1.0
    chance = 1.0 - others[leg.outcome] if leg.lay else others[leg.outcome]
    return leg.net * chance - 1.0
