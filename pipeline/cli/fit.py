"""The command that learns the weights of desks from an archive."""

from pathlib import Path
from typing import Any

import click

from pipeline import data
from pipeline.cli.fitted import day_of, digest_of, progress, required_new, write
from pipeline.errors import UsageError
from pipeline.training import bootstrap, weights
from pipeline.training.markets import Market, read

#: Without --until, the share of the markets that are fitted; the later ones are judged on.
FITTED = 0.75


@click.command(
    "fit-weights",
    epilog="Example: sharpline fit-weights seasons/ --until 2019-07-01 --against closing --out weights.json",
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--until",
    default="",
    metavar="DATE",
    help="Fit on the days before, judge on the others; default is the day when three quarters were played.",
)
@click.option(
    "--against",
    type=click.Choice(["results", "closing"]),
    default="results",
    show_default=True,
    help="What the desks are held to: who won, or the last price of the sharpest desk before the start.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A new file for the weights, with what they come from and a hash of it.",
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A new file of rules with these weights: SHARPLINE_RULES has the folds use it.",
)
@click.option("--seed", type=int, default=bootstrap.SEED, show_default=True, help="Of the bootstrap.")
@click.option("--quiet", is_flag=True, help="No progress.")
def fit_weights(
    archive: Path, until: str, against: str, out: Path | None, rules: Path | None, seed: int, quiet: bool
) -> None:
    """Learn the weight of each desk in the consensus, and say whether it is better than equal weights.

    Judged on days after those fitted, by results and by the sharpest desk's last price: mean log loss, and
    how much of it is above that of other weights, with the 95 % interval of a bootstrap by match day. Below 0
    is better.
    """
    required_new(out, rules)
    markets, digest = read(archive, progress(quiet))
    if not markets:
        raise UsageError(f"{archive} holds no market on the winner that was quoted before its start")
    day = day_of(until) if until else markets[int(FITTED * len(markets))].day
    before, after = ([one for one in markets if (one.day < day) is early] for early in (True, False))
    cases, spared = weights.of_closing(before) if against == "closing" else (weights.of_results(before), "")
    fitted = weights.fit(cases, spared)
    scores = _scores(after, fitted, seed)
    content = {
        "archive": digest,
        "method": weights.METHOD,
        "against": against,
        "from": cases[0].day if cases else "",
        "until": day,
        "markets": fitted.markets,
        "desks": {desk: record._asdict() for desk, record in fitted.records.items()},
        "spared": fitted.spared,
        "spread": fitted.spread,
        "exponent": fitted.exponent,
        "books": data.digest("books.csv"),
        "seed": seed,
        "scores": scores,
        "weights": fitted.weights,
    }
    for line in _said(content):
        click.echo(line)
    digest = digest_of(content)
    if out is not None:
        write(out, {**content, "hash": digest})
    if rules is not None:
        write(rules, {"desk_weights": fitted.weights, "desk_weights_from": digest})
    if out is not None or rules is not None:
        click.echo(f"hash {digest[:12]}")


def _scores(after: list[Market], fitted: weights.Fit, seed: int) -> list[dict[str, Any]]:
    """On later days: by first and by last prices against results, by first ones against the sharp close."""
    weightings = {"equal": {}, "by hand": weights.by_hand(), "learnt": fitted.weights}
    scores = []
    for prices, against, cases in (
        ("first", "results", weights.of_results(after)),
        ("last", "results", weights.of_results(after, last=True)),
        ("first", "closing", weights.of_closing(after)[0]),
    ):
        if not cases:
            continue
        for name, (mean, above) in weights.judge(cases, weightings, seed).items():
            scores.append(
                {
                    "prices": prices,
                    "against": against,
                    "weights": name,
                    "markets": len(cases),
                    "days": len({case.day for case in cases}),
                    "log_loss": mean,
                    "above": {other: each._asdict() for other, each in above.items()},
                }
            )
    return scores


def _said(content: dict[str, Any]) -> list[str]:
    """Lines for a person."""
    lines = [
        f"fitted on {content['markets']:,} markets from {content['from']} until {content['until']}, against"
        f" {content['against']}, exponent {content['exponent']}",
        "",
        f"{'desk':<18}{'markets':>9}{'advantage':>12}{'error':>10}{'weight':>8}{'by hand':>9}   nats x 1000",
    ]
    hand, learnt = weights.by_hand(), content["weights"]
    for desk, record in content["desks"].items():
        lines.append(
            f"{desk:<18}{record['quotes']:>9,}{1000 * record['advantage']:>+12.3f}"
            f"{1000 * record['error']:>10.3f}{learnt[desk]:>8.2f}{hand.get(desk, 1.0):>9.2f}"
        )
    if content["spared"]:
        desk = content["spared"]
        spared = f"{learnt.get(desk, 1.0):>8.2f}{hand.get(desk, 1.0):>9.2f}"
        lines.append(f"{desk:<49}{spared}   its last price was the measure")
    if not content["scores"]:
        return [*lines, "", "nothing later in the archive to judge them by: name an earlier --until"]
    head = f"{'later days':<26}{'markets':>9}{'days':>7}{'log loss':>11}"
    lines += ["", f"{head}   above equal weights         above those by hand     x 1/1000"]
    for score in content["scores"]:
        above = "".join(f"{_interval(score['above'].get(than)):<28}" for than in ("equal", "by hand"))
        lines.append(
            f"{', '.join(score[name] for name in ('prices', 'against', 'weights')):<26}"
            f"{score['markets']:>9,}{score['days']:>7,}"
            f"{score['log_loss']:>11.5f}   {above}".rstrip()
        )
    lines.append(f"bootstrap by match day, {bootstrap.DRAWS:,} draws, seed {content['seed']}")
    return [*lines, *(_verdict(content["scores"], than) for than in ("equal", "by hand"))]


def _interval(mean: dict[str, float] | None) -> str:
    if mean is None:
        return ""
    return "{mean:+.3f} ({low:+.3f} to {high:+.3f})".format(**{key: 1000 * x for key, x in mean.items()})


def _verdict(scores: list[dict[str, Any]], than: str) -> str:
    """What first prices and results say of the learnt weights."""
    above = next(score["above"][than] for score in scores if score["weights"] == "learnt")
    if above["high"] < 0.0:
        verdict = "beat"
    elif above["low"] > 0.0:
        verdict = "are beaten by"
    else:
        verdict = "cannot be told from"
    return (
        f"on later days, by {scores[0]['prices']} prices and {scores[0]['against']}, the learnt weights"
        f" {verdict} the weights '{than}'"
    )
