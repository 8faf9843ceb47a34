"""The command that learns from an archive which desk leads which."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from pipeline import data
from pipeline.cli.fitted import day_of, digest_of, progress, required_new, write
from pipeline.domain.leaders import HORIZON_S, LEAST_MOVE, LEAST_PAIRS, LeadLag, Verdict
from pipeline.errors import UsageError
from pipeline.training import bootstrap
from pipeline.training.leaders import METHOD, Map, fit, leads, read


@click.command(
    "fit-leaders",
    epilog="Example: sharpline fit-leaders evening/ --out leaders.json --rules rules.json",
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--until",
    default="",
    metavar="DATE",
    help="Learn from the days before, and say what later ones make of it; default is to learn from all.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A new file for the map, with what it comes from and a hash of it.",
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A new file of rules with this map: SHARPLINE_RULES has steam use it.",
)
@click.option("--seed", type=int, default=bootstrap.SEED, show_default=True, help="Of the bootstrap.")
@click.option("--quiet", is_flag=True, help="No progress.")
def fit_leaders(
    archive: Path, until: str, out: Path | None, rules: Path | None, seed: int, quiet: bool
) -> None:
    """Learn, sport by sport, which trading desk moves first and by how long, and which desks share a line.

    A lag is told only where the desks were looked at more often than it is long, with the 99 % interval of a
    bootstrap by event that does not hold 0. Moves around a key event of the game are left out. AGREED is how
    often a follower's last price before the start lay on the side to which its leader had moved.
    """
    required_new(out, rules)
    day = day_of(until) if until else ""
    events, archived = read(archive, progress(quiet))
    if not events:
        raise UsageError(f"{archive} holds no odds.snapshots with prices to learn from")
    before = [event for event in events if not day or event.day < day]
    if not before:
        raise UsageError(f"{archive} holds no prices of events before {day}; name a later --until")

    def told(sport: str) -> None:
        if not quiet:
            click.echo(f"comparing the desks of {sport}", err=True)

    maps = fit(before, seed, told)
    later = fit([event for event in events if day and event.day >= day], seed, told)
    content = {
        "archive": archived,
        "method": METHOD,
        "from": min(event.day for event in before),
        "until": day,
        "horizon_s": HORIZON_S,
        "least_move_log_odds": LEAST_MOVE,
        "least_pairs": LEAST_PAIRS,
        "books": data.digest("books.csv"),
        "seed": seed,
        "sports": {sport: _described(found) for sport, found in maps.items()},
        "later": _held(maps, later) if day else {},
        "leads": {sport: leads(found.pairs) for sport, found in maps.items()},
    }
    content = msgspec.to_builtins(content)
    for line in _said(maps, content):
        click.echo(line)
    digest = digest_of(content)
    if out is not None:
        write(out, {**content, "hash": digest})
    if rules is not None:
        write(rules, {"leads": content["leads"], "leads_from": digest[:12]})
    if out is not None or rules is not None:
        click.echo(f"hash {digest[:12]}")


#: What only a lead has: of other pairs there is no lag, not one of 0.
OF_A_LEAD = ("lag_s", "low_s", "high_s", "agreed", "closed")


def _described(found: Map) -> dict[str, Any]:
    pairs = []
    for pair in found.pairs:
        row = {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in pair._asdict().items()
        }
        untold = () if pair.verdict is Verdict.LEADS else OF_A_LEAD
        if pair.verdict not in (Verdict.LEADS, Verdict.SAME_LINE):
            untold = (*untold, "share")
        pairs.append({key: value for key, value in row.items() if key not in untold})
    return {"events": found.events, "markets": found.markets, "moves": found.moves, "pairs": pairs}


def _held(maps: Mapping[str, Map], later: Mapping[str, Map]) -> dict[str, dict[str, int]]:
    """Of each sport's leads, what later days say of the same two desks."""
    found = {}
    for sport, each in maps.items():
        verdicts = {frozenset((pair.leader, pair.follower)): pair for pair in _pairs(later.get(sport))}
        held: Counter[str] = Counter(same=0, turned=0, untold=0)
        for pair in each.pairs:
            if pair.verdict is Verdict.LEADS:
                again = verdicts.get(frozenset((pair.leader, pair.follower)))
                if again is None or again.verdict is not Verdict.LEADS:
                    held["untold"] += 1
                else:
                    held["same" if again.leader == pair.leader else "turned"] += 1
        found[sport] = dict(held)
    return found


def _pairs(found: Map | None) -> list[LeadLag]:
    return [] if found is None else found.pairs


def _said(maps: Mapping[str, Map], content: Mapping[str, Any]) -> list[str]:
    """Lines for a person."""
    lines = []
    for sport, found in maps.items():
        by_verdict = {
            verdict: [pair for pair in found.pairs if pair.verdict is verdict] for verdict in Verdict
        }
        lines += [
            f"{sport}: {found.moves:,} moves in {found.markets:,} markets of {found.events:,} events,"
            f" {len(found.pairs):,} pairs of desks with {LEAST_PAIRS} or more moves that answer each other"
        ]
        if by_verdict[Verdict.LEADS]:
            lines.append(
                f"  {'leader':<18}{'follower':<18}{'lag, s':>8}  {'99 % interval':<17}{'share':>6}"
                f"{'moves':>8}{'tied':>7}{'looks, s':>10}   agreed"
            )
        lines += map(_row, sorted(by_verdict[Verdict.LEADS], key=lambda pair: (-pair.share, pair)))
        for pair in by_verdict[Verdict.SAME_LINE]:
            lines.append(
                f"  one line: {pair.leader}, {pair.follower} ({pair.share:.1%} of their moves are the same)"
            )
        if unsure := by_verdict[Verdict.CANNOT_TELL]:
            looks_s = sorted(pair.looks_s for pair in unsure)[len(unsure) // 2]
            tied, moves = (sum(getattr(pair, name) for pair in unsure) for name in ("tied", "moves"))
            lines.append(
                f"  cannot tell {len(unsure)} pairs: {tied:,} of their {moves:,} moves came within one look,"
                f" {looks_s:.0f} s apart (median)"
            )
        if by_verdict[Verdict.NO_ORDER]:
            lines.append(
                f"  {len(by_verdict[Verdict.NO_ORDER])} pairs have no order: now one is first, now the other"
            )
        if held := content["later"].get(sport):
            lines.append(
                f"  from {content['until']} on: {held['same']} leads as before, {held['turned']} turned,"
                f" {held['untold']} cannot be told"
            )
    return lines


def _row(pair: LeadLag) -> str:
    interval = f"{pair.low_s:.1f} to {pair.high_s:.1f}"
    agreed = f"{pair.agreed / pair.closed:.0%} of {pair.closed:,}" if pair.closed else "-"
    return (
        f"  {pair.leader:<18}{pair.follower:<18}{pair.lag_s:>8.1f}  {interval:<17}{pair.share:>6.0%}"
        f"{pair.moves:>8,}{pair.tied:>7,}{pair.looks_s:>10.1f}   {agreed}"
    )
