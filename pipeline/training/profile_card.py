"""The card that football's profile comes with."""

from pipeline.models.soccer import Fitted

CARD = "CARD.md"


def written(fitted: Fitted) -> str:
    """The card as Markdown."""
    learnt, profile = fitted.learnt_from, fitted.profile
    lines = [
        "# poisson-goals, the profile of soccer",
        "",
        "In-play probabilities of football in regulation, for every league: goals of both sides are Poisson"
        " while the score stands, and each goal changes both rates. The closed form of football; there are no"
        " boosted trees.",
        "",
        '- Data: Pappalardo and others, "A public data set of spatio-temporal match events in soccer'
        ' competitions", Scientific Data 6, 236 (2019), CC BY 4.0, read by the source `wyscout`: goals, red'
        " cards and second yellow ones. Strengths are those of the closing line beside them"
        " (football-data.co.uk).",
        f"- Period: {learnt['from']} to {learnt['until']}, {learnt['games']:,} matches of"
        f" {', '.join(learnt['leagues'].values())}; archive `{learnt['archive'][:12]}`.",
        "- Fitted by maximum likelihood of the goals, minute by minute; every term but the level is held to"
        " none, as if 10 goals had said so, the level to what the closing line says, as if 1,000 had. Nothing"
        " is drawn, so there is no seed.",
        "",
        "## Profile",
        "",
        "In logarithms of a side's rate, but for what is added, which is in minutes of usual scoring.",
        "",
        "| level | rise over 90 minutes | added to each half | behind by 1, by more | ahead by 1, by more |"
        " a player more |",
        "| --- | --- | --- | --- | --- | --- |",
        f"| {profile.level:+.3f} | {profile.rise:+.3f} |"
        f" {profile.added_min[0]:.2f}, {profile.added_min[1]:.2f} |"
        f" {profile.behind[0]:+.3f}, {profile.behind[1]:+.3f} |"
        f" {profile.ahead[0]:+.3f}, {profile.ahead[1]:+.3f} | {profile.red:+.3f} |",
        "",
        "## Scores",
        "",
        "Every fifth minute, 0 to 90, three-way. Each tenth of the matches answered by profiles of earlier"
        " matches only; the first tenth is left out. `by chance`: the calibration error that 95 of 100"
        " perfect models would show at most.",
        "",
        "| voice | log loss | RPS | Brier | calibration error | by chance | accuracy |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for voice, score in fitted.scores.items():
        lines.append(
            f"| {voice} | {score['log_loss']:.5f} | {score['rps']:.5f} | {score['brier']:.5f}"
            f" | {score['calibration']:.4f} | {score['chance']:.4f} | {score['accuracy']:.4f} |"
        )
    lines += [
        "",
        "`plain`: Poisson goals whose rates reproduce Pinnacle's closing prices, scaled by"
        " (93 - minute) / 93. LightGBM and XGBoost over the profile, and their blend with it, were fitted in"
        " the same time order and made it worse (docs/models-soccer.md), so none are shipped.",
        "",
        "## Known weak spots",
        "",
        "- One season of five leagues: one red card is known well, two are not.",
        "- In added time the clock stands at 0, and all of it is still to come until the match is final.",
        "- Shots, corners, substitutions and who is on the field are not known.",
        "- Home and away and all leagues have the same profile. It does not know of a first leg.",
        "- The result, spreads and totals are those of independent Poisson goals with the expected goals to"
        " come, so they hang together; draws are a little rarer that way than they are: before the start by"
        " one in a hundred matches, late hardly.",
        "- Extra time has plain Poisson goals, and a shoot-out is even.",
    ]
    return "\n".join([*lines, ""])
