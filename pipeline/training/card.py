"""The card that a model comes with: what it is, what it learnt from, how good it was, where it is weak."""

from pipeline.models.boosted import Manifest

CARD = "CARD.md"
#: Where a sport's training data comes from, and what its licence asks for.
DATA = {
    "american-football": (
        "NFL play-by-play of nflverse (nflverse/nflfastR-data, CC BY 4.0), read by the source `nflverse`:"
        " state before each snap, and the file's own spread and total as the line."
    ),
    "basketball": (
        "NBA play-by-play of stats.nba.com as sealneaward/nba-movement-data has it (that repository under the"
        " MIT licence), read by the source `nba-pbp`: state after each row. No odds: the ratings of"
        " `pipeline/models/shipped/ratings/nba.csv`, each game by those of earlier days."
    ),
    "baseball": (
        "Retrosheet's event files, read by the source `retrosheet`: state before each play. No line is in"
        " them; ratings of the teams by their earlier games stand in. The information used here was obtained"
        " free of charge from and is copyrighted by Retrosheet. Interested parties may contact Retrosheet at"
        " www.retrosheet.org."
    ),
}
WEAK = {
    "american-football": (
        "Overtime, before the first snap, and a ball that nobody has stated are the closed form's alone.",
        "Who is on the field, weather and injuries are not known; the line knows of them before the start.",
        "Some 280 games a season decide little: seasons differ by more than models do, and the boosters'"
        " corrections to the drives have not paid for themselves. Their weight says so.",
        "Ties are left out; their probability is the closed form's.",
    ),
    "baseball": (
        "Who pitches and who is at bat is not known; the runs of the game so far have to say it.",
        "The count, the place in the batting order, steals and parks are not looked at.",
        "Two seasons with a winter between them: the first days of a season know little of the teams.",
        "Regulation expects extra innings with a runner on second, as they have been since 2020. In 2019"
        " there was none; both sides have one, so it makes little of a difference.",
        "Ratings and averages are of nine innings. Where seven are played, as in 2020 and 2021 in two games"
        " of a day, they expect too many runs.",
        "Spreads and totals are priced by Poisson runs moved to the blend's winner: runners on base are in"
        " them only as far as that.",
    ),
    "basketball": (
        "One season's first ten weeks, ten years ago: today's game has more threes, scores more and swings"
        " more.",
        "Ratings are of that season. Without a closing line a game of today begins as one of two average"
        " teams does, until `sharpline fit-ratings` has seen results of this season.",
        "The constants of the leaning margin were fitted on the whole season; fitted on earlier tenths alone"
        " they lose 0.2 % of the log loss.",
        "Overtime, before the start, and when the last clock stands at 0 the closed form speaks alone.",
        "Who plays and who is hurt is not known, nor are free throws that are still to be thrown.",
    ),
}


def written(manifest: Manifest, importance: dict[str, tuple[float, float]]) -> str:
    """The card as Markdown."""
    learnt = manifest.learnt_from
    lines = [
        f"# {manifest.model}",
        "",
        f"In-play probabilities of {manifest.sport} for {', '.join(learnt['leagues'].values())}: the closed"
        " form, the anchor of the sport's features, LightGBM and XGBoost over the anchor, blended and"
        " calibrated on games that each had not seen.",
        "",
        f"- Data: {DATA.get(manifest.sport, 'an archive')}",
        f"- Period: {learnt['from']} to {learnt['until']}, {learnt['games']:,} games,"
        f" {learnt['moments']:,} moments; archive `{learnt['archive'][:12]}`, seed {manifest.seed}.",
        "- Weights: "
        + ", ".join(f"{voice} {weight:.3f}" for voice, weight in manifest.weights.items())
        + f"; slope {manifest.slope:.3f}.",
        "- Versions: " + ", ".join(f"{name} {version}" for name, version in manifest.versions.items()) + ".",
        "",
        "## Scores",
        "",
        "Each season, or tenth of one, answered by models of earlier games only; the first is left out."
        " `by chance`: the calibration error that 95 of 100 perfect models would show at most.",
        "",
        "| voice | log loss | Brier | calibration error | by chance | accuracy |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for voice, score in manifest.scores.items():
        lines.append(
            f"| {voice} | {score['log_loss']:.5f} | {score['brier']:.5f} | {score['calibration']:.4f}"
            f" | {score['chance']:.4f} | {score['accuracy']:.4f} |"
        )
    lines += [
        "",
        "## Features",
        "",
        "Importance is a feature's share of what the trees gained, LightGBM and XGBoost.",
        "",
        "| feature | formula | range | importance |",
        "| --- | --- | --- | --- |",
    ]
    for feature in manifest.features:
        leaves, trees = importance[feature.name]
        lines.append(
            f"| {feature.name} | {feature.formula} | {feature.low:g} to {feature.high:g} |"
            f" {leaves:.3f}, {trees:.3f} |"
        )
    weak = WEAK.get(manifest.sport, ())
    return "\n".join([*lines, "", "## Known weak spots", "", *(f"- {spot}" for spot in weak), ""])
