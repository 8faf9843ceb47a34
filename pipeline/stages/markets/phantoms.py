"""Why what looks like an arbitrage may be bad data: filters by name, and a suspect bears all that hold."""

from typing import NamedTuple

from pipeline.domain.odds import booksum
from pipeline.stages.markets.fair import LEAST_BOOKSUM, MINIMUM_DESKS, Opinion, devigged, judged
from pipeline.stages.markets.offers import Moment, Offer, interval_ms, stale_after_ms
from pipeline.stages.markets.suspicion import swapped


class Place(NamedTuple):
    """A price at which a leg can be had. ``net`` is that of a back without commission that pays the same."""

    net: float
    offer: Offer
    outcome: int
    price: float
    commission: float
    lay: bool


Legs = tuple[Place, ...]


def suspicion(now: Moment, legs: Legs, roi: float, opinion: Opinion) -> tuple[tuple[str, ...], Offer | None]:
    """Why this looks like bad data, and which quote is to blame, where that can be told."""
    rules = now.rules
    blamed: dict[str, Offer | None] = {}
    spoken_at_ms = [spoken_ms(leg.offer) for leg in legs]
    oldest = min(legs, key=lambda leg: (spoken_ms(leg.offer), leg.offer[1])).offer
    if now.now_ms - min(spoken_at_ms) > stale_after_ms(rules, oldest[0]):
        blamed["stale_leg"] = oldest
    if max(spoken_at_ms) - min(spoken_at_ms) > _allowed_gap_ms(now, legs):
        blamed["ages_apart"] = oldest
    for leg in legs:
        prices = leg.offer[2].prices
        if booksum(prices) < LEAST_BOOKSUM:
            blamed["outcome_missing"] = leg.offer
        others = judged(opinion, leg.offer[1], MINIMUM_DESKS)
        if others and (own := devigged(rules.devig, prices)) and swapped(own, others):
            blamed["swapped"] = leg.offer
    values = [_value(leg, opinion) for leg in legs]
    best = legs[values.index(max(values))].offer
    if max(values) > rules.maximum_expected_value:
        blamed["outlier"] = best
    if roi > rules.maximum_roi:
        blamed["beyond_belief"] = best if max(values) > -1.0 else None
    if not blamed:
        return (), None
    # The more particular word first.
    order = ("outcome_missing", "swapped", "outlier", "ages_apart", "stale_leg", "beyond_belief")
    culprit = next((blamed[reason] for reason in order if blamed.get(reason) is not None), None)
    return tuple(sorted(blamed)), culprit


def spoken_ms(offer: Offer) -> int:
    """When the book itself was last heard: what its source says of it, where it says so."""
    return offer[2].quoted_at_ms or offer[2].seen_at_ms


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
