"""What each source says about a game, whom to believe, and whether they agree."""

from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from pipeline import data
from pipeline.data import League
from pipeline.models import Position
from pipeline.records import ClockTick, GameEvent, GameStatus, Situation

OVER = frozenset({GameStatus.FINAL, GameStatus.ABANDONED, GameStatus.CANCELLED})
CALLED_OFF = frozenset({GameStatus.POSTPONED, GameStatus.ABANDONED, GameStatus.CANCELLED})
PLAYED = frozenset({GameStatus.LIVE, GameStatus.SUSPENDED, GameStatus.FINAL})
#: The longest known games: 26 innings, 9 periods of hockey, 6 overtimes of basketball.
MOST_OVERTIMES = 20


class Report(Struct, frozen=True, kw_only=True, array_like=True):
    """What one source last said. ``doubted``: it has since said what cannot follow from that, uncorrected."""

    source: str
    sequence: int
    source_event_id: str
    received_at_ms: int
    happened_at_ms: int
    starts_at_ms: int
    status: GameStatus
    period: int
    clock_s: float
    home_score: int
    away_score: int
    suspended: bool
    situation: Situation | None
    text: str
    doubted: bool = False
    down: bool = False

    @property
    def position(self) -> Position:
        """As a model reads it."""
        return Position(
            self.status, self.period, self.clock_s, self.home_score, self.away_score, self.situation
        )

    @property
    def score(self) -> tuple[int, int]:
        """Home, away."""
        return self.home_score, self.away_score


def hear(league: League, reports: tuple[Report, ...], event: GameEvent) -> tuple[Report, ...]:
    """The reports with a record heard; the very same where it says nothing that can be believed.

    Late and repeated records, a period beyond any game, and play after a final that nobody corrected are
    passed over. A score or period that falls uncorrected leaves the report as it was, in doubt.
    """
    before = next((report for report in reports if report.source == event.source), None)
    if event.period > _most_periods(league) or (before and event.sequence <= before.sequence):
        return reports
    corrects = event.kind == "correction" or event.supersedes != ""
    if before and not corrects and event.status != GameStatus.FINAL:
        if before.status == GameStatus.FINAL:
            return reports
        if event.status in PLAYED and _falls(before, event):
            doubted = replace(before, sequence=event.sequence, doubted=True, down=False)
            return _with(reports, doubted)
    return _with(reports, _report(before, event))


def speaker(reports: tuple[Report, ...]) -> Report | None:
    """Who is believed: the most trusted source that is up; where all are down, the most trusted."""
    up = [report for report in reports if not report.down] or reports
    return max(up, key=lambda report: (trust(report.source), report.source), default=None)


def trust(source: str) -> int:
    """From the table of sources; 0 for one that is not in it."""
    row = data.sources().get(source)
    return row.trust if row else 0


def contested(reports: tuple[Report, ...]) -> bool:
    """Whether the one that speaks is in doubt, or two trusted sources that are up contradict each other.

    Sources that have seen play disagree when their scores do, at once and until they agree; one that still
    waits for the start is late, not of another opinion. A game that is called off here is not played there.
    """
    spoken = speaker(reports)
    if spoken is not None and spoken.doubted:
        return True
    up = [report for report in reports if not report.down and trust(report.source) > 0]
    return any(_contradict(one, other) for one, other in combinations(up, 2))


def with_outages(reports: tuple[Report, ...], tick: ClockTick) -> tuple[Report, ...]:
    """The reports as a tick says which sources are down; the very same where none changed."""
    down = {state.source: state.off or state.down_since_ms > 0 for state in tick.sources}
    if all(down.get(report.source, report.down) == report.down for report in reports):
        return reports
    return tuple(replace(report, down=down.get(report.source, report.down)) for report in reports)


def _report(before: Report | None, event: GameEvent) -> Report:
    """Of what a record does not say (period, clock, start) the source's last word stands."""
    period, clock_s = event.period, event.clock_s
    if before and period == 0 and event.status in PLAYED:
        period, clock_s = before.period, clock_s if clock_s >= 0.0 else before.clock_s
    suspended = event.kind == "suspension" or (event.suspended and event.kind != "resumption")
    return Report(
        source=event.source,
        sequence=event.sequence,
        source_event_id=event.source_event_id,
        received_at_ms=event.received_at_ms,
        happened_at_ms=event.happened_at_ms,
        starts_at_ms=event.starts_at_ms or (before.starts_at_ms if before else 0),
        status=event.status,
        period=period,
        clock_s=clock_s,
        home_score=event.home_score,
        away_score=event.away_score,
        suspended=suspended,
        situation=event.situation,
        text=event.text,
    )


def _falls(before: Report, event: GameEvent) -> bool:
    return (
        event.home_score < before.home_score
        or event.away_score < before.away_score
        or 0 < event.period < before.period
    )


def _most_periods(league: League) -> int:
    if league.sport == "soccer":
        return league.periods + 3 if league.overtime_s else league.periods
    return league.periods + MOST_OVERTIMES


def _contradict(one: Report, other: Report) -> bool:
    if one.status in PLAYED and other.status in PLAYED:
        return one.score != other.score
    return (one.status in CALLED_OFF and other.status in PLAYED) or (
        other.status in CALLED_OFF and one.status in PLAYED
    )


def _with(reports: tuple[Report, ...], heard: Report) -> tuple[Report, ...]:
    others = [report for report in reports if report.source != heard.source]
    return tuple(sorted([*others, heard], key=lambda report: report.source))
