"""What the pipeline finds: opportunities, games, the answers about them, and whether sources still speak."""

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import (
    FLOWING,
    NONE_EXPECTED,
    Column,
    Query,
    Row,
    board,
    limits,
    number,
    per_second,
    trend,
)

SILENT = limits(120, 600)
OPEN = Query("sum by (kind) (sharpline_gateway_open_opportunities)", "{{kind}}")
BY_STATUS = Query("sum by (status) (sharpline_gateway_games)", "{{status}}")
SOURCE_AGE = Query(
    "time() - max by (source) (sharpline_processors_source_seen_timestamp_seconds)", "{{source}}"
)
LOG_TIME = 'sharpline_gateway_log_time_seconds{job="gateway"}'
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
            Row("Games and answers", _games()),
            Row("Sources and time", _sources()),
            Row("What is kept, what was buried, who listens", _kept()),
        ],
    )


def _now() -> list[stat.Panel]:
    return [
        number(
            "Open opportunities",
            "That stand on prices which are open and fresh. Suspects are beyond belief and kept apart; more"
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
