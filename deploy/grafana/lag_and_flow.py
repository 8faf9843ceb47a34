"""Along the diagram from left to right: who sends, what waits, who reads, and how far behind each is."""

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import (
    FLOWING,
    NONE_EXPECTED,
    PLAIN,
    SHARES,
    Column,
    Query,
    Row,
    board,
    choice,
    limits,
    listing,
    number,
    per_second,
    quantile,
    trend,
    words,
)
from pipeline.stages import STAGES
from pipeline.topics import ANSWERS

CHOSEN = 'consumergroup=~"$group", topic=~"$topic", partition=~"$partition"'
PLACE = "consumergroup, topic, partition"
FOLDS = f'consumergroup=~"sharpline\\\\.({"|".join(STAGES)})"'
GATEWAYS = 'consumergroup=~"sharpline\\\\.gateway\\\\..*"'
INPUTS = f'topic=~"{"|".join(sorted({s for stage in STAGES.values() for s in stage.sources} - {*ANSWERS}))}"'
DERIVED = f'topic=~"{"|".join(ANSWERS)}"'
LATE_S = limits(5, 30)
WAITING = limits(1_000, 10_000)
DIRECTION = (
    "producers **→** input topics **→** games · markets · bets **→** derived topics **→** gateway"
    "\n\nWhat waits in front of a box is its lag. The first box from the left that is late is the cause;"
    " those after it only wait for it."
)


def dashboard() -> Dashboard:
    """Lag and flow."""
    lag = f"kafka_consumergroup_lag{{{CHOSEN}}}"
    seconds = f"kafka_consumergroup_group_lag_seconds{{{CHOSEN}}}"
    return board(
        "sharpline-lag-and-flow",
        "Sharpline: lag and flow",
        "Which consumer is behind, by how many records and seconds, and where on the way records stop.",
        [
            Row("", [Column(4, [panel]) for panel in _at_a_glance(seconds)]),
            Row(
                "Along the diagram",
                [Column(24, [words("From left to right", "The way of a record.", DIRECTION)])],
            ),
            Row("", _along_the_diagram()),
            Row(
                "Lag of $group",
                [
                    Column(
                        12,
                        [
                            trend(
                                "$group: records behind",
                                "Records between the committed offset and the end of each partition. One"
                                " partition alone that grows: its worker is stuck or an event is too hot. All"
                                " grow: the group is too slow or gone, see the fold's p99 above.",
                                "short",
                                Query(f"max by ({PLACE}) ({lag})", "{{topic}}/{{partition}}"),
                                steps=WAITING,
                                height=9,
                            )
                        ],
                    ),
                    Column(
                        12,
                        [
                            trend(
                                "$group: seconds behind",
                                "Age of the oldest record that is not committed, 0 where all is. It rises a"
                                " second each second while a consumer stands still: look at its log and"
                                " its /readyz.",
                                "s",
                                Query(f"max by ({PLACE}) ({seconds})", "{{topic}}/{{partition}}"),
                                steps=LATE_S,
                                height=9,
                            )
                        ],
                    ),
                ],
                repeat="group",
            ),
            Row("Every group, topic and partition", [Column(24, [_table(lag, seconds)])]),
            Row("Who measures, and who is there", _measuring()),
        ],
        [
            choice("group", "Group", "label_values(kafka_consumergroup_members, consumergroup)"),
            choice("topic", "Topic", 'label_values(kafka_consumergroup_lag{consumergroup=~"$group"}, topic)'),
            choice(
                "partition",
                "Partition",
                'label_values(kafka_consumergroup_lag{consumergroup=~"$group", topic=~"$topic"}, partition)',
            ),
        ],
    )


def _at_a_glance(seconds: str) -> list[stat.Panel]:
    workers = 'job=~"processors|gateway|producers|lag-exporter"'
    return [
        number(
            "Furthest behind",
            "The oldest record that a chosen group has not committed. Above 30 s find the first late box in"
            " the row below and look at its log.",
            "s",
            Query(f"max({seconds})", "seconds"),
            steps=LATE_S,
        ),
        number(
            "Groups behind",
            "Groups that are more than 5 s behind on some partition. Several at once: the first of them along"
            " the diagram, or the broker, is the cause.",
            "short",
            Query(f"sum(max by (consumergroup) ({seconds}) > bool 5)", "groups"),
            steps=NONE_EXPECTED,
        ),
        number(
            "Groups without members",
            "Groups in which nobody reads, however small their lag; a gateway takes partitions by itself and"
            " is never a member, so it does not count. Start the worker of the group.",
            "short",
            Query(
                "sum(max by (consumergroup) (kafka_consumergroup_members"
                '{consumergroup=~"$group", consumergroup!~"sharpline\\\\.gateway\\\\..*"}) == bool 0)',
                "groups",
            ),
            steps=NONE_EXPECTED,
        ),
        number(
            "Dead letters",
            "Records that could not be decoded or folded, in the time shown. `sharpline tail"
            " ops.dead-letters` says which and why.",
            "short",
            Query("sum(increase(sharpline_processors_dead_letters_total[$__range]))", "records"),
            steps=NONE_EXPECTED,
        ),
        number(
            "Starts again",
            "Processes that began anew in the time shown, whoever started them. One after a deployment is"
            " well; more say that something dies: read the end of its log.",
            "short",
            Query(f"sum(changes(process_start_time_seconds{{{workers}}}[$__range]))", "starts"),
            steps=limits(1, 3),
        ),
        number(
            "Processes that answer",
            "Share of all scrape targets that Prometheus reaches; the last row says which do not. What is not"
            " scraped is not known: its panels show nothing.",
            "percentunit",
            Query("avg(up)", "up"),
            steps=((None, "red"), (1, "green")),
        ),
    ]


def _along_the_diagram() -> list[Column]:
    lag, seconds = "kafka_consumergroup_lag", "kafka_consumergroup_group_lag_seconds"
    ends = "kafka_topic_partition_current_offset"
    return [
        Column(
            4,
            [
                number(
                    "Producers: records",
                    "Records appended, by topic. None: the source is silent or the producer has ended.",
                    "suffix: /s",
                    Query(per_second("sharpline_producers_records_total", "topic"), "{{topic}}"),
                    steps=FLOWING,
                    height=5,
                ),
                number(
                    "Producers: lines of odds",
                    "Prices of one book for one market each. Fewer than usual: a source shows fewer books or"
                    " games.",
                    "suffix: /s",
                    Query(per_second("sharpline_producers_lines_total", "source"), "{{source}}"),
                    steps=FLOWING,
                    height=5,
                ),
                number(
                    "Producers: refused",
                    "What a source said and the pipeline does not take. The producer's report at its end, or"
                    " its log, has the reasons.",
                    "suffix: /s",
                    Query(
                        f"{per_second('sharpline_producers_refused_total', 'topic')}"
                        " or 0 * sum by (topic) (sharpline_producers_records_total)",
                        "{{topic}}",
                    ),
                    steps=NONE_EXPECTED,
                    height=5,
                ),
            ],
        ),
        Column(
            4,
            [
                number(
                    "Input topics: heads",
                    "Records appended to each topic, as the broker counts them. Ticks without odds or events:"
                    " the source is silent; nothing at all: the producer stands.",
                    "suffix: /s",
                    Query(per_second(ends, "topic", INPUTS), "{{topic}}"),
                    steps=FLOWING,
                    height=8,
                ),
                number(
                    "Input topics: records kept",
                    "From the oldest to the newest offset. It falls when retention deletes; a group that is"
                    " further behind than this has lost records.",
                    "short",
                    Query(
                        f"sum by (topic) ({ends}{{{INPUTS}}})"
                        f" - sum by (topic) (kafka_topic_partition_oldest_offset{{{INPUTS}}})",
                        "{{topic}}",
                    ),
                    height=7,
                ),
            ],
        ),
        Column(
            4,
            [
                number(
                    "Folds: records behind",
                    "Over all partitions of a group. Some hundred are one batch; growing over minutes means"
                    " that the fold is too slow or its worker gone.",
                    "short",
                    Query(f"sum by (consumergroup) ({lag}{{{FOLDS}}})", "{{consumergroup}}"),
                    steps=WAITING,
                    height=8,
                ),
                number(
                    "Folds: seconds behind",
                    "The latest partition of each group. A fold commits once in a while, so a second or two"
                    " is its stride; above 30 s look at its log.",
                    "s",
                    Query(f"max by (consumergroup) ({seconds}{{{FOLDS}}})", "{{consumergroup}}"),
                    steps=LATE_S,
                    height=7,
                ),
            ],
        ),
        Column(
            4,
            [
                number(
                    "Folds: records",
                    "Records read by each stage. Nothing while its topics grow: it stands still, see its"
                    " /readyz.",
                    "suffix: /s",
                    Query(per_second("sharpline_processors_records_total", "stage"), "{{stage}}"),
                    steps=FLOWING,
                    height=8,
                ),
                number(
                    "Folds: time for one input, p99",
                    "One input in a hundred takes longer. One divided by it is about what one worker can do:"
                    " more partitions and workers where that is too little.",
                    "s",
                    Query(quantile(0.99, "sharpline_processors_fold_seconds", "stage"), "{{stage}}"),
                    steps=limits(0.025, 0.1),
                    height=7,
                ),
            ],
        ),
        Column(
            4,
            [
                number(
                    "Derived topics: heads",
                    "Answers appended to each topic, as the broker counts them. Results and scores come only"
                    " when games end; for the others zero means that nothing changes, or that its fold"
                    " stands.",
                    "suffix: /s",
                    Query(per_second(ends, "topic", DERIVED), "{{topic}}"),
                    height=15,
                ),
            ],
        ),
        Column(
            4,
            [
                number(
                    "Gateway: records behind",
                    "What the gateway has not yet read of the derived topics. Growing: its event loop is"
                    " busy, see the sockets and its log.",
                    "short",
                    Query(f"sum by (consumergroup) ({lag}{{{GATEWAYS}}})", "records"),
                    steps=WAITING,
                ),
                number(
                    "Gateway: seconds behind",
                    "The oldest answer that the gateway has not yet committed. Above 30 s clients see the"
                    " past.",
                    "s",
                    Query(f"max by (consumergroup) ({seconds}{{{GATEWAYS}}})", "seconds"),
                    steps=LATE_S,
                ),
                number(
                    "Gateway: sockets",
                    "Connections that are open now. None is well where nobody listens; a sudden fall means"
                    " that clients were cut off.",
                    "short",
                    Query('sum(sharpline_gateway_sockets{job="gateway"})', "sockets"),
                    height=3,
                ),
                number(
                    "Gateway: messages",
                    "Updates and snapshots together. None while derived topics grow and sockets are open: the"
                    " gateway stands.",
                    "suffix: /s",
                    Query("sum(rate(sharpline_gateway_messages_total[$__rate_interval]))", "messages"),
                ),
            ],
        ),
    ]


def _table(lag: str, seconds: str) -> table.Panel:
    committed = f"max by ({PLACE}) (kafka_consumergroup_current_offset{{{CHOSEN}}})"
    end = "max by (topic, partition) (kafka_topic_partition_current_offset)"
    return listing(
        "Lag of every partition",
        "As of now, the latest first. A partition without a committed offset is missing here; the exporter"
        " counts it in kafka_consumergroup_uncommitted_partitions.",
        [
            ("Lag", "short", WAITING, f"max by ({PLACE}) ({lag})"),
            ("Seconds", "s", LATE_S, f"max by ({PLACE}) ({seconds})"),
            ("Committed", "none", PLAIN, committed),
            ("End", "none", PLAIN, f"{committed} * 0 + on (topic, partition) group_left () {end}"),
        ],
        {"consumergroup": "Group", "topic": "Topic", "partition": "Partition"},
        first="Seconds",
        height=12,
    )


def _measuring() -> list[Column]:
    polls = "sharpline_lag_poll_seconds"
    panels = [
        trend(
            "One poll of groups and offsets",
            "How long the lag exporter takes. Longer than its interval: numbers are older than they look; ask"
            " less often, or the broker is slow.",
            "s",
            *[Query(quantile(share, polls), name) for name, share in SHARES],
            steps=limits(1, 5),
        ),
        trend(
            "Age of the last good poll, and failed ones",
            "While the broker does not answer, the age grows and every series of Kafka's is gone, never"
            " stale: look whether the broker runs.",
            "s",
            Query(
                'time() - max(sharpline_lag_polled_timestamp_seconds{job="lag-exporter"})',
                "seconds since the last good poll",
            ),
            Query("sum(increase(sharpline_lag_poll_errors_total[$__rate_interval]))", "polls that failed"),
            steps=limits(30, 60),
        ),
        trend(
            "Who answers",
            "1 for each process that Prometheus can scrape, and for the exporter where its last poll was"
            " good. At 0: start it, or see why its port is not reached.",
            "short",
            Query("min by (job, app) (up)", "{{job}} {{app}}"),
            Query('min(sharpline_lag_up{job="lag-exporter"})', "last poll of the lag exporter"),
            steps=((None, "red"), (1, "green")),
        ),
        trend(
            "CPU",
            "Cores in use by each process. A fold close to 1 can do no more: give it more workers.",
            "short",
            Query("sum by (app) (rate(process_cpu_seconds_total[$__rate_interval]))", "{{app}}"),
            steps=limits(0.8, 0.95),
        ),
    ]
    return [Column(6, [panel]) for panel in panels]
