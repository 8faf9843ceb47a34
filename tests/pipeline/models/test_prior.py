"""Strengths before the start: a closing line is reproduced, and what it lacks the league fills in."""

import pytest

from pipeline import data
from pipeline.models import Position, league_strengths, market_strengths, outlook
from pipeline.records import ClosingMarket, GameStatus

LEAGUES = data.leagues()
START = Position(GameStatus.SCHEDULED)


def close(market: str, probabilities: tuple[float, ...], line: float = 0.0) -> ClosingMarket:
    scope = "regulation" if market == "h2h_3way" else "game"
    return ClosingMarket(
        market=market, scope=scope, line=line, probabilities=probabilities, basis="consensus"
    )


def test_an_even_spread_is_the_expected_margin() -> None:
    markets = [close("spread", (0.5, 0.5), -6.5), close("total", (0.5, 0.5), 47.5)]
    strengths = market_strengths(LEAGUES["nfl"], markets)

    assert strengths is not None
    assert strengths.margin == pytest.approx(6.5)
    assert strengths.total == pytest.approx(47.5)


def test_the_line_nearest_to_even_speaks() -> None:
    markets = [close("spread", (0.2, 0.8), -12.5), close("spread", (0.5, 0.5), -3.5)]
    strengths = market_strengths(LEAGUES["nfl"], markets)

    assert strengths is not None
    assert strengths.margin == pytest.approx(3.5)


def test_without_a_spread_the_moneyline_is_reproduced() -> None:
    nba = LEAGUES["nba"]
    strengths = market_strengths(nba, [close("h2h", (0.7, 0.3))])

    assert strengths is not None
    assert outlook(nba, strengths, START).game[0] == pytest.approx(0.7, abs=0.001)
    assert strengths.total == pytest.approx(nba.total_mean)


@pytest.mark.parametrize("total", [None, close("total", (0.52, 0.48), 2.5)])
def test_a_three_way_close_is_reproduced_but_for_a_draw_or_two_in_a_hundred(
    total: ClosingMarket | None,
) -> None:
    epl = LEAGUES["epl"]
    # Of football, more draws than independent goals would have at that total.
    markets = [close("h2h_3way", (0.4815, 0.251, 0.2675)), *([total] if total else [])]
    strengths = market_strengths(epl, markets)

    assert strengths is not None
    assert outlook(epl, strengths, START).game == pytest.approx((0.4815, 0.251, 0.2675), abs=0.02)


def test_where_no_total_closed_the_draw_says_it_as_football_is_drawn() -> None:
    """At 2.5 goals, over 52 %: the same total, to a twentieth of a goal, whether it closed or not."""
    result = close("h2h_3way", (0.4835, 0.2519, 0.2646))
    alone = market_strengths(LEAGUES["epl"], [result])
    both = market_strengths(LEAGUES["epl"], [result, close("total", (0.52, 0.48), 2.5)])

    assert alone is not None
    assert both is not None
    assert alone.total == pytest.approx(both.total, abs=0.05)
    assert alone.margin == pytest.approx(both.margin, abs=0.05)


@pytest.mark.parametrize("league", ["mlb", "nhl"])
def test_a_two_way_close_counts_overtime(league: str) -> None:
    strengths = market_strengths(LEAGUES[league], [close("h2h", (0.6, 0.4)), close("total", (0.5, 0.5), 6.5)])

    assert strengths is not None
    assert outlook(LEAGUES[league], strengths, START).game[0] == pytest.approx(0.6, abs=0.001)


@pytest.mark.parametrize("league", ["nfl", "epl", "mlb"])
@pytest.mark.parametrize(
    "markets",
    [
        pytest.param([], id="nothing closed"),
        pytest.param([close("btts", (0.5, 0.5))], id="a market that says nothing of strengths"),
        pytest.param([close("h2h", (1.0, 0.0))], id="a certainty"),
    ],
)
def test_a_close_without_use_leaves_the_league_to_speak(league: str, markets: list[ClosingMarket]) -> None:
    assert market_strengths(LEAGUES[league], markets) is None


def test_the_leagues_averages_are_the_last_resort() -> None:
    assert league_strengths(LEAGUES["nfl"]).margin == pytest.approx(LEAGUES["nfl"].margin_mean)
    assert league_strengths(LEAGUES["epl"]) == (LEAGUES["epl"].home_rate, LEAGUES["epl"].away_rate)
