"""The tree of all errors. Each message says what happened, where, and what to do.

SharplineError
    Refused              one record that must not enter a topic; the producer reports it and goes on
    UnreadableRecord     bytes that a topic's schema cannot decode; buried in ops.dead-letters
    FoldFailed           a record on which a fold raised; buried in ops.dead-letters
    PayloadChanged       a source's answer has another shape than its parser knows
    UsageError           the person asked for what cannot be done; printed without a trace
        BrokerUnavailable
        TimeRunsBackwards
        AnotherLog
        AnotherClock
    BadRequest           what a client of the gateway asked for; answered with its code, the connection stays
    Denied               a visitor of the gateway who may not, or not now; answered with status and code
    TopicsUnfit          topics, partitions or start offsets are not as `sharpline topics` makes them
    CheckpointUnfit      a worker's checkpoint that is damaged or of other rows; it is ignored
"""


class SharplineError(Exception):
    """Whatever Sharpline raises on purpose."""


class Refused(SharplineError):
    """A record that must not enter a topic, with the reason a person can act on."""


class UnreadableRecord(SharplineError):
    """A message that cannot be decoded into a record its topic allows; it is buried in ops.dead-letters.

    To repair: `sharpline tail ops.dead-letters` shows origin, reason and bytes.
    """


class FoldFailed(SharplineError):
    """A record on which a fold raised; the event's state stays as it was and the record is buried."""


class PayloadChanged(SharplineError):
    """A source's answer has another shape than its parser knows."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: the answer has changed its shape: {reason}")


class UsageError(SharplineError):
    """What was asked for cannot be done; the command prints this one sentence and exits with 2."""


class BrokerUnavailable(UsageError):
    """No Kafka answers where one is needed."""


class TimeRunsBackwards(UsageError):
    """A producer's time lies before the last tick of the log it would write to."""


class AnotherLog(UsageError):
    """A producer is to go on with a log that holds something else than what it has sent."""


class AnotherClock(UsageError):
    """Somebody ticks in a log without asking for the right to: a cluster has one clock."""


class TopicsUnfit(SharplineError):
    """Topics, partition counts or start offsets are not as `sharpline topics` makes them."""


class CheckpointUnfit(SharplineError):
    """A checkpoint that its worker cannot use; the changelog is read instead, and there is nothing to do."""


class BadRequest(SharplineError):
    """What a client of the gateway asked for cannot be done; it is told ``code`` and ``message``."""

    def __init__(self, code: str, message: str, id: str | int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.id = code, message, id


class Denied(SharplineError):
    """A visitor of the gateway may not, or not now; it is told ``status``, ``code`` and ``message``."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message, self.retry_after_s = status, code, message, retry_after_s
