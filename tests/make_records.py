"""One sound record of each kind, every field filled; tests change what they are about."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pipeline import records as r
from pipeline.topics import TOPICS, topic_of

EVENT = "nfl:2025-09-14:kc-phi"
AT_MS = 1_757_880_000_000
MADE_WITH = {"rules": "0123456789ab", "data": "ba9876543210"}


def derived(**fields: Any) -> dict[str, Any]:
    """The fields that every derived record begins with."""
    inputs = {"odds.snapshots": 41, "clock.ticks": -1}
    return {
        "event_id": EVENT,
        "received_at_ms": AT_MS,
        "revision": 7,
        "inputs": inputs,
        "made_with": MADE_WITH,
        **fields,
    }


def line(**fields: Any) -> r.Line:
    """A book's moneyline."""
    given = {"book": "pinnacle", "market": "h2h", "prices": (1.95, 1.95), "quoted_at_ms": AT_MS - 900}
    return r.Line(**given | fields)


SITUATIONS = (
    r.AmericanFootball(
        possession="home", down=3, distance_yd=7, yards_to_goal=42, home_timeouts=2, away_timeouts=3
    ),
    r.Basketball(possession="away", home_fouls=4, away_fouls=5),
    r.Baseball(half="top", outs=2, bases=5, balls=3, strikes=1, scheduled_innings=9),
    r.Soccer(home_reds=0, away_reds=1, home_penalties=4, away_penalties=5),
    r.Hockey(home_skaters=5, away_skaters=4),
)

EXAMPLES: tuple[Struct, ...] = (
    r.OddsSnapshot(
        event_id=EVENT,
        source="the-odds-api-recorded",
        kind=r.SnapshotKind.FULL,
        received_at_ms=AT_MS,
        starts_at_ms=AT_MS + 3_600_000,
        markets=("h2h", "spread"),
        regions=("us",),
        books=("pinnacle",),
        lines=(
            line(),
            line(market="spread", line=-3.5, prices=(1.91, 0.0), status=r.QuoteStatus.SUSPENDED),
        ),
        depth=(
            r.Depth(
                book="betfair",
                market="h2h",
                lay_prices=(1.96, 2.04),
                back_sizes=(10_000, 0),
                lay_sizes=(500, 1),
            ),
        ),
        seen=(r.Seen(book="betfair", quoted_at_ms=AT_MS),),
    ),
    r.GameEvent(
        event_id=EVENT,
        source="nflverse",
        source_event_id="2025_02_PHI_KC/40",
        supersedes="2025_02_PHI_KC/39",
        kind="snap",
        received_at_ms=AT_MS,
        happened_at_ms=AT_MS - 10_000,
        happened_at_basis=r.TimeBasis.ESTIMATED,
        sequence=40,
        starts_at_ms=AT_MS - 600_000,
        status=r.GameStatus.LIVE,
        period=1,
        clock_s=712.0,
        home_score=7,
        away_score=3,
        suspended=True,
        situation=SITUATIONS[0],
        text="third and seven",
    ),
    r.ClockTick(
        received_at_ms=AT_MS,
        sources=(
            r.SourceState(
                source="nflverse", down_since_ms=AT_MS - 1, outages=2, off=True, full_from_ms=AT_MS - 1
            ),
        ),
    ),
    r.GameState(
        **derived(),
        league="nfl",
        sport="american-football",
        home="kc",
        away="phi",
        status=r.GameStatus.LIVE,
        starts_at_ms=AT_MS - 600_000,
        started_at_ms=AT_MS - 590_000,
        finished_at_ms=0,
        period=1,
        clock_s=712.0,
        home_score=7,
        away_score=3,
        suspended=False,
        contested=False,
        last_key_event_at_ms=AT_MS - 60_000,
        situation=SITUATIONS[0],
        source="nflverse",
        source_event_id="2025_02_PHI_KC/40",
        text="third and seven",
        doubts=("score_fell",),
    ),
    r.GameProbabilities(
        **derived(),
        source_event_id="2025_02_PHI_KC/40",
        status=r.GameStatus.LIVE,
        starts_at_ms=AT_MS - 600_000,
        started_at_ms=AT_MS - 590_000,
        finished_at_ms=0,
        home_score=7,
        away_score=3,
        last_key_event_at_ms=AT_MS - 60_000,
        suspended=False,
        contested=False,
        model="brownian-margin",
        prior="closing",
        game=(0.625, 0.375),
        regulation=(0.6, 0.35, 0.05),
        parameters={"margin_mean": 3.5, "margin_sd": 12.0},
        impact=-0.015625,
        opinions=(
            r.ModelOpinion(
                model="brownian-margin",
                game=(0.625, 0.375),
                regulation=(0.6, 0.35, 0.05),
                parameters={"margin_mean": 3.5},
            ),
        ),
        game_low=(0.6, 0.35),
        game_high=(0.65, 0.4),
        momentum=-0.25,
        next_score=(0.5, 0.4, 0.1),
        doubts=("sources_disagree",),
    ),
    r.GameFeatures(
        **derived(),
        source_event_id="2025_02_PHI_KC/40",
        sport="american-football",
        model="nfl-blend",
        model_digest="0123456789ab",
        names=("lead", "left_s"),
        values=(90.0, 712.0),
        closed=(-0.25, -1.5),
        anchor=(0.5, -0.5),
        out_of_range=(r.OutOfRange(name="lead", value=90.0, low=-80.0, high=80.0),),
    ),
    r.FairPrices(
        **derived(),
        method="power",
        markets=(
            r.FairMarket(
                market="h2h",
                scope="game",
                line=0.0,
                probabilities=(0.5, 0.5),
                desks=5,
                overround=0.045,
                newest_seen_at_ms=AT_MS,
                oldest_seen_at_ms=AT_MS - 9_000,
                spreads=(0.01, 0.01),
                standard_errors=(0.02, 0.02),
                newest_quoted_at_ms=AT_MS - 1_000,
                oldest_quoted_at_ms=AT_MS - 19_000,
            ),
        ),
    ),
    r.ClosingLine(
        **derived(),
        final=True,
        started_at_ms=AT_MS,
        markets=(
            r.ClosingMarket(
                market="total", scope="game", line=45.5, probabilities=(0.5, 0.5), basis="consensus"
            ),
        ),
        prices=(
            r.ClosingPrice(
                book="pinnacle",
                market="total",
                scope="game",
                line=45.5,
                prices=(1.95, 1.95),
                seen_at_ms=AT_MS,
            ),
        ),
    ),
    r.Moves(
        **derived(),
        moves=(
            r.Move(
                market="h2h",
                scope="game",
                line=0.0,
                outcome=1,
                from_probability=0.5,
                to_probability=0.55,
                log_odds=0.2,
                since_ms=AT_MS - 500_000,
                at_ms=AT_MS,
                books=6,
                after_event=True,
                from_line=0.5,
                noise=0.04,
                desks=4,
                cause="event",
            ),
        ),
        steam=(
            r.Steam(
                market="h2h",
                scope="game",
                line=0.0,
                outcome=1,
                first_desk="pinnacle",
                since_ms=AT_MS - 60_000,
                at_ms=AT_MS,
                cause="polling",
                desks=(r.DeskMove(desk="pinnacle", at_ms=AT_MS, waited_s=5.0, log_odds=0.1),),
            ),
        ),
    ),
    r.ValueBets(
        **derived(),
        bets=(
            r.ValueBet(
                id="v1",
                basis="consensus",
                market="h2h",
                scope="game",
                line=0.0,
                outcome=0,
                book="bovada",
                price=2.1,
                probability=0.5,
                edge=0.0238,
                expected_value=0.05,
                stake_share=0.0114,
                quoted_at_ms=AT_MS - 2_000,
                seen_at_ms=AT_MS,
                source="the-odds-api-recorded",
                opened_at_ms=AT_MS - 30_000,
                worst_expected_value=0.03,
                worst_by="shin",
                confidence=0.9,
                desks=5,
                refund=0.05,
                commission=0.02,
                kelly_share=0.045,
            ),
        ),
        gated=(
            r.GatedBet(
                basis="model",
                market="total",
                scope="game",
                line=45.5,
                outcome=1,
                book="bovada",
                source="the-odds-api-recorded",
                price=3.0,
                probability=0.5,
                expected_value=0.5,
                reasons=("too_good",),
            ),
        ),
        changes=(r.Change(id="v0", change=r.ChangeKind.WITHDRAWN, reason="stale"),),
    ),
    r.Arbitrages(
        **derived(),
        arbitrages=(
            r.Arbitrage(
                id="a1",
                market="h2h",
                scope="game",
                line=0.0,
                legs=tuple(
                    r.Leg(
                        outcome=outcome,
                        book=book,
                        price=2.1,
                        stake_minor=50_000,
                        quoted_at_ms=0,
                        seen_at_ms=AT_MS,
                        source="the-odds-api-recorded",
                        break_even_price=1.91,
                        line=-3.5,
                        side="lay",
                        commission=0.02,
                        at_risk_minor=55_000,
                        least_minor=100,
                        most_minor=100_000,
                    )
                    for outcome, book in enumerate(("bovada", "pinnacle"))
                ),
                roi=0.05,
                stake_minor=100_000,
                profit_minor=5_000,
                suspect=("ages_apart",),
                opened_at_ms=AT_MS,
                kind="middle",
                clean=False,
                rules=(r.RuleDifference(rule="overtime", profit_minor=-50_000),),
                hit_probability=0.1,
                break_even_probability=0.05,
                expected_value=0.02,
            ),
        ),
        lives=(
            r.Life(
                id="a0",
                market="h2h",
                scope="game",
                line=0.5,
                opened_at_ms=AT_MS - 60_000,
                ended_at_ms=AT_MS,
                reason="price",
                roi=0.02,
                phantom=True,
                legs=(
                    r.LegLife(
                        book="bovada",
                        outcome=1,
                        side="lay",
                        price=2.1,
                        verdict="worse",
                        next_price=1.9,
                        after_s=5.0,
                    ),
                ),
            ),
        ),
        judged=3,
        phantoms=1,
        changes=(r.Change(id="a1", change=r.ChangeKind.OPENED),),
    ),
    r.BetResult(
        **derived(),
        opportunity="v1",
        kind=r.OpportunityKind.VALUE,
        basis="consensus",
        market="h2h",
        scope="game",
        line=0.0,
        legs=(
            r.SettledLeg(
                outcome=0,
                book="bovada",
                price=2.1,
                stake_share=1.0,
                result=r.LegResult.WON,
                closing_probability=0.49,
                line=-3.5,
                side="lay",
                commission=0.02,
            ),
        ),
        opened_at_ms=AT_MS - 30_000,
        withdrawn_at_ms=AT_MS,
        withdrawn_reason="started",
        profit=1.1,
        closing_line_value=0.029,
        closing_known=True,
    ),
    r.GameScore(
        **derived(),
        league="nfl",
        model="brownian-margin",
        home_score=27,
        away_score=24,
        outcome=0,
        published=160,
        log_loss=0.55,
        brier=0.19,
        closing_log_loss=0.68,
        closing_brier=0.24,
        skill=0.19,
        in_play_s=10_800.0,
        log_loss_by_time=0.57,
        brier_by_time=0.2,
        phases=(
            r.PhaseScore(
                phase="q1",
                moments=160,
                log_loss=0.55,
                brier=0.19,
                buckets=(r.BucketScore(outcome=0, bucket=5, moments=160, said=90.0, came=160),),
            ),
        ),
        sides=(r.SideScore(side="home", moments=160, said=90.0, came=160, variance=6_200.0),),
        opinions=(r.OpinionScore(model="lightgbm", moments=150, log_loss=0.56, brier=0.2),),
    ),
    r.SourcePayload(
        source="espn",
        received_at_ms=AT_MS,
        request="GET /scoreboard",
        http_status=200,
        body=b"\x28\xb5/\xfd",
        name="scoreboard nfl",
        league="nfl",
        kind="scores",
    ),
    r.SourceHealth(
        source="espn",
        received_at_ms=AT_MS,
        ok=False,
        error="timed out",
        last_success_at_ms=AT_MS - 60_000,
        quota_left=-1,
        state="slow",
        since_ms=AT_MS - 30_000,
        due_by_ms=AT_MS + 5_000,
        answer_s=10.25,
        failures=2,
        polls=90,
        errors={"timeout": 3, "server_error": 1},
    ),
    r.SourceControl(source="espn", received_at_ms=AT_MS, off=True, reason="their feed is an hour late"),
    r.SourceQuota(
        source="the-odds-api",
        received_at_ms=AT_MS,
        kind=r.QuotaKind.RESERVED,
        periods=(AT_MS - 86_400_000,),
        budget=500,
        credits=3,
        call="odds nfl",
        reservation=-1,
        used=-1,
        remaining=-1,
        last=-1,
    ),
    r.SourceEvent(
        source="espn",
        source_id="401772510",
        event_id=EVENT,
        received_at_ms=AT_MS,
        starts_at_ms=AT_MS,
        home="Kansas City Chiefs",
        away="Philadelphia Eagles",
        read_to=41,
        basis="starts with the-odds-api",
    ),
    r.SourceAlias(
        league="nfl",
        source="espn",
        name="KC Chiefs",
        team="kc",
        source_id="",
        event_id="",
        received_at_ms=AT_MS,
        origin="said by a person",
    ),
    r.Unmatched(
        source="espn",
        source_id="401772510",
        league="nfl",
        home="KC Chiefs",
        away="Philadelphia Eagles",
        starts_at_ms=AT_MS,
        received_at_ms=AT_MS,
        since_ms=AT_MS,
        reason="no team of nfl is known as 'KC Chiefs'",
        candidates=(
            r.Candidate(
                name="KC Chiefs", team="kc", event_id=EVENT, score=0.91, reason="its name is like it"
            ),
        ),
        waiting=12,
        dropped=0,
        event_id="",
        state=r.UnmatchedState.WAITING,
    ),
    r.ShadowDifference(
        event_id=EVENT,
        received_at_ms=AT_MS,
        topic="bets.value",
        key=EVENT,
        cause="games.events/2/417",
        source_event_id="2025_02_PHI_KC/40",
        baseline=r.Said(digest="0123456789ab0123456789ab", made_with=MADE_WITH),
        candidate=r.Said(digest="ba9876543210ba9876543210", made_with=MADE_WITH),
        chances=(
            r.ShadowChances(
                market="h2h", scope="game", line=0.0, baseline=(0.61, 0.39), candidate=(0.58, 0.42)
            ),
        ),
        opportunities=(
            r.ShadowOpportunity(
                id="0123456789abcdef",
                kind="value",
                change=r.ShadowChange.CHANGES,
                market="h2h",
                scope="game",
                line=0.0,
                baseline=r.Terms(
                    legs=(r.ShadowLeg(outcome=0, book="pinnacle", price=1.75),),
                    expected_value=0.0675,
                    stake_share=0.0225,
                ),
                candidate=r.Terms(
                    legs=(r.ShadowLeg(outcome=0, book="pinnacle", price=1.8),),
                    expected_value=0.044,
                    stake_share=0.01375,
                    stake_minor=0,
                ),
            ),
        ),
    ),
    r.Artefact(
        digest="0123456789ab",
        kind="data",
        name="leagues.csv books.csv",
        content=b"league,sport\n",
    ),
    r.DeadLetter(
        topic="odds.snapshots",
        partition=3,
        offset=17,
        stage="markets",
        reason="magic: the first byte is 1 and should be 0",
        key=b"\xff",
        value=b"\x01\x02",
        size=2,
    ),
)

_BY_TOPIC = {topic_of(type(example)).name: example for example in EXAMPLES}
assert set(_BY_TOPIC) == set(TOPICS)


def example(topic: str, **fields: Any) -> Any:
    """The example of a topic, with other fields where given."""
    return replace(_BY_TOPIC[topic], **fields)
