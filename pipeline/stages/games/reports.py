"""What each source says about a game, whom to believe, and whether they agree."""

from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from pipeline import data
from pipeline.data import League
from pipeline.models import Position
from pipeline.models.position import winner_is_unknown
from pipeline.records import (
    AmericanFootball,
    Baseball,
    Basketball,
    ClockTick,
    GameEvent,
    GameStatus,
    Hockey,
    Situation,
    Soccer,
)

OVER = frozenset({GameStatus.FINAL, GameStatus.ABANDONED, GameStatus.CANCELLED})
CALLED_OFF = frozenset({GameStatus.POSTPONED, GameStatus.ABANDONED, GameStatus.CANCELLED})
PLAYED = frozenset({GameStatus.LIVE, GameStatus.SUSPENDED, GameStatus.FINAL})
#: Why a record was passed over: as such, not as what the game is.
LATE, UNKNOWN_PERIOD, AFTER_FINAL = "late", "unknown_period", "after_final"
#: Why a source is in doubt, until it is plain again.
SCORE_FELL, PERIOD_FELL = "score_fell", "period_fell"
#: What is believed though it is odd: officials put time back on the clock.
CLOCK_RAN_BACK = "clock_ran_back"
#: The state of play is of another sport, so it is left out and the rest believed.
ANOTHER_SPORT = "situation_of_another_sport"
#: A match of a knock-out is over, its score is level, and no penalties were told.
WINNER_UNKNOWN = "winner_unknown"
#: Of two sources that are both up and trusted.
SOURCES_DISAGREE, SIDES_SWAPPED = "sources_disagree", "sides_swapped"
#: Under these the game is contested.
CONTESTING = frozenset({SCORE_FELL, PERIOD_FELL, SOURCES_DISAGREE, SIDES_SWAPPED})
#: Every reason that a record may carry.
DOUBTS = CONTESTING | {LATE, UNKNOWN_PERIOD, AFTER_FINAL, CLOCK_RAN_BACK, ANOTHER_SPORT, WINNER_UNKNOWN}
#: What a record of a sport may say of the state of play.
SITUATIONS: dict[str, type[Situation]] = {
    "american-football": AmericanFootball,
    "baseball": Baseball,
    "basketball": Basketball,
    "hockey": Hockey,
    "soccer": Soccer,
}
#: After so many records whose score is the other source's mirror image, one has the sides swapped. A lagging
#: source never says a mirror image, a goal given to the wrong side makes one until it is corrected.
SWAPPED_AFTER = 3
#: The longest known games: 26 innings, 9 periods of hockey, 6 overtimes of basketball.
MOST_OVERTIMES = 20


class Report(Struct, frozen=True, kw_only=True, array_like=True):
    """What one source last said.

    ``doubts``: what is odd about that, or what it has since said that cannot follow from it, uncorrected.
    ``mirrored``: of its records, those in which the score was that of another source the other way round,
    since the two last agreed on who leads.
    """

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
    doubts: tuple[str, ...] = ()
    mirrored: int = 0
    down: bool = False

    @property
    def doubted(self) -> bool:
        """Whether it has since said what cannot be believed."""
        return any(doubt in CONTESTING for doubt in self.doubts)

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
    """The reports with a record heard; the very same where it is refused.

    A score or period that falls uncorrected leaves the report as it was, in doubt.
    """
    if refused(league, reports, event):
        return reports
    before = _of(reports, event.source)
    corrects = _corrects(event)
    if before and not corrects and event.status in PLAYED and event.status != GameStatus.FINAL:
        fallen = _fallen(before, event)
        if fallen:
            return _with(reports, replace(before, sequence=event.sequence, doubts=fallen, down=False))
    return _compared(_with(reports, _report(league, before, event)), event.source)


def refused(league: League, reports: tuple[Report, ...], event: GameEvent) -> str:
    """Why a record is passed over, of `DOUBTS`; empty where it is not.

    Late and repeated records, a period beyond any game, and play after a final that nobody corrected.
    """
    if event.period > _most_periods(league):
        return UNKNOWN_PERIOD
    before = _of(reports, event.source)
    if before is None:
        return ""
    if event.sequence <= before.sequence:
        return LATE
    over = before.status == GameStatus.FINAL and event.status != GameStatus.FINAL
    return AFTER_FINAL if over and not _corrects(event) else ""


def speaker(reports: tuple[Report, ...]) -> Report | None:
    """Who is believed: the most trusted source that is up; where all are down, the most trusted."""
    up = [report for report in reports if not report.down] or reports
    return max(up, key=lambda report: (trust(report.source), report.source), default=None)


def trust(source: str) -> int:
    """From the table of sources; 0 for one that is not in it."""
    row = data.sources().get(source)
    return row.trust if row else 0


def contested(reports: tuple[Report, ...]) -> bool:
    """Whether the one that speaks is in doubt, or two trusted sources that are up contradict each other."""
    return any(doubt in CONTESTING for doubt in doubts(reports))


def doubts(reports: tuple[Report, ...]) -> tuple[str, ...]:
    """What is doubtful about the game, of `DOUBTS`, sorted.

    Sources that have seen play disagree when their scores do, at once and until they agree; one that still
    waits for the start is late, not of another opinion. A game that is called off here is not played there.
    """
    spoken = speaker(reports)
    found = list(spoken.doubts) if spoken else []
    pairs = list(combinations([report for report in reports if _counts(report)], 2))
    if any(_contradict(one, other) for one, other in pairs):
        found.append(SOURCES_DISAGREE)
    if any(_swapped(one, other) for one, other in pairs):
        found.append(SIDES_SWAPPED)
    return tuple(sorted(found))


def with_outages(reports: tuple[Report, ...], tick: ClockTick) -> tuple[Report, ...]:
    """The reports as a tick says which sources are down; the very same where none changed."""
    down = {state.source: state.off or state.down_since_ms > 0 for state in tick.sources}
    if all(down.get(report.source, report.down) == report.down for report in reports):
        return reports
    return tuple(replace(report, down=down.get(report.source, report.down)) for report in reports)


def _report(league: League, before: Report | None, event: GameEvent) -> Report:
    """Of what a record does not say (period, clock, start) the source's last word stands."""
    strange = event.situation is not None and not isinstance(event.situation, SITUATIONS[league.sport])
    period, clock_s = event.period, event.clock_s
    if before and period == 0 and event.status in PLAYED:
        period, clock_s = before.period, clock_s if clock_s >= 0.0 else before.clock_s
    suspended = event.kind == "suspension" or (event.suspended and event.kind != "resumption")
    back = before is not None and not _corrects(event) and _ran_back(before, event.status, period, clock_s)
    report = Report(
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
        situation=_situation(before, event, strange),
        text=event.text,
        mirrored=before.mirrored if before else 0,
    )
    unknown = winner_is_unknown(league, report.position)
    doubts = (CLOCK_RAN_BACK,) * back + (ANOTHER_SPORT,) * strange + (WINNER_UNKNOWN,) * unknown
    return replace(report, doubts=doubts) if doubts else report


def _situation(before: Report | None, event: GameEvent, strange: bool) -> Situation | None:
    """As stated; of a final record that states none, the innings or penalties that the game came to."""
    if event.situation is not None and not strange:
        return event.situation
    if before is None or event.status != GameStatus.FINAL:
        return None
    return before.situation if isinstance(before.situation, Baseball | Soccer) else None


def _corrects(event: GameEvent) -> bool:
    return event.kind == "correction" or event.supersedes != ""


def _fallen(before: Report, event: GameEvent) -> tuple[str, ...]:
    period_fell = 0 < event.period < before.period
    score_fell = event.home_score < before.home_score or event.away_score < before.away_score
    return (PERIOD_FELL,) * period_fell + (SCORE_FELL,) * score_fell


def _ran_back(before: Report, status: GameStatus, period: int, clock_s: float) -> bool:
    """Whether a clock that counts down shows more than before in the same period."""
    same = status == before.status == GameStatus.LIVE and period == before.period
    return same and clock_s > before.clock_s >= 0.0


def _most_periods(league: League) -> int:
    if league.sport == "soccer":
        return league.periods + 3 if league.overtime_draw < 1.0 else league.periods
    return league.periods + MOST_OVERTIMES


def _contradict(one: Report, other: Report) -> bool:
    if one.status in PLAYED and other.status in PLAYED:
        return one.score != other.score
    return (one.status in CALLED_OFF and other.status in PLAYED) or (
        other.status in CALLED_OFF and one.status in PLAYED
    )


def _counts(report: Report) -> bool:
    return not report.down and trust(report.source) > 0


def _compared(reports: tuple[Report, ...], source: str) -> tuple[Report, ...]:
    """With what the new report of a source says about who has the sides swapped."""
    new = _of(reports, source)
    if new is None or not _counts(new) or new.status not in PLAYED or new.position.lead == 0:
        return reports
    others = [one for one in reports if one is not new and _counts(one) and one.status in PLAYED]
    if any(one.score == new.score for one in others):
        agreed = [one for one in (new, *others) if one.score == new.score and one.mirrored]
        return tuple(replace(one, mirrored=0) if one in agreed else one for one in reports)
    if any(one.score == new.score[::-1] for one in others):
        return _with(reports, replace(new, mirrored=new.mirrored + 1))
    return reports


def _swapped(one: Report, other: Report) -> bool:
    agreed = one.score == other.score and one.position.lead != 0
    played = one.status in PLAYED and other.status in PLAYED
    return played and not agreed and one.mirrored + other.mirrored >= SWAPPED_AFTER


def _of(reports: tuple[Report, ...], source: str) -> Report | None:
    return next((report for report in reports if report.source == source), None)


def _with(reports: tuple[Report, ...], heard: Report) -> tuple[Report, ...]:
    others = [report for report in reports if report.source != heard.source]
    return tuple(sorted([*others, heard], key=lambda report: report.source))
