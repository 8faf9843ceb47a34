"""How long each hop takes, from a source's clock to a client's socket."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel

from deploy.grafana.panels import (
    SHARES,
    Column,
    Limits,
    Query,
    Row,
    board,
    limits,
    number,
    quantile,
    shape,
    trend,
)

SOURCE_TO_RECEIVE = "sharpline_producers_source_to_receive_seconds"
RECEIVE_TO_APPEND = "sharpline_producers_receive_to_append_seconds"
APPEND_TO_FOLD = "sharpline_processors_append_to_fold_seconds"
BATCH = "sharpline_processors_batch_seconds"
FOLD = "sharpline_processors_fold_seconds"
APPEND_TO_SEND = "sharpline_gateway_append_to_send_seconds"
#: The way of a poll of odds to the bets on it: the hops that our own clocks measure, one after the other.
PATH = (
    ("received to appended", RECEIVE_TO_APPEND, 'topic="odds.snapshots"'),
    ("appended to folded", APPEND_TO_FOLD, 'stage="markets", topic="odds.snapshots"'),
    ("batch", BATCH, 'stage="markets"'),
    ("appended to sent", APPEND_TO_SEND, 'topic="bets.value"'),
)
SOURCES = limits(60, 300)
HOP = limits(0.1, 1)
SUM = limits(0.25, 2)


def dashboard() -> Dashboard:
    """Latency."""
    return board(
        "sharpline-latency",
        "Sharpline: latency",
        "How long each hop takes, from a source's clock to a client's socket, and how long a worker needs to"
        " be back.",
        [
            Row("", _now()),
            Row("From odds received to bets sent", _end_to_end()),
            _hop(
                "Source's clock to received",
                SOURCE_TO_RECEIVE,
                "topic, source",
                "How old a source's news is when we have it, in the time of the log; a source whose clock is"
                " ours shows next to nothing. Rising: the source is late or asked too seldom.",
                SOURCES,
            ),
            _hop(
                "Received to appended",
                RECEIVE_TO_APPEND,
                "topic",
                "From received, or due, to handed to Kafka. Rising: the producer cannot keep its pace; lower"
                " --speed or look at its CPU.",
                HOP,
            ),
            _hop(
                "Appended to folded",
                APPEND_TO_FOLD,
                "stage, topic",
                "How long a record lies in Kafka before its fold. Rising: the stage is behind, see Lag and"
                " flow.",
                HOP,
            ),
            _hop(
                "Time to fold one input",
                FOLD,
                "stage",
                "Pure computing. Rising for a stage: events carry more markets, or a change of the fold made"
                " it dearer: `make bench ARGS=folds`.",
                limits(0.025, 0.1),
            ),
            _hop(
                "Batch",
                BATCH,
                "stage",
                "From a batch taken to its rows written: fold, answers sent and acknowledged, rows written."
                " Rising without the fold: the broker acknowledges slowly.",
                HOP,
            ),
            _hop(
                "Appended to sent",
                APPEND_TO_SEND,
                "topic",
                "From an answer's time in Kafka to the sockets that want it. Rising: the gateway is behind or"
                " its clients read slowly.",
                HOP,
            ),
            Row(
                "Where most of them lie",
                [
                    Column(
                        12,
                        [
                            shape(
                                "Appended to folded, all stages",
                                "All observations by bucket. A second band above the first: one stage or"
                                " topic is behind, the row above says which.",
                                APPEND_TO_FOLD,
                            )
                        ],
                    ),
                    Column(
                        12,
                        [
                            shape(
                                "Appended to sent, all topics",
                                "All observations by bucket. A band far above the rest: what was said while"
                                " the gateway was behind.",
                                APPEND_TO_SEND,
                            )
                        ],
                    ),
                ],
            ),
            Row("Checkpoints and recovery", _recovery()),
        ],
    )


def _now() -> list[Column]:
    hops: Sequence[tuple[str, str, Limits, str]] = (
        (
            "Source to received",
            SOURCE_TO_RECEIVE,
            SOURCES,
            "From a source's clock to ours, in the log's time",
        ),
        ("Received to appended", RECEIVE_TO_APPEND, HOP, "From received to handed to Kafka"),
        ("Appended to folded", APPEND_TO_FOLD, HOP, "From an input's time in Kafka to its fold"),
        ("Fold", FOLD, limits(0.025, 0.1), "Folding one input"),
        ("Batch", BATCH, HOP, "From a batch taken to its rows written"),
        ("Appended to sent", APPEND_TO_SEND, HOP, "From an answer's time in Kafka to the sockets"),
    )
    return [
        Column(
            4,
            [
                number(
                    title,
                    f"{what}, all together. What is high here is split by its labels in a row below.",
                    "s",
                    *[Query(quantile(share, histogram), name) for name, share in SHARES],
                    steps=steps,
                    height=6,
                )
            ],
        )
        for title, histogram, steps, what in hops
    ]


def _end_to_end() -> list[Column]:
    medians = [Query(quantile(0.5, histogram, where=where), name) for name, histogram, where in PATH]
    total = " + ".join(query.expr for query in medians)
    says = (
        "Sum of the medians of the hops that a poll of odds takes to the value bets on it. A sum of p50s: it"
        " is not the p50 of the whole."
    )
    return [
        Column(
            6,
            [
                number(
                    "End to end: sum of the p50s",
                    f"{says} Above 2 s see which layer beside it grew.",
                    "s",
                    Query(total, "sum of the p50s"),
                    steps=SUM,
                    height=9,
                )
            ],
        ),
        Column(
            18,
            [
                trend(
                    "End to end: the p50s, one upon the other",
                    f"{says} The batch holds the way of the answer into Kafka, which no other hop measures,"
                    " and the writing of the rows. The thickest layer is where time goes.",
                    "s",
                    *medians,
                    height=9,
                    stacked=True,
                )
            ],
        ),
    ]


def _hop(title: str, histogram: str, by: str, says: str, steps: Limits) -> Row:
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", "))

    def panel(name: str, share: float) -> Panel:
        return trend(
            f"{title}, {name}", says, "s", Query(quantile(share, histogram, by), legend), steps=steps
        )

    return Row(title, [Column(8, [panel(name, share)]) for name, share in SHARES])


def _recovery() -> list[Column]:
    took = "sharpline_processors_recovery_seconds"
    wrote = "sharpline_processors_checkpoint_seconds"
    none = "0 * sum by (stage) (sharpline_processors_rows)"
    panels = [
        trend(
            "Time to bring rows back, mean",
            "What a start or a takeover took, over all of this worker's life. Seconds and more: its"
            " checkpoints are missing or too old for the changelog.",
            "s",
            Query(f"sum by (stage) ({took}_sum) / sum by (stage) ({took}_count)", "{{stage}}"),
            steps=limits(5, 30),
        ),
        trend(
            "Times that rows were brought back",
            "Once for each start and each partition taken over. Many: partitions wander, look for workers"
            " that die.",
            "short",
            Query(f"sum by (stage) ({took}_count)", "{{stage}}"),
        ),
        trend(
            "Writing checkpoints, share of the time",
            "0 until a partition has 4 MB of changelog. It runs beside the folds; above half of the time the"
            " disk is too slow.",
            "percentunit",
            Query(f"sum by (stage) (rate({wrote}_sum[$__rate_interval])) or {none}", "{{stage}}"),
            steps=limits(0.5, 0.9),
        ),
        trend(
            "Bytes of checkpoints",
            "About what the changelog grows by, a checkpoint at a time. None over hours of load: look into"
            " the worker's log.",
            "Bps",
            Query(
                "sum by (stage) (rate(sharpline_processors_checkpoint_bytes_total[$__rate_interval]))"
                f" or {none}",
                "{{stage}}",
            ),
        ),
    ]
    return [Column(6, [panel]) for panel in panels]
