"""Arbitrage held against planted phantoms: precision of what was published as open, recall of what is true.

Run it: ``make bench ARGS=phantoms``, or ``python -m tests.benchmarks.phantoms --seeds 20:40 --examples 3``.

Precision: an arbitrage that was opened is right if, in the newest snapshot then, every leg was shown openly
at its price by a book whose quote is not at fault, and its stakes as published gain whatever happens,
commission taken. Each opening counts. Recall: a true one counts if it was still there at the poll after its
first, and its best legs, rounded and within what waits at the exchange, gain whatever happens. It was found
if an arbitrage was open in its market while it was true. Phantoms: runs of polls in which the best prices on
show look like an arbitrage that gains, by one fault.
"""

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import click

from pipeline import data
from pipeline.domain import limits
from pipeline.records import (
    LINED,
    Arbitrage,
    Arbitrages,
    ChangeKind,
    Leg,
    OddsSnapshot,
    QuoteStatus,
    SnapshotKind,
)
from pipeline.replay.archive import ArchiveWriter, read
from pipeline.replay.run import replay
from pipeline.settings import Rules
from pipeline.topics import topic_of
from producers.simulator import simulate

EVENTS, STARTS = 6, 1_767_225_600_000
SEEDS = "0:20"
ALWAYS = 1 << 62

Market = tuple[str, str, str, float]  # event, kind, scope, line
Place = tuple[str, str, str, float]  # book, kind, scope, line


class Fault(NamedTuple):
    """What is wrong with a quote, and the prices that its book would really give."""

    name: str
    real: tuple[float, ...]


class Quote(NamedTuple):
    """A line as a reader of the snapshots holds it."""

    prices: tuple[float, ...]
    open: bool
    lay_prices: tuple[float, ...] = ()


class Listed(NamedTuple):
    """A stretch in which an arbitrage was listed, open or, with its reasons, as a suspect."""

    since_ms: int
    to_ms: int
    one: Arbitrage
    reasons: tuple[str, ...]


@dataclass
class Found:
    """What one evening gave. ``wrong`` and ``missed`` are told as texts; ``brief`` ones were gone at once."""

    right: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)
    wanted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    brief: int = 0
    phantoms: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, other: "Found") -> None:
        """Count another evening in."""
        self.right += other.right
        self.wrong += other.wrong
        self.wanted += other.wanted
        self.found += other.found
        self.missed += other.missed
        self.brief += other.brief
        for fault, said in other.phantoms.items():
            self.phantoms[fault] += said

    def __str__(self) -> str:
        return f"precision {self.precision:.4f}, recall {self.recall:.4f}, phantoms {self.planted:.1%}"

    @property
    def precision(self) -> float:
        """Of what was opened, the share that was right."""
        return self.right / max(1, self.right + len(self.wrong))

    @property
    def recall(self) -> float:
        """Of what was true, the share that was found."""
        return self.found.total() / max(1, self.wanted.total())

    @property
    def planted(self) -> float:
        """Of what looks like an arbitrage, the share that is a phantom."""
        phantoms = sum(said["seen"] for said in self.phantoms.values())
        return phantoms / max(1, phantoms + self.wanted.total() + self.brief)


class Told:
    """The truth file of one evening."""

    def __init__(self, path: Path) -> None:
        self.faults: dict[str, dict[int, dict[Place, Fault]]] = defaultdict(dict)
        self.opportunities: list[dict[str, Any]] = []
        self.fair: dict[tuple[str, int], list[Any]] = {}
        for line in path.read_text().splitlines():
            said = json.loads(line)
            match said["record"]:
                case "faults":
                    self.faults[said["event_id"]][said["at_ms"]] = {
                        (book, kind, scope, at): Fault(name, tuple(real))
                        for book, kind, scope, at, name, real in said["quotes"]
                    }
                case "opportunity":
                    self.opportunities.append(said)
                case "probabilities":
                    self.fair[said["event_id"], said["at_ms"]] = said["markets"]


def measured(seed: int, events: int = EVENTS, rules: Rules | None = None) -> Found:
    """One evening: simulated, folded, judged."""
    rules = rules or Rules()
    with tempfile.TemporaryDirectory() as folder:
        day, out, told = (Path(folder) / name for name in ("day", "out", "truth"))
        snapshots: list[OddsSnapshot] = []
        with ArchiveWriter(day, 4) as writer, told.open("w") as file:
            for record in simulate(seed, events, STARTS, file):
                writer.append(topic_of(type(record)).name, record)
                if isinstance(record, OddsSnapshot):
                    snapshots.append(record)
        replay(day, out, rules, 4)
        answers = [message.record for message in read(out, "bets.arbitrage")]
        return judged(f"seed {seed}", Told(told), snapshots, answers, rules)


def judged(
    name: str, told: Told, snapshots: list[OddsSnapshot], answers: list[Arbitrages], rules: Rules
) -> Found:
    """What was published, by the truth."""
    found = Found()
    boards: dict[str, dict[Place, Quote]] = {}
    at_ms: dict[str, int] = {}
    coming = iter(snapshots)
    snapshot = next(coming, None)
    for answer in answers:
        while snapshot is not None and snapshot.received_at_ms <= answer.received_at_ms:
            boards[snapshot.event_id] = _shown(boards.get(snapshot.event_id, {}), snapshot)
            at_ms[snapshot.event_id] = snapshot.received_at_ms
            snapshot = next(coming, None)
        event_id = answer.event_id
        opened = {change.id for change in answer.changes if change.change is ChangeKind.OPENED}
        for one in answer.arbitrages:
            if one.id in opened and one.kind == "arbitrage":
                faults = told.faults[event_id].get(at_ms[event_id], {})
                if why := wrong(one, boards[event_id], faults):
                    fair = told.fair.get((event_id, at_ms[event_id]), [])
                    text = _told(f"{name} {event_id}", answer, one, boards[event_id], faults, fair)
                    found.wrong.append((why, text))
                else:
                    found.right += 1
    listed = _stretches(answers)
    for row in told.opportunities:
        where = (row["event_id"], row["market"], row["scope"], row["line"])
        then = [
            each
            for each in listed.get(where, [])
            if each.since_ms < row["to_ms"] and each.to_ms > row["from_ms"]
        ]
        if not _gains(row, rules):
            continue
        if row["kind"] == "arbitrage":
            _count_true(found, name, row, then)
        else:
            _count_phantom(found, row, then, told)
    return found


def _shown(before: dict[Place, Quote], snapshot: OddsSnapshot) -> dict[Place, Quote]:
    whole = snapshot.kind in (SnapshotKind.FULL, SnapshotKind.GONE)
    board = {} if whole else dict(before) if snapshot.lines else before
    lays = {(each.book, each.market, each.scope, each.line): each.lay_prices for each in snapshot.depth}
    for line in snapshot.lines:
        place = (line.book, line.market, line.scope, line.line)
        board[place] = Quote(line.prices, line.status is QuoteStatus.OPEN, lays.get(place, ()))
    return board


def wrong(one: Arbitrage, board: dict[Place, Quote], faults: dict[Place, Fault]) -> str:
    """Why an arbitrage is none: the fault of a leg, or that it does not pay; empty where it is one."""
    for leg in one.legs:
        place = (leg.book, one.market, one.scope, leg.line or one.line)
        quote = board.get(place)
        if quote is None or not quote.open:
            return "not_open"
        shown = quote.lay_prices if leg.side == "lay" else quote.prices
        if not shown or shown[leg.outcome] != leg.price:
            return "not_shown"
        if place in faults:
            return faults[place].name
    legs = [
        (leg.outcome, leg.book, leg.price, leg.side == "lay", None if leg.side == "back" else ALWAYS)
        for leg in one.legs
    ]
    return (
        "" if _profit(one.market, one.line, legs, [leg.stake_minor for leg in one.legs]) > 0 else "no_profit"
    )


def _profit(kind: str, line: float, legs: list[Any], stakes: list[int]) -> int:
    """Of the worst result, commission taken, in minor units."""
    bets = [
        limits.Leg(price, ALWAYS, commission=data.books()[book].commission, lay=lay)
        for _, book, price, lay, _ in legs
    ]
    if kind not in LINED:
        outlay = sum(limits.at_risk(bet, stake) for bet, stake in zip(bets, stakes, strict=True))
        return min(limits.paid(bet, stake) for bet, stake in zip(bets, stakes, strict=True)) - outlay
    # The first leg is the one that wins above the line: over it, or its other side laid.
    order = sorted(range(2), key=lambda place: legs[place][0] != (1 if legs[place][3] else 0))
    met = -line if kind == "spread" else line
    first, second = order
    return limits.line_profit(met, (bets[first], bets[second]), (stakes[first], stakes[second]))


def _gains(row: dict[str, Any], rules: Rules) -> bool:
    """Whether the best legs of an opportunity gain whatever happens, rounded and within the limits."""
    legs = [
        limits.Leg(
            price,
            min(rules.maximum_stake_minor, rules.maximum_stake_minor if size is None else size),
            rules.minimum_stake_minor,
            rules.stake_unit_minor,
            data.books()[book].commission,
            lay,
        )
        for _, book, price, lay, size in row["best_legs"]
    ]
    locked = limits.lock(legs, rules.arbitrage_total_minor)
    return (
        locked is not None and _profit(row["market"], row["line"], row["best_legs"], list(locked.stakes)) > 0
    )


def _stretches(answers: list[Arbitrages]) -> dict[Market, list[Listed]]:
    """When each arbitrage was listed, by market."""
    found: dict[Market, list[Listed]] = defaultdict(list)
    standing: dict[str, dict[tuple[str, tuple[str, ...]], tuple[int, Arbitrage]]] = defaultdict(dict)

    def ended(event_id: str, key: tuple[str, tuple[str, ...]], to_ms: int) -> None:
        since_ms, one = standing[event_id].pop(key)
        where = (event_id, one.market, one.scope, one.line)
        found[where].append(Listed(since_ms, to_ms, one, one.suspect))

    for answer in answers:
        here = {(one.id, one.suspect): one for one in answer.arbitrages if one.kind == "arbitrage"}
        for key in [key for key in standing[answer.event_id] if key not in here]:
            ended(answer.event_id, key, answer.received_at_ms)
        for key, one in here.items():
            standing[answer.event_id].setdefault(key, (answer.received_at_ms, one))
    for event_id, left in standing.items():
        for key in list(left):
            ended(event_id, key, ALWAYS)
    return found


def _count_true(found: Found, name: str, row: dict[str, Any], then: list[Listed]) -> None:
    if row["polls"] < 2:
        found.brief += 1
        return
    way = "lay" if row["lay"] else "back"
    found.wanted[way] += 1
    if any(not each.reasons for each in then):
        found.found[way] += 1
        return
    reasons = sorted({reason for each in then for reason in each.reasons})
    said = ", ".join(
        f"{key} {row[key]}" for key in ("market", "scope", "line", "polls", "best_roi", "best_legs")
    )
    stretch = f"{row['from_ms']}..{row['to_ms']}"
    found.missed.append(f"{name} {row['event_id']} {stretch}: {said}; suspected: {reasons or 'no'}")


def _count_phantom(found: Found, row: dict[str, Any], then: list[Listed], told: Told) -> None:
    """What was made of a phantom, from the best outcome to the worst: not listed, suspected, got through."""
    faults = told.faults[row["event_id"]]
    spoilt: set[str] = set()
    for at_ms, quotes in faults.items():
        if row["from_ms"] <= at_ms < row["to_ms"]:
            spoilt |= {
                book
                for (book, *where), fault in quotes.items()
                if fault.name == row["kind"] and where == [row["market"], row["scope"], row["line"]]
            }
    about = [each for each in then if any(leg.book in spoilt for leg in each.one.legs)]
    said = found.phantoms[row["kind"]]
    said["seen"] += 1
    if any(not each.reasons for each in about):
        said["through"] += 1
    elif about:
        said["suspected"] += 1
    else:
        said["unlisted"] += 1
    for reason in {reason for each in about for reason in each.reasons}:
        said[f"  {reason}"] += 1


def _told(
    where: str,
    answer: Arbitrages,
    one: Arbitrage,
    board: dict[Place, Quote],
    faults: dict[Place, Fault],
    fair: list[Any],
) -> str:
    """A wrong one with all quotes of its market."""
    lines = [f"{where} at {answer.received_at_ms}: {one.market} {one.scope} {one.line}, roi {one.roi:.4f}"]
    true = [
        chances for kind, scope, at, chances in fair if (kind, scope, at) == (one.market, one.scope, one.line)
    ]
    lines.append(f"  true probabilities {true}")
    legs = {(leg.book, leg.outcome): leg for leg in one.legs}
    for place, quote in sorted(board.items()):
        if place[1:] != (one.market, one.scope, one.line):
            continue
        mine = [
            f"leg {outcome} {leg.side} {leg.price}, {_age_s(answer, leg)} s old"
            for (book, outcome), leg in legs.items()
            if book == place[0]
        ]
        fault = f"{faults[place].name}, really {faults[place].real}" if place in faults else ""
        desk = data.books()[place[0]].desk
        state = "" if quote.open else "closed"
        lines.append(f"  {desk:<16} {place[0]:<22} {quote.prices} {state} {fault} {'; '.join(mine)}")
    return "\n".join(lines)


def _age_s(answer: Arbitrages, leg: Leg) -> int:
    return (answer.received_at_ms - leg.quoted_at_ms) // 1000


def _report(found: Found, examples: int) -> Iterator[str]:
    opened = found.right + len(found.wrong)
    yield f"{found.planted:.1%} of what looks like an arbitrage is a phantom"
    yield f"precision {found.precision:.4f}: {found.right} of {opened} that were opened were right"
    for why, count in sorted(Counter(why for why, _ in found.wrong).items()):
        yield f"  {count:>5} opened and wrong: {why}"
    yield f"recall {found.recall:.4f}: {found.found.total()} of {found.wanted.total()} true ones were found"
    for way in sorted(found.wanted):
        yield f"  {found.found[way]:>5} of {found.wanted[way]} with {way}s"
    yield f"  {found.brief:>5} more were gone at the next poll"
    for fault, said in sorted(found.phantoms.items()):
        reasons = ", ".join(f"{key.strip()} {count}" for key, count in sorted(said.items()) if key[0] == " ")
        counts = [f"{said[key]:>4} {key}" for key in ("seen", "unlisted", "suspected", "through")]
        yield f"phantom   {fault:<14}{' '.join(counts)}  {reasons}"
    shown: Counter[str] = Counter()
    for why, text in found.wrong:
        shown[why] += 1
        if shown[why] <= examples:
            yield f"\nwrong, {why}: {text}"
    for text in found.missed[: 4 * examples]:
        yield f"\nmissed: {text}"


def main(seeds: str = SEEDS, events: int = EVENTS, examples: int = 0) -> None:
    """Measure seed by seed and print."""
    first, last = (int(part) for part in seeds.split(":"))
    total = Found()
    for seed in range(first, last):
        found = measured(seed, events)
        total.add(found)
        click.echo(f"seed {seed}: {found}; so far {total}")
    for line in _report(total, examples):
        click.echo(line)


@click.command()
@click.option("--seeds", default=SEEDS, show_default=True, help="From the first to before the last.")
@click.option("--events", default=EVENTS, show_default=True, help="Games an evening.")
@click.option("--examples", default=0, show_default=True, help="Of each kind of mistake, told in full.")
def _command(seeds: str, events: int, examples: int) -> None:
    main(seeds, events, examples)


if __name__ == "__main__":
    _command()
