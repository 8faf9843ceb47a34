"""Steam: desks that have nothing to do with each other go one way within a short time.

A desk's move counts when its own fair price has gone far enough within the window, held against where it was
on its own line; what comes to nothing in the end (one desk's twitch) is taken back. Desks that share a line
are one vote, and a vote the other way takes one away: where many desks move a little to and fro, some go one
way by chance. What a source shows at once may have happened in any order since the look before.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import sqrt

from msgspec.structs import replace

from pipeline import ids
from pipeline.domain.consensus import consensus
from pipeline.models import scale
from pipeline.settings import Lead, Rules
from pipeline.stages.markets.fair import desk_of, devigged, heights, weights
from pipeline.stages.markets.lines import deviation, handicap
from pipeline.stages.markets.market import Worked
from pipeline.stages.markets.offers import Moment
from pipeline.stages.markets.state import (
    Ladder,
    LadderKey,
    Point,
    Probabilities,
    Rush,
    SourceBoard,
    Stance,
    Step,
)

#: A price that goes this soon after a key event of the game still answers it.
REACTION_MS = 30_000
#: Standard deviations of what the market does in a window anyway; fewer than of a move of the whole market,
#: since several desks have to go as far.
DEVIATIONS = 2.0

Words = dict[str, Probabilities]


def with_steam(
    now: Moment,
    before: Mapping[str, SourceBoard],
    key: LadderKey,
    ladder: Ladder,
    line: float,
    worked: Mapping[float, Worked],
) -> Ladder:
    """The ladder after what its desks say now; ``line`` is where the market stands.

    ``before`` are the boards as they were at the look before, ``worked`` the lines that were worked out anew.
    """
    rushes = _standing(now, ladder.rushes)
    steps = ladder.steps
    if steps and now.now_ms - steps[0].at_ms > now.rules.steam_window_ms:
        steps = tuple([step for step in steps if now.now_ms - step.at_ms <= now.rules.steam_window_ms])
    words = {at: _words(now.rules, worked[at]) for at in sorted(worked)}
    least = max(now.rules.steam_log_odds, DEVIATIONS * _noise(now, ladder.path))
    stances, moved = _stances_with(now, before, key, ladder.stances, words, worked, least)
    if moved:
        steps, counted = _steps_with(steps, moved, least)
        for outcome in sorted({step.outcome for step in counted}):
            rushes = _rushes_with(now, rushes, steps, counted, outcome, line)
    if stances is ladder.stances and steps is ladder.steps and rushes is ladder.rushes:
        return ladder
    return replace(ladder, stances=stances, steps=steps, rushes=rushes)


def end_ms(rules: Rules, rush: Rush) -> int:
    """From when on steam is not listed any more: a window after the last move that went along."""
    return rush.last_ms + rules.move_window_ms


def cause(now: Moment, since_ms: int, at_ms: int, *, polled: bool) -> str:
    """Why something moved between two moments, as far as that can be told."""
    event_ms = now.game.last_key_event_at_ms if now.game is not None else 0
    if since_ms - REACTION_MS < event_ms <= at_ms:
        return "event"
    return "polling" if polled else ""


def votes(now: Moment) -> Mapping[str, str]:
    """For each desk that shares a line with others the one that stands for all of them."""
    leads = now.rules.leads
    return _votes(leads.get(ids.league_of(now.event_id).sport, ())) if leads else {}


def at_line(
    now: Moment, key: LadderKey, line: float, probabilities: Probabilities, to_line: float
) -> Probabilities:
    """What a fair price says of another line; empty where nothing is left to play for.

    Each side is asked for itself, so that with the sides swapped the very same comes out.
    """
    if line == to_line:
        return probabilities
    market, scope = key
    left = deviation(now, market, scope)
    if left <= 0.0:
        return ()
    found = []
    for outcome, fair in enumerate(probabilities):
        own, other = handicap(market, line, outcome), handicap(market, to_line, outcome)
        there = scale.chances_at("spread", own, fair, left, other).fair
        found.append(min(max(there, scale.SURE), 1.0 - scale.SURE))
    return tuple(found)


def _standing(now: Moment, rushes: tuple[Rush, ...]) -> tuple[Rush, ...]:
    """Those still listed; a key event that is told of late explains them, too."""
    found = []
    for rush in rushes:
        if now.now_ms >= end_ms(now.rules, rush):
            continue
        if rush.cause != "event" and cause(now, _began_ms(rush.steps), rush.at_ms, polled=False):
            rush = replace(rush, cause="event")
        found.append(rush)
    return rushes if found == list(rushes) else tuple(found)


def _noise(now: Moment, path: tuple[Point, ...]) -> float:
    """The standard deviation of the fair price over a steam window, as known before it."""
    if not path:
        return 0.0
    rules = now.rules
    known = [point for point in path if point.at_ms <= now.now_ms - rules.steam_window_ms] or path[:1]
    return sqrt(known[-1].variance * rules.steam_window_ms / rules.move_window_ms)


def _words(rules: Rules, worked: Worked) -> Words:
    """What each desk says of a line; of a line that no other desk shows, too: whoever goes first is alone."""
    if worked.opinion.own or not worked.offered:
        return worked.opinion.own
    said = [
        (desk, fair)
        for _, book, quote in worked.offered
        if weights().get(desk := desk_of(book), 1.0) > 0.0 and (fair := devigged(rules.devig, quote.prices))
    ]
    return {said[0][0]: consensus(said, {})} if said else {}


def _stances_with(
    now: Moment,
    before: Mapping[str, SourceBoard],
    key: LadderKey,
    stances: dict[str, Stance],
    words: dict[float, Words],
    worked: Mapping[float, Worked],
    least: float,
) -> tuple[dict[str, Stance], list[Step]]:
    """Where desks stand now, and the moves that brought them there; the very stances where nothing moved.

    A move is of ``least`` log-odds.
    """
    now_ms, window_ms = now.now_ms, now.rules.steam_window_ms
    found: dict[str, Stance] = {}
    moved: list[Step] = []
    looks: dict[float, dict[str, int]] = {}
    for desk, stance in stances.items():
        here = words.get(stance.line)
        # Most say what they said: no more than a comparison for these.
        if not stance.gone_ms and (here is None or here.get(desk) == stance.word):
            continue
        place = _place(desk, stance.line, words)
        if place is None and stance.gone_ms:
            continue
        if stance.line not in looks:
            looks[stance.line] = _looked_ms(before, key, stance.line)
        looked_ms = stance.gone_ms or looks[stance.line].get(desk, stance.at_ms)
        if place is None:
            found[desk] = replace(stance, gone_ms=looked_ms)
            continue
        line, word = place
        if stance.gone_ms and now_ms - looked_ms > window_ms:
            found[desk] = Stance(line, word, now_ms, word)
            continue
        base, base_ms = stance.probabilities, stance.at_ms
        if stance.word == base or now_ms - base_ms > window_ms:
            base, base_ms = stance.word, looked_ms
        base = at_line(now, key, stance.line, base, line)
        rises = [new - old for old, new in zip(heights(base), heights(word), strict=True)] if base else []
        rise = max(rises, default=0.0)
        if rise < least:
            found[desk] = Stance(line, base or word, base_ms, word)
            continue
        found[desk] = Stance(line, word, now_ms, word)
        quoted_at_ms = _quoted_at_ms(now_ms, desk, worked[line])
        moved += [
            Step(desk, outcome, rise, now_ms, now_ms - base_ms, quoted_at_ms)
            for outcome, each in enumerate(rises)
            if each == rise
        ]
    for desks in words.values():
        if not stances.keys() >= desks.keys():
            for desk in desks:
                if desk not in stances and desk not in found:
                    line, word = _nearest(desk, words)
                    found[desk] = Stance(line, word, now_ms, word)
    if not found:
        return stances, moved
    kept = {**stances, **found}
    # In one order, whoever came first: a row reads the same however it came about.
    return {desk: kept[desk] for desk in sorted(kept)}, moved


def _place(desk: str, line: float, words: dict[float, Words]) -> tuple[float, Probabilities] | None:
    """Where a desk stands: at its line while it shows that, else at the line nearest to even."""
    if line in words and desk in words[line]:
        return line, words[line][desk]
    return _nearest(desk, words) if any(desk in desks for desks in words.values()) else None


def _nearest(desk: str, words: dict[float, Words]) -> tuple[float, Probabilities]:
    _, _, line = min([(max(desks[desk]), abs(at), at) for at, desks in words.items() if desk in desks])
    return line, words[line][desk]


def _looked_ms(before: Mapping[str, SourceBoard], key: LadderKey, line: float) -> dict[str, int]:
    """When each desk's price of a line was last seen, before this record."""
    found: dict[str, int] = {}
    for board in before.values():
        for book, quote in board.quotes.get((*key, line), {}).items():
            desk = desk_of(book)
            if quote.seen_at_ms > found.get(desk, 0):
                found[desk] = quote.seen_at_ms
    return found


def _quoted_at_ms(now_ms: int, desk: str, worked: Worked) -> int:
    """What a desk's books say of when they made the price that is new; 0 where one does not say."""
    said = [
        quote.quoted_at_ms
        for _, book, quote in worked.offered
        if quote.changed_at_ms == now_ms and desk_of(book) == desk
    ]
    return min(said, default=0)


def _steps_with(
    steps: Sequence[Step], moved: list[Step], least: float
) -> tuple[tuple[Step, ...], list[Step]]:
    """The moves of the window with the new ones, and those of the new ones that count.

    A desk that turns round takes back what it did; only what is left of the new move is one.
    """
    counted = []
    kept = list(steps)
    for step in moved:
        back = [old for old in kept if old.desk == step.desk and old.outcome != step.outcome]
        left = step.log_odds - sum([old.log_odds for old in back])
        kept = [old for old in kept if old not in back]
        if left >= least:
            counted.append(replace(step, log_odds=left))
    return tuple(sorted(kept + counted, key=_order)), counted


def _order(step: Step) -> tuple[int, str, int]:
    return step.at_ms, step.desk, step.outcome


def _rushes_with(
    now: Moment,
    rushes: tuple[Rush, ...],
    steps: tuple[Step, ...],
    counted: list[Step],
    outcome: int,
    line: float,
) -> tuple[Rush, ...]:
    """The steam that is listed, after new moves towards an outcome."""
    same = votes(now)
    old = next((rush for rush in rushes if rush.outcome == outcome), None)
    if old is not None and now.now_ms - old.last_ms <= now.rules.steam_window_ms:
        onward = [*old.steps, *[step for step in counted if step.outcome == outcome]]
        new = replace(old, last_ms=now.now_ms, steps=_by_vote(same, onward))
    else:
        voted = _by_vote(same, [step for step in steps if step.outcome == outcome])
        against = _by_vote(same, [step for step in steps if step.outcome != outcome])
        if len(voted) - len(against) < now.rules.steam_desks:
            return rushes
        in_time = [step for step in voted if step.waited_ms <= now.rules.steam_window_ms]
        polled = len(in_time) < now.rules.steam_desks
        new = Rush(
            outcome=outcome,
            line=line,
            first_desk=_first_desk(now, same, voted),
            since_ms=voted[0].at_ms,
            at_ms=now.now_ms,
            last_ms=now.now_ms,
            cause=cause(now, _began_ms(voted), now.now_ms, polled=polled),
            steps=voted,
        )
    others = [rush for rush in rushes if rush.outcome != outcome]
    return tuple(sorted([*others, new], key=lambda rush: rush.outcome))


def _by_vote(same: Mapping[str, str], steps: Iterable[Step]) -> tuple[Step, ...]:
    """One move for each vote: its first desk's, as far as that desk went in all."""
    found: dict[str, Step] = {}
    for step in sorted(steps, key=_order):
        vote = same.get(step.desk, step.desk)
        first = found.get(vote)
        if first is None:
            found[vote] = step
        elif first.desk == step.desk:
            found[vote] = replace(first, log_odds=first.log_odds + step.log_odds)
    return tuple(found.values())


def _began_ms(steps: Iterable[Step]) -> int:
    return min([step.at_ms - step.waited_ms for step in steps])


def _first_desk(now: Moment, same: Mapping[str, str], steps: tuple[Step, ...]) -> str:
    """Who moved first; empty where nothing tells.

    Whoever was seen first, unless another may have moved before that was seen. Of these the one whose own
    time is the earliest, where all say one and were looked at often enough (a book's own time is that of its
    newest price: after a long wait, perhaps not of the first one); else who is known to lead all others.
    """
    first_ms = steps[0].at_ms
    candidates = [step for step in steps if step is steps[0] or step.at_ms - step.waited_ms < first_ms]
    window_ms = now.rules.steam_window_ms
    if all(step.quoted_at_ms and step.waited_ms <= window_ms for step in candidates):
        earliest_ms = min([step.quoted_at_ms for step in candidates])
        candidates = [step for step in candidates if step.quoted_at_ms == earliest_ms]
    if len(candidates) == 1:
        return candidates[0].desk
    leads = now.rules.leads.get(ids.league_of(now.event_id).sport, ())
    known = {
        (same.get(lead.leader, lead.leader), same.get(lead.follower, lead.follower))
        for lead in leads
        if not lead.same_line
    }
    leaders = [
        step.desk
        for step in candidates
        if all(
            other is step or (same.get(step.desk, step.desk), same.get(other.desk, other.desk)) in known
            for other in candidates
        )
    ]
    return leaders[0] if len(leaders) == 1 else ""


@lru_cache(maxsize=64)
def _votes(leads: tuple[Lead, ...]) -> dict[str, str]:
    """Desks that share a line, by pairs joined into groups, each under its first name."""
    groups: dict[str, set[str]] = {}
    for lead in leads:
        if lead.same_line:
            joined = groups.get(lead.leader, {lead.leader}) | groups.get(lead.follower, {lead.follower})
            groups |= dict.fromkeys(joined, joined)
    return {desk: min(group) for desk, group in groups.items()}
