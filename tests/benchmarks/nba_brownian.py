"""Baselines of basketball: a Brownian margin with fitted drift and spread, which knows nothing of the teams.

Once fitted on the first tenth of the games, in time order, and once again for each tenth on all before it.

    python -m tests.benchmarks.nba_brownian season/ > brownian.csv
    sharpline evaluate basketball --data season/ --baselines brownian.csv
"""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

from pipeline.models.features import SHEETS
from pipeline.training import boosting, games
from pipeline.training.boosting import chances
from pipeline.training.evaluation import log_losses

START = (2.5, 2.5)


def main(archive: Path) -> None:
    """Write the baselines to standard output."""
    moments = games.read(archive, "basketball").moments
    names = [feature.name for feature in SHEETS["basketball"].features]
    lead = moments.values[:, names.index("lead")]
    share = moments.values[:, names.index("left_s")] / 2880.0

    def said(drift_and_spread: Any, chosen: Any) -> Any:
        """Of home and away."""
        drift, spread = drift_and_spread
        z = (lead[chosen] + drift * share[chosen]) / np.sqrt(np.exp(2.0 * spread) * share[chosen])
        return chances(np.column_stack([log_ndtr(z), log_ndtr(-z)]))

    def fitted(chosen: Any) -> Any:
        label = moments.label[chosen]

        def loss(given: Any) -> float:
            return float(log_losses(said(given, chosen), label).mean())

        return minimize(loss, np.array(START), method="Nelder-Mead").x

    block = boosting.blocks(moments)
    first, *later = np.unique(block)
    once = fitted(block == first)
    writer = csv.writer(sys.stdout)
    writer.writerow(("source_event_id", "name", "probability"))
    for number in later:
        chosen, again = np.flatnonzero(block == number), fitted(block < number)
        for name, by in (("Brownian, first tenth", once), ("Brownian, each tenth", again)):
            for place, (home, _) in zip(chosen, said(by, chosen), strict=True):
                writer.writerow((moments.source_event_ids[place], name, f"{home:.8f}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
