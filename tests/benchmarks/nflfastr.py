"""Baselines of American football: nflfastR's own chances that home wins, as its play-by-play has them.

python -m tests.benchmarks.nflfastr pbp_2021.csv.gz pbp_2022.csv.gz pbp_2023.csv.gz > nflfastr.csv
sharpline evaluate american-football --data seasons/ --from 2021-07-01 --baselines nflfastr.csv
"""

import csv
import gzip
import sys
from pathlib import Path

#: With the spread, and without.
NAMES = ("vegas_home_wp", "home_wp")


def main(paths: list[Path]) -> None:
    """Write the baselines to standard output, a row for each snap of which they speak."""
    writer = csv.writer(sys.stdout)
    writer.writerow(("source_event_id", "name", "probability"))
    for path in paths:
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.DictReader(file):
                for name in NAMES:
                    if row[name]:
                        writer.writerow((f"{row['game_id']}/{row['play_id']}", name, row[name]))


if __name__ == "__main__":
    main([Path(path) for path in sys.argv[1:]])
