"""Logs and metrics of every process, defined in one place.

Metrics are named ``sharpline_<part>_<noun>_<unit>``; their labels come from closed sets, never from ids.
"""

import logging
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric

FOLD_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5)
DELAY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120)
#: Sources are asked every few seconds, recorded ones every 20 minutes.
SOURCE_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 1200)
LIFE_BUCKETS = (1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)

#: The words that answers use where metrics have them as labels; each label also has ``other``.
KINDS = ("value", "arbitrage", "middle", "low_hold")
VERDICTS = ("stood", "worse", "gone", "suspended", "unseen")
CAUSES = ("event", "polling", "none")
SUSPICIONS = (
    "stale_leg",
    "ages_apart",
    "outlier",
    "off_desk",
    "swapped",
    "outcome_missing",
    "beyond_belief",
    "rules_differ",
)
GATES = (
    "stale",
    "suspended",
    "gone",
    "source_down",
    "event",
    "started",
    "contested",
    "models_disagree",
    "model_off_market",
    "few_desks",
    "too_good",
    "swapped",
    "incomplete",
    "method",
    "confidence",
)
ENDINGS = (
    "stale",
    "price",
    "suspended",
    "gone",
    "started",
    "finished",
    "contested",
    "source_down",
    "event",
    "suspect",
    "superseded",
)

RECORDS_SENT = Counter("sharpline_producers_records_total", "Records appended.", ["topic"])
RECORDS_REFUSED = Counter("sharpline_producers_refused_total", "Records that were refused.", ["topic"])
LINES_SENT = Counter("sharpline_producers_lines_total", "Lines of odds appended.", ["source"])
SOURCE_TO_RECEIVE_SECONDS = Histogram(
    "sharpline_producers_source_to_receive_seconds",
    "From the source's own clock to received, in the time of the log.",
    ["topic", "source"],
    buckets=SOURCE_BUCKETS,
)
RECEIVE_TO_APPEND_SECONDS = Histogram(
    "sharpline_producers_receive_to_append_seconds",
    "From received, or due where time is not the wall's, to handed to Kafka.",
    ["topic"],
    buckets=DELAY_BUCKETS,
)
CREDITS_SPENT = Gauge(
    "sharpline_producers_credits_spent", "Of this month, reserved ones and those of others.", ["source"]
)
CREDITS_BUDGET = Gauge("sharpline_producers_credits_budget", "That a month may cost.", ["source"])
CREDITS_RESERVED = Counter(
    "sharpline_producers_credits_reserved_total", "Reserved by this process for its calls.", ["source"]
)
CALLS_UNAFFORDABLE = Counter(
    "sharpline_producers_unaffordable_total", "Calls that the month's credits did not allow.", ["source"]
)
CHANGED_LINES = Counter(
    "sharpline_producers_changed_lines_total",
    "Lines of odds that differ from what the source showed before; per credit reserved, what a credit finds.",
    ["source"],
)
SOURCE_POLLS = Counter(
    "sharpline_sources_polls_total", "Polls of a source: ok, or why they failed.", ["source", "outcome"]
)
SOURCE_RECORDS = Counter("sharpline_sources_records_total", "Records that polls were made into.", ["source"])
SOURCE_ANSWER_SECONDS = Histogram(
    "sharpline_sources_answer_seconds", "From asked to the whole answer.", ["source"], buckets=DELAY_BUCKETS
)
SOURCE_SUCCESS_SECONDS = Gauge(
    "sharpline_sources_success_timestamp_seconds", "The last poll that succeeded, Unix s.", ["source"]
)
SOURCE_QUOTA_LEFT = Gauge(
    "sharpline_sources_quota_left", "Credits that are left, as the source last said.", ["source"]
)
SOURCE_STATE = Gauge(
    "sharpline_sources_state",
    "1 for the state that a source is in, as who asks it has it: up, slow, down, off.",
    ["source", "state"],
)
SOURCE_DOWN = Gauge(
    "sharpline_sources_down", "1 while the ticks say that a source is silent or failing.", ["source"]
)
SOURCE_OFF = Gauge("sharpline_sources_off", "1 while the ticks say that a source is off by hand.", ["source"])
SOURCE_OUTAGES = Gauge("sharpline_sources_outages", "How often a source went down so far.", ["source"])
CLOCK_TICKS = Counter("sharpline_sources_ticks_total", "Ticks that this process made.")
CLOCK_LEADING = Gauge("sharpline_sources_clock", "1 while this process makes the cluster's ticks.")
RECORDS_READ = Counter("sharpline_processors_records_total", "Records read.", ["stage", "topic"])
ANSWERS_SENT = Counter("sharpline_processors_answers_total", "Answers acknowledged.", ["stage", "topic"])
FOLD_SECONDS = Histogram(
    "sharpline_processors_fold_seconds", "Time to fold one input.", ["stage"], buckets=FOLD_BUCKETS
)
BATCH_SECONDS = Histogram(
    "sharpline_processors_batch_seconds", "Time from batch to rows written.", ["stage"], buckets=DELAY_BUCKETS
)
APPEND_TO_FOLD_SECONDS = Histogram(
    "sharpline_processors_append_to_fold_seconds",
    "From an input's Kafka timestamp to its fold.",
    ["stage", "topic"],
    buckets=DELAY_BUCKETS,
)
SOURCE_SEEN_SECONDS = Gauge(
    "sharpline_processors_source_seen_timestamp_seconds",
    "Kafka timestamp of the newest record that a source sent.",
    ["stage", "source"],
)
CHANGES = Counter(
    "sharpline_processors_changes_total", "Opportunities opened, changed, withdrawn.", ["kind", "change"]
)
LEGS_JUDGED = Counter(
    "sharpline_processors_legs_judged_total",
    "Legs of arbitrages that were open, by what their book said next.",
    ["verdict"],
)
ARBITRAGES_JUDGED = Counter(
    "sharpline_processors_arbitrages_judged_total",
    "Arbitrages whose legs were all judged: every one stood, or one did not and it was a phantom.",
    ["verdict"],
)
LIFE_SECONDS = Histogram(
    "sharpline_processors_arbitrage_life_seconds",
    "From opened to withdrawn, in the time of the log, by why it ended.",
    ["reason"],
    buckets=LIFE_BUCKETS,
)
SUSPECTS = Counter(
    "sharpline_processors_suspects_total", "Arbitrages that came under a suspicion.", ["reason"]
)
MOVES = Counter("sharpline_processors_moves_total", "Significant moves.", ["cause"])
STEAM = Counter("sharpline_processors_steam_total", "Moves of several desks one way.", ["cause"])
SCORED_GAMES = Counter("sharpline_processors_scored_games_total", "Games that were scored.", ["league"])
SCORED_MOMENTS = Counter(
    "sharpline_processors_scored_moments_total",
    "Published probabilities of games that were scored.",
    ["league", "phase"],
)
SCORED_LOG_LOSS = Counter(
    "sharpline_processors_scored_log_loss_total", "Log loss, summed over moments.", ["league", "phase"]
)
SCORED_BRIER = Counter(
    "sharpline_processors_scored_brier_total", "Brier score, summed over moments.", ["league", "phase"]
)
CLOSING_LOG_LOSS = Counter(
    "sharpline_processors_scored_closing_log_loss_total",
    "Log loss of the closing line, where there was one, counted at each moment.",
    ["league", "phase"],
)
LOG_LOSS_BESIDE_CLOSE = Counter(
    "sharpline_processors_scored_log_loss_beside_close_total",
    "Log loss of what was published of the same games, summed over moments.",
    ["league", "phase"],
)
BUCKET_MOMENTS = Counter(
    "sharpline_processors_bucket_moments_total",
    "Probabilities of outcomes by the tenth that they are in; of two outcomes home's.",
    ["league", "phase", "bucket"],
)
BUCKET_SAID = Counter("sharpline_processors_bucket_said_total", "Their sum.", ["league", "phase", "bucket"])
BUCKET_CAME = Counter(
    "sharpline_processors_bucket_came_total",
    "How many of them were followed by their outcome.",
    ["league", "phase", "bucket"],
)
SIDE_MOMENTS = Counter(
    "sharpline_processors_side_moments_total",
    "Moments of games that were scored.",
    ["league", "side"],
)
SIDE_SAID = Counter(
    "sharpline_processors_side_said_total", "Sum of the probabilities of a side.", ["league", "side"]
)
SIDE_CAME = Counter("sharpline_processors_side_came_total", "Moments whose side came.", ["league", "side"])
SIDE_VARIANCE = Counter(
    "sharpline_processors_side_variance_total",
    "Of came less said by chance alone, the moments of a game being one draw.",
    ["league", "side"],
)
MODEL_MOMENTS = Counter(
    "sharpline_processors_model_moments_total",
    "Moments at which a model's word was scored; those of several models are the same.",
    ["league", "model"],
)
MODEL_LOG_LOSS = Counter(
    "sharpline_processors_model_log_loss_total",
    "Log loss of a model, summed over moments.",
    ["league", "model"],
)
FEATURES_OUT_OF_RANGE = Counter(
    "sharpline_processors_features_out_of_range_total",
    "Answers to game events in which a feature was not believed, so that the closed form spoke alone.",
    ["sport", "feature"],
)
FEATURE_DRIFT = Gauge(
    "sharpline_processors_feature_drift",
    "Population stability index of a feature against its model's training, less what as many games show"
    " by chance 99 times of 100; none before 20 games.",
    ["sport", "feature"],
)
FEATURE_GAMES = Gauge(
    "sharpline_processors_feature_games", "Games that the drift of features stands on.", ["sport"]
)
DEAD_LETTERS = Counter("sharpline_processors_dead_letters_total", "Records buried.", ["stage", "topic"])
CHECKPOINT_BYTES = Counter("sharpline_processors_checkpoint_bytes_total", "Of checkpoints.", ["stage"])
CHECKPOINT_SECONDS = Histogram(
    "sharpline_processors_checkpoint_seconds", "To write one.", ["stage"], buckets=DELAY_BUCKETS
)
RECOVERED = Counter(
    "sharpline_processors_recovered_total",
    "Rows from a checkpoint, records of a changelog.",
    ["stage", "source"],
)
RECOVERY_SECONDS = Histogram(
    "sharpline_processors_recovery_seconds", "To bring rows back.", ["stage"], buckets=DELAY_BUCKETS
)
ROWS = Gauge("sharpline_processors_rows", "Events in the table.", ["stage"])
SOCKETS = Gauge("sharpline_gateway_sockets", "Open sockets.")
TURNED_AWAY = Counter("sharpline_gateway_turned_away_total", "Visitors who may not, or not now.", ["code"])
MESSAGES_SENT = Counter("sharpline_gateway_messages_total", "Messages to sockets.", ["kind"])
UPDATES_READ = Counter("sharpline_gateway_records_total", "Records read.", ["topic"])
APPEND_TO_SEND_SECONDS = Histogram(
    "sharpline_gateway_append_to_send_seconds",
    "From an answer's Kafka timestamp to the sockets that want it.",
    ["topic"],
    buckets=DELAY_BUCKETS,
)
OPEN_OPPORTUNITIES = Gauge(
    "sharpline_gateway_open_opportunities",
    "That stand now: value, arbitrage, middle, low_hold; beside them suspect and gated, kept from it.",
    ["kind"],
)
KEPT_BACK = Gauge(
    "sharpline_gateway_kept_back",
    "Suspect and gated ones that stand now, by reason; one of several reasons counts for each.",
    ["kind", "reason"],
)
GAMES = Gauge("sharpline_gateway_games", "Games that are known, by status.", ["status"])
LOG_TIME_SECONDS = Gauge("sharpline_gateway_log_time_seconds", "The newest tick: time in the log, Unix s.")
BROKER_UP = Gauge("sharpline_gateway_broker_up", "1 while Kafka answers the gateway.")
SINK_UP = Gauge("sharpline_sink_up", "1 while this sink is the one that writes, and can.")
SINK_ROWS = Counter("sharpline_sink_rows_total", "Answers stored.", ["topic"])
SINK_DEAD_LETTERS = Counter("sharpline_sink_dead_letters_total", "Answers that were buried.", ["topic"])
SINK_BATCH_SECONDS = Histogram(
    "sharpline_sink_batch_seconds", "To decode a batch and to store it.", buckets=DELAY_BUCKETS
)
SINK_APPEND_TO_STORED_SECONDS = Histogram(
    "sharpline_sink_append_to_stored_seconds",
    "From the Kafka timestamp of the newest answer of a batch to when it is stored.",
    ["topic"],
    buckets=DELAY_BUCKETS,
)
RESTARTS = Counter("sharpline_supervisor_restarts_total", "Processes started again.", ["app"])
LAG_UP = Gauge("sharpline_lag_up", "1 where the last poll of groups and offsets succeeded.")
LAG_POLL_SECONDS = Histogram("sharpline_lag_poll_seconds", "One poll.", buckets=DELAY_BUCKETS)
LAG_POLL_ERRORS = Counter("sharpline_lag_poll_errors_total", "Polls that failed.")
LAG_POLLED_SECONDS = Gauge("sharpline_lag_polled_timestamp_seconds", "When the last good poll began, Unix s.")


class Part:
    """What one part of Sharpline tells, and its process: of the others' metrics it would show zeros."""

    def __init__(self, *parts: str) -> None:
        self._prefixes = tuple([f"sharpline_{part}_" for part in parts])

    def collect(self) -> Iterator[Metric]:
        """The metrics, as a registry gives them."""
        for metric in REGISTRY.collect():
            if metric.name.startswith(self._prefixes) or not metric.name.startswith("sharpline_"):
                yield metric


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(said).decode()


class TextLines(logging.Formatter):
    """Time, level, message, then the fields as name=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        fields: dict[str, Any] = getattr(record, "fields", {})
        return " ".join([super().formatMessage(record), *(f"{k}={v}" for k, v in fields.items())])


def log_to_stderr(form: str = "text", level: str = "info") -> None:
    """Send the logs of this process to stderr, as ``text`` or ``json``; of libraries only warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # aiokafka builds a debug record for every fetch unless its own level says no: a tenth of a worker's CPU.
    for noisy in ("aiokafka", "faust", "mode", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def label(word: str, words: tuple[str, ...]) -> str:
    """A word of an answer as the value of a label: what is not in the closed set is ``other``."""
    return word if word in words else "other"


def say(logger: logging.Logger, message: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one thing that happened, its particulars as fields; none is called ``at``, which is the time."""
    logger.log(level, message, extra={"fields": fields})
