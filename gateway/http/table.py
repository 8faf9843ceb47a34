"""Every endpoint that tells what the derived topics say."""

from gateway.http import events, history, odds, opportunities, reference, unmatched
from gateway.http.endpoint import Endpoint
from pipeline.records import Arbitrages, GameProbabilities, Moves, ValueBets

ENDPOINTS = (
    Endpoint("/v1/sports", reference.sports, reference.Sports),
    Endpoint("/v1/leagues", reference.leagues, reference.Leagues),
    Endpoint("/v1/books", reference.books, reference.Books),
    Endpoint("/v1/events", events.events, events.EventsPage, events.EventsQuery),
    Endpoint("/v1/events/{event}", events.event, events.Event),
    Endpoint("/v1/events/{event}/odds", odds.odds, odds.EventOdds),
    Endpoint("/v1/events/{event}/probabilities", odds.probabilities, GameProbabilities),
    Endpoint("/v1/events/{event}/moves", odds.moves, Moves),
    Endpoint("/v1/events/{event}/value-bets", odds.value, ValueBets),
    Endpoint("/v1/events/{event}/arbitrage", odds.arbitrage, Arbitrages),
    Endpoint("/v1/events/{event}/results", events.results, events.EventResults),
    Endpoint(
        "/v1/events/{event}/history",
        history.history,
        history.HistoryPage,
        history.HistoryQuery,
        of_the_past=True,
    ),
    Endpoint(
        "/v1/value-bets", opportunities.value_bets, opportunities.OpenValueBets, opportunities.ValueBetsQuery
    ),
    Endpoint(
        "/v1/arbitrage", opportunities.arbitrage, opportunities.OpenArbitrage, opportunities.ArbitrageQuery
    ),
    Endpoint("/v1/unmatched", unmatched.unmatched, unmatched.UnmatchedGames),
)
