"""Middles: two legs on different lines of one total or margin, both of which win between the lines.

Lines of halves only: there is nothing to refund, and the desks' fair prices of the two lines alone say how
often the gap is hit.
"""

from collections.abc import Mapping

from pipeline.domain import middles as arithmetic_of_gaps
from pipeline.domain.odds import booksum
from pipeline.records import LINED
from pipeline.stages.markets.arbitrage import best_backs, places, side, stakes_within
from pipeline.stages.markets.fair import desk_of
from pipeline.stages.markets.lines import handicap, is_half
from pipeline.stages.markets.market import Worked, offered_on
from pipeline.stages.markets.offers import Moment
from pipeline.stages.markets.opportunities import identity
from pipeline.stages.markets.phantoms import Place
from pipeline.stages.markets.state import LadderKey, Lock, Market, Probabilities


def middles(
    now: Moment, key: LadderKey, lines: Mapping[float, Market], worked: Mapping[float, Worked]
) -> list[Lock]:
    """The best middle of each pair of lines that is worth its stakes; none while the game is closed.

    ``lines`` is every market of the kind by its line, ``worked`` those that were worked out anew.
    """
    market, _ = key
    if now.closed or market not in LINED:
        return []
    known = {
        line: found.probabilities for line, found in lines.items() if found.probabilities and is_half(line)
    }
    if len(known) < 2:
        return []
    # By the number that the first outcome has to beat: the first leg is on the lower.
    rungs = sorted((-handicap(market, line, 0), line) for line in known)
    backs = {}
    for _, line in rungs:
        offered = offered_on(now, key, line, worked)
        backs[line] = (best_backs(now, offered, 0), best_backs(now, offered, 1))
    found = []
    for place, (lower, first) in enumerate(rungs):
        for higher, second in rungs[place + 1 :]:
            legs = backs[first][0], backs[second][1]
            lock = _middle(now, key, (lower, higher), (first, second), legs, (known[first], known[second]))
            found += [lock] if lock else []
    return found


def _middle(
    now: Moment,
    key: LadderKey,
    gap: tuple[float, float],
    lines: tuple[float, float],
    legs: tuple[Place | None, Place | None],
    fair: tuple[Probabilities, Probabilities],
) -> Lock | None:
    first, second = legs
    if first is None or second is None or desk_of(first.offer[1]) == desk_of(second.offer[1]):
        return None
    rules, prices = now.rules, (first.net, second.net)
    paid = booksum(prices)
    hit = max(0.0, fair[0][0] - fair[1][0])
    # With stakes in inverse proportion to the prices a miss pays 1 for the booksum, and a hit 2.
    expected_value = (1.0 + hit) / paid - 1.0
    values = (prices[0] * fair[0][0] - 1.0, prices[1] * fair[1][1] - 1.0)
    if expected_value < rules.minimum_middle_expected_value or max(values) > rules.maximum_expected_value:
        return None
    if not (stakes := stakes_within(now, (first, second))):
        return None
    return Lock(
        id=identity(
            now.event_id, "middle", (*key, lines[0]), (*places((first, second)), (1, repr(lines[1])))
        ),
        kind="middle",
        sides=tuple(
            [
                side(now, leg, line, stake, 0.0)
                for leg, line, stake in zip((first, second), lines, stakes, strict=True)
            ]
        ),
        roi=1.0 / paid - 1.0,
        profit_minor=-arithmetic_of_gaps.cost(gap, prices, (stakes[0], stakes[1])),
        suspect=(),
        hit_probability=hit,
        break_even_probability=arithmetic_of_gaps.break_even_chance(prices),
        expected_value=expected_value,
    )
