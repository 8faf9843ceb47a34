"""Who is who: games that sources have in common, and two views of the recorded polls.

Run it: ``make bench ARGS=matching``, beside the recorded data. Of two views the own ids are the same, by
which it is counted what met in the same event, what in another one, and what waits to be said.
"""

import click

from tests.producers.live.shared_games import POLLS, Met, in_common, two_views

SEEDS = 40
#: Games that the second view never shows, as a share; each is the case of as many seeds.
HIDDEN = (0.0, 0.1, 0.3, 0.6)


def main() -> None:
    """Print both tables."""
    for name, games in in_common():
        met = ", ".join(f"{' and '.join(who)} {count:,}" for who, count in sorted(games.met().items()))
        click.echo(f"{name}: {met}; waiting {len(games.waiting())}")
    click.echo(f"\n{'polls':<10}{'views':>6}{'in both':>9}{'same event':>12}{'another':>9}{'waiting':>9}")
    for league in ("mlb", "kbo", "wnba"):
        found = [two_views(POLLS[league], seed, hidden=HIDDEN[seed % len(HIDDEN)]) for seed in range(SEEDS)]
        total = Met(*map(sum, zip(*found, strict=True)))
        click.echo(
            f"{league:<10}{SEEDS:>6}{total.both:>9,}{total.same:>12,}{total.other:>9,}{total.waiting:>9,}"
        )


if __name__ == "__main__":
    main()
