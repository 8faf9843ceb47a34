"""How good the published probabilities were, once their games have settled."""

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import (
    PLAIN,
    Column,
    Limits,
    Query,
    Row,
    bars,
    board,
    choice,
    listing,
    number,
    trend,
    words,
)

#: Below 0 less would have been lost by the line before the start.
SKILL: Limits = ((None, "red"), (0.0, "green"))
#: Either way; from four on the alert SharplineMiscalibrated looks at how large the gap is.
DEVIATIONS: Limits = ((None, "red"), (-4.0, "yellow"), (-3.0, "green"), (3.0, "yellow"), (4.0, "red"))
CHOSEN = 'league=~"$league"'
NOTE = (
    "Of the games that **settled in the time that is shown**. Each probability that was published in play"
    " counts"
    " once, by the first result; all that was said of a game ends alike, so what counts is how many **games**"
    " there are: one evening says little."
)


def dashboard() -> Dashboard:
    """Quality."""
    return board(
        "sharpline-quality",
        "Sharpline: quality",
        "What was said of games that have settled, held against what came, against the line before the start,"
        " and one model against another.",
        [
            Row("", [Column(24, [words("Before you look", "What is counted here.", NOTE)])]),
            Row("", [Column(6, [panel]) for panel in _in_all()]),
            Row("Said and seen", _said_and_seen()),
            Row("By phase, by model", _by_phase_and_model()),
            Row("The last seven days", _week()),
        ],
        [choice("league", "League", "label_values(sharpline_processors_scored_games_total, league)")],
        shows="24h",
        every="1m",
    )


def grown(metric: str, by: str) -> str:
    """By how much a counter grew over the time that is shown."""
    return f"sum by ({by}) (increase(sharpline_processors_{metric}_total{{{CHOSEN}}}[$__range]))"


def over(sums: str, counts: str, by: str) -> str:
    """One counter over another; nothing where nothing was counted."""
    return f"{grown(sums, by)} / ({grown(counts, by)} > 0)"


def _in_all() -> list[stat.Panel]:
    skill = f"1 - {over('scored_log_loss_beside_close', 'scored_closing_log_loss', 'league')}"
    return [
        number(
            "Games scored",
            "Settled games with probabilities in play. None after an evening: games do not settle, see their"
            " status in Markets and games.",
            "short",
            Query(grown("scored_games", "league"), "{{league}}"),
            height=6,
        ),
        number(
            "Log loss",
            "Mean over the moments of -ln of what was given to what came. 0.693 is a coin's, of three"
            " outcomes 1.099. It"
            " tells leagues apart by how open their games are: compare it with the close and with other"
            " weeks.",
            "none",
            Query(over("scored_log_loss", "scored_moments", "league"), "{{league}}"),
            height=6,
        ),
        number(
            "Brier score",
            "Mean squared error, summed over the outcomes: 0.5 is a coin's, of three outcomes 0.667.",
            "none",
            Query(over("scored_brier", "scored_moments", "league"), "{{league}}"),
            height=6,
        ),
        number(
            "Skill against the close",
            "How much less was lost than by the line before the start, on games that have one. It knows"
            " what happened"
            " since, so below 0 over many games something is wrong with the model or its feed.",
            "percentunit",
            Query(skill, "{{league}}"),
            steps=SKILL,
            height=6,
        ),
    ]


def _said_and_seen() -> list[Column]:
    reliability = bars(
        "Reliability",
        "Probabilities by tenth, 0 is below 10 %: what was said on average beside how often it came. Bars"
        " of one height are a calibrated"
        " model; of few games they differ by chance.",
        "percentunit",
        "bucket",
        "Tenth",
        Query(over("bucket_said", "bucket_moments", "bucket"), "said"),
        Query(over("bucket_came", "bucket_moments", "bucket"), "came"),
        height=10,
    )
    gap = f"({grown('side_came', 'league, side')} - {grown('side_said', 'league, side')})"
    sides = listing(
        "Sides, against chance",
        "How much more often a side came than was said, and how many standard deviations that is, a game"
        " being"
        " one draw. Beyond 3 either way with some twenty games or more: look at the phases and models below.",
        [
            ("Said", "percentunit", PLAIN, over("side_said", "side_moments", "league, side")),
            ("Came", "percentunit", PLAIN, over("side_came", "side_moments", "league, side")),
            (
                "Deviations",
                "none",
                DEVIATIONS,
                f"{gap} / sqrt({grown('side_variance', 'league, side')} > 0)",
            ),
        ],
        {"league": "League", "side": "Side"},
        "Deviations",
        10,
    )
    return [Column(12, [reliability]), Column(12, [sides])]


def _by_phase_and_model() -> list[Column]:
    by_phase, by_model = "league, phase", "league, model"
    phases = listing(
        "Phases of the game",
        "Losses fall as the game goes on. A phase that does not: a late feed, or a model that does not"
        " know how"
        " such games end.",
        [
            ("Moments", "short", PLAIN, f"{grown('scored_moments', by_phase)} > 0"),
            ("Log loss", "none", PLAIN, over("scored_log_loss", "scored_moments", by_phase)),
            ("Brier", "none", PLAIN, over("scored_brier", "scored_moments", by_phase)),
        ],
        {"league": "League", "phase": "Phase"},
        "Log loss",
        10,
    )
    models = listing(
        "Models",
        "Of a league with several models all spoke at the same moments, and the lowest log loss was the"
        " best. The blend behind one of them"
        " for weeks: its weights are out of date.",
        [
            ("Moments", "short", PLAIN, f"{grown('model_moments', by_model)} > 0"),
            ("Log loss", "none", PLAIN, over("model_log_loss", "model_moments", by_model)),
        ],
        {"league": "League", "model": "Model"},
        "Log loss",
        10,
    )
    return [Column(12, [phases]), Column(12, [models])]


def _week() -> list[Column]:
    panels = [
        trend(
            "Skill against the close, seven days",
            "As above, of the seven days before each moment. Falling for weeks: the games have changed, train"
            " the model anew.",
            "percentunit",
            Query(f"league:sharpline_processors_scored_log_loss:skill7d{{{CHOSEN}}}", "{{league}}"),
            least=None,
        ),
        trend(
            "Calibration error, seven days",
            "Mean gap between said and seen over tenths. Of few games it is large by chance alone: the"
            " next panel knows.",
            "percentunit",
            Query(f"league:sharpline_processors_bucket_gap:mean7d{{{CHOSEN}}}", "{{league}}"),
        ),
        trend(
            "Sides against chance, seven days",
            "Standard deviations between came and said. Beyond 4 either way the alert fires, where the"
            " gap is larger than three points"
            " and there are games enough.",
            "none",
            Query(
                f"league_side:sharpline_processors_side_gap:deviations7d{{{CHOSEN}}}", "{{league}} {{side}}"
            ),
            least=None,
        ),
    ]
    return [Column(8, [panel]) for panel in panels]
