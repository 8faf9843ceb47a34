"""What the pipeline finds: opportunities, games, the answers about them, and whether sources still speak."""

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import (
    FLOWING,
    NONE_EXPECTED,
    SHARES,
    Column,
    Query,
    Row,
    board,
    limits,
    number,
    per_second,
    quantile,
    trend,
)

SILENT = limits(120, 600)
# Every gateway counts all of them: of several, one.
OPEN = Query("max by (kind) (sharpline_gateway_open_opportunities)", "{{kind}}")
BY_STATUS = Query("sum by (status) (sharpline_gateway_games)", "{{status}}")
SOURCE_AGE = Query(
    "time() - max by (source) (sharpline_processors_source_seen_timestamp_seconds)", "{{source}}"
)
LOG_TIME = 'sharpline_gateway_log_time_seconds{job="gateway"}'
HOUR = "sum{by} (increase(sharpline_processors_{metric}{{{where}}}[1h]))"
JUDGED = HOUR.format(by="", metric="arbitrages_judged_total", where="")
PHANTOMS = HOUR.format(by="", metric="arbitrages_judged_total", where='verdict="phantom"')
LIVES = HOUR.format(by=" by (le)", metric="arbitrage_life_seconds_bucket", where="")
#: Above what is usual, and the bound of the alert SharplinePhantoms.
MANY_PHANTOMS = limits(0.6, 0.75)
#: As is usual of the index; the upper one is the bound of the alert SharplineFeatureDrift.
MUCH_DRIFT = limits(0.1, 0.25)
SPEED = Query(f"max(deriv({LOG_TIME}[$__rate_interval]))", "times the wall's")


def dashboard() -> Dashboard:
    """Markets and games."""
    return board(
        "sharpline-markets-and-games",
        "Sharpline: markets and games",
        "What is open and what changes, which games are known, whether sources speak and how fast the log's"
        " time runs.",
        [
            Row("", [Column(6, [panel]) for panel in _now()]),
            Row("Opportunities", _opportunities()),
            Row("Arbitrage afterwards", _afterwards()),
            Row("What is kept back, and moves", _kept_back()),
            Row("Games and answers", _games()),
            Row("What the models read", _features()),
            Row("Sources and time", _sources()),
            Row("Polled sources", _polled()),
            Row("What is kept, what was buried, who listens", _kept()),
        ],
    )


def _now() -> list[stat.Panel]:
    return [
        number(
            "Open opportunities",
            "That stand on prices which are open and fresh. Suspect and gated ones are kept from it; more"
            " suspects than arbitrage: a source shows frozen or swapped prices.",
            "short",
            OPEN,
            height=5,
        ),
        number(
            "Games",
            "Games that the gateway knows, by status. None live during an evening: no source reports"
            " games, see the sources below.",
            "short",
            BY_STATUS,
            height=5,
        ),
        number(
            "Age of sources",
            "Since the newest record of each source was appended. Above a few minutes the source is silent"
            " and what stands on its prices is withdrawn.",
            "s",
            SOURCE_AGE,
            steps=SILENT,
            height=5,
        ),
        number(
            "How fast time runs",
            "Seconds of the log in a second of the wall: 1 live, 20 in the demo. At 0 no tick comes: look at"
            " the producer, nothing expires meanwhile.",
            "suffix: ×",
            SPEED,
            steps=FLOWING,
            height=5,
        ),
    ]


def _opportunities() -> list[Column]:
    changes = "sharpline_processors_changes_total"
    panels = [
        trend(
            "Open opportunities by kind",
            "That stand now. A sudden step up in all kinds comes with a wrong price of one book; down to"
            " none, from a source that went silent.",
            "short",
            OPEN,
        ),
        *[
            trend(
                f"{change.capitalize()} a second",
                says,
                "suffix: /s",
                Query(per_second(changes, "kind", f'change="{change}"'), "{{kind}}"),
            )
            for change, says in (
                (
                    "opened",
                    "New opportunities. Far more than games in play explain: a book is frozen or swapped.",
                ),
                ("changed", "The same opportunity at another price or stake. Follows the pace of the odds."),
                ("withdrawn", "Closed, with the reason in the record. More than opened: prices went stale."),
            )
        ],
    ]
    return [Column(6, [panel]) for panel in panels]


def _afterwards() -> list[Column]:
    panels = [
        trend(
            "Phantom rate of the last hour",
            "Of the arbitrages that were open and are judged, the share with a leg that was not there at its"
            " book's next quote. It says little where few were judged. Near 1: a book is shown late; `lives`"
            " in bets.arbitrage say which.",
            "percentunit",
            Query(f"{PHANTOMS} / ({JUDGED} > 0)", "phantoms"),
            steps=MANY_PHANTOMS,
        ),
        trend(
            "Arbitrages judged in the last hour",
            "Every leg heard of again. `stood`: all were there still; what could not be judged, as the game"
            " went on or a source failed, is in neither. Far fewer than opened: prices are looked at too"
            " rarely.",
            "short",
            Query(
                HOUR.format(by=" by (verdict)", metric="arbitrages_judged_total", where='verdict!="other"'),
                "{{verdict}}",
            ),
            stacked=True,
        ),
        trend(
            "Legs by verdict in the last hour",
            "What a book said next of a price that an arbitrage stood on. Much `suspended`: key events come"
            " before prices do; much `unseen`: books that are not heard of again in time.",
            "short",
            Query(HOUR.format(by=" by (verdict)", metric="legs_judged_total", where=""), "{{verdict}}"),
            stacked=True,
        ),
        trend(
            "How long arbitrage stands",
            "From opened to withdrawn, in the time of the log, over an hour. Shorter than the polls of its"
            " sources, and nobody could have had it.",
            "s",
            *[Query(f"histogram_quantile({share}, {LIVES})", name) for name, share in SHARES[:2]],
        ),
        trend(
            "Why arbitrage ended, in the last hour",
            "`price` is the market's own doing. Much `stale`: a source is slow or silent; much `suspect`:"
            " they were bad data that was seen late.",
            "short",
            Query(
                HOUR.format(by=" by (reason)", metric="arbitrage_life_seconds_count", where=""), "{{reason}}"
            ),
            stacked=True,
        ),
    ]
    return [Column(width, [panel]) for width, panel in zip((5, 5, 5, 5, 4), panels, strict=True)]


def _kept_back() -> list[Column]:
    standing = 'max by (reason) (sharpline_gateway_kept_back{{kind="{kind}"}})'
    panels = [
        trend(
            "Suspects that stand, by reason",
            "What looks like arbitrage and like bad data; one of several reasons counts for each. One reason"
            " alone that stays: one book is frozen, or swapped.",
            "short",
            Query(standing.format(kind="suspect"), "{{reason}}"),
        ),
        trend(
            "New suspects in the last hour, by reason",
            "Those too that were gone before anybody could look. A step up: what a source shows has changed.",
            "short",
            Query(HOUR.format(by=" by (reason)", metric="suspects_total", where=""), "{{reason}}"),
            stacked=True,
        ),
        trend(
            "Gated bets that stand, by reason",
            "Prices above the fair one that a gate keeps from being bets, at most ten of an event."
            " `model_off_market` in many games: the model has lost its way; `stale`, `source_down`: look at"
            " the sources.",
            "short",
            Query(standing.format(kind="gated"), "{{reason}}"),
        ),
        trend(
            "Moves and steam a minute, by cause",
            "Significant moves of fair prices, and several desks going one way. `event` follows the games;"
            " much `polling`: a source is looked at too rarely to tell who moved first.",
            "short",
            *[
                Query(
                    f"60 * {per_second(f'sharpline_processors_{what}_total', 'cause')}",
                    f"{what} {{{{cause}}}}",
                )
                for what in ("steam", "moves")
            ],
        ),
    ]
    return [Column(6, [panel]) for panel in panels]


def _games() -> list[Column]:
    panels = [
        trend(
            "Games by status",
            "What the gateway knows. Games that never leave `live` have lost their feed.",
            "short",
            BY_STATUS,
            stacked=True,
        ),
        trend(
            "Answers by topic",
            "Acknowledged by Kafka, as the folds count them. A topic that stops while its inputs go on: look"
            " at its stage in Lag and flow.",
            "suffix: /s",
            Query(per_second("sharpline_processors_answers_total", "topic"), "{{topic}}"),
        ),
    ]
    return [Column(12, [panel]) for panel in panels]


def _features() -> list[Column]:
    panels = [
        trend(
            "Drift of features",
            "Population stability index of each feature against its model's training, by the newest games,"
            " less what so few games show by chance. Above 0.25: the source tells something else than it did,"
            " or the game has changed; the model is to be trained anew.",
            "short",
            Query("max by (sport, feature) (sharpline_processors_feature_drift)", "{{sport}} {{feature}}"),
            steps=MUCH_DRIFT,
        ),
        trend(
            "Games behind the drift",
            "Of which moments were looked at; each worker its own, the newest one to two hundred. Below 20"
            " nothing is said of drift.",
            "short",
            Query("max by (sport) (sharpline_processors_feature_games)", "{{sport}}"),
        ),
        trend(
            "Features out of range in the last hour",
            "Answers that the closed form gave alone, as a feature was not believed. One feature in many"
            " games: what its source says has another unit or sign.",
            "short",
            Query(
                f"{HOUR.format(by=' by (sport, feature)', metric='features_out_of_range_total', where='')}",
                "{{sport}} {{feature}}",
            ),
            steps=NONE_EXPECTED,
        ),
    ]
    return [Column(8, [panel]) for panel in panels]


def _sources() -> list[Column]:
    panels = [
        trend(
            "Age of each source",
            "Since its newest record was appended. Above a few minutes: ask whether the source, its key or"
            " our producer is down.",
            "s",
            SOURCE_AGE,
            steps=SILENT,
        ),
        trend(
            "Lines of odds by source",
            "Prices of one book for one market each, as sent. A fall of one source alone: it shows fewer"
            " books or games.",
            "suffix: /s",
            Query(per_second("sharpline_producers_lines_total", "source"), "{{source}}"),
        ),
        trend(
            "How fast the log's time runs",
            "Seconds of the log in a second of the wall. Below the --speed asked for: the producer does not"
            " keep up.",
            "suffix: ×",
            SPEED,
        ),
        trend(
            "The log's time, ahead of the wall or behind",
            "Near 0 when live; a simulated or recorded day has a time of its own and runs ahead or lies in"
            " the past. Live and far from 0: ticks stopped, or a clock is wrong.",
            "s",
            Query(f"max({LOG_TIME}) - time()", "log time − wall time"),
            least=None,
        ),
    ]
    return [Column(6, [panel]) for panel in panels]


def _polled() -> list[Column]:
    panels = [
        trend(
            "Sources that are down or off",
            "As the ticks say it, so as the folds count them: nothing is bet at their prices. Down: silent or"
            " failing for longer than its own rhythm allows. Off: somebody said `sharpline source stop`.",
            "short",
            Query("max by (source) (sharpline_sources_down)", "{{source}} down"),
            Query("max by (source) (sharpline_sources_off)", "{{source}} off"),
            steps=NONE_EXPECTED,
        ),
        trend(
            "Since the last success",
            "Of each source, whichever call it was. Rising beyond its pace: see beside it why polls fail; if"
            " none fail, its process stands.",
            "s",
            Query(
                "time() - (max by (source) (sharpline_sources_success_timestamp_seconds) > 0)", "{{source}}"
            ),
        ),
        trend(
            "Polls by outcome",
            "`unauthorized`: the key is wrong or has run out; `too_many_requests`: it is asked too fast;"
            " `unreadable`: its answers have changed their form; `quota`: our own credits are spent.",
            "suffix: /s",
            Query(per_second("sharpline_sources_polls_total", "source, outcome"), "{{source}} {{outcome}}"),
        ),
        trend(
            "Time to the whole answer, p95",
            "From asked to read to the end. Above 5 s a source counts as slow.",
            "s",
            Query(quantile(0.95, "sharpline_sources_answer_seconds", "source"), "{{source}}"),
        ),
        trend(
            "Credits left",
            "As the source last said. Falling faster than the month: ask for fewer regions, markets or"
            " leagues.",
            "short",
            Query("min by (source) (sharpline_sources_quota_left)", "{{source}}"),
        ),
    ]
    return [Column(width, [panel]) for width, panel in zip((5, 5, 5, 5, 4), panels, strict=True)]


def _kept() -> list[Column]:
    panels = [
        trend(
            "Rows by stage",
            "Events in the table of each fold. It falls days after games end; only rising over days: events"
            " are never finished.",
            "short",
            Query("sum by (stage) (sharpline_processors_rows)", "{{stage}}"),
        ),
        trend(
            "Dead letters by stage and topic",
            "Records that could not be decoded or folded. Any: `sharpline tail ops.dead-letters` says which"
            " and why; a source changed its form, or a fold has a bug.",
            "short",
            Query(
                "sum by (stage, topic) (increase(sharpline_processors_dead_letters_total[$__rate_interval]))",
                "{{stage}} {{topic}}",
            ),
            steps=NONE_EXPECTED,
        ),
        trend(
            "Sockets",
            "Connections that are open, by gateway. All gone at once: the gateway began anew.",
            "short",
            Query('sum by (instance) (sharpline_gateway_sockets{job="gateway"})', "{{instance}}"),
        ),
        trend(
            "Messages by kind",
            "Told to sockets. Many snapshots: clients connect again and again; errors: a client asks for what"
            " there is not.",
            "suffix: /s",
            Query(per_second("sharpline_gateway_messages_total", "kind"), "{{kind}}"),
        ),
    ]
    return [Column(6, [panel]) for panel in panels]
