"""A baseline of baseball: how often home won from the same inning, half, outs, bases and score difference.

Each tenth of the games, in time order, is answered by the tenths before it. A cell with few games leans on
what its inning, half and difference say, and those on the difference alone; how much is the best of those
tried on these very games, so the table is as good as it gets.

    python -m tests.benchmarks.mlb_table events_2019_2020.csv.gz > table.csv
    sharpline evaluate baseball --data innings/ --baselines table.csv
"""

import csv
import gzip
import sys
from collections import defaultdict
from itertools import groupby
from pathlib import Path
from typing import Any

TENTHS = 10
#: Extra innings are one; differences beyond this are all alike.
EXTRA, FAR = 10, 9
#: Games that what a cell leans on counts for: of an inning, half and difference; with outs and bases too.
LEANS = 50.0, 100.0
FEW = 10.0

Cell = tuple[Any, ...]


def cells(row: dict[str, str]) -> tuple[Cell, Cell, Cell]:
    """The row's place in the table, then those that it leans on."""
    lead = max(-FAR, min(FAR, int(row["homeScore"]) - int(row["visScore"])))
    half = (min(EXTRA, int(row["inning"])), row["battingTeam"], lead)
    return (*half, row["outs"], row["on1b"], row["on2b"], row["on3b"]), half, (lead,)


def main(path: Path) -> None:
    """Write the baseline to standard output."""
    with gzip.open(path, "rt", newline="") as file:
        games = [list(rows) for _, rows in groupby(csv.DictReader(file), lambda row: row["gameId"])]
    games.sort(key=lambda rows: (rows[0]["date"], rows[0]["gameId"]))
    first: dict[str, int] = {}
    for place, rows in enumerate(games):
        first.setdefault(rows[0]["date"], place)
    plays: dict[Cell, float] = defaultdict(float)
    won: dict[Cell, float] = defaultdict(float)
    writer = csv.writer(sys.stdout)
    writer.writerow(("source_event_id", "name", "probability"))
    for tenth, of_tenth in groupby(games, lambda rows: first[rows[0]["date"]] * TENTHS // len(games)):
        answered = list(of_tenth)
        for rows in answered:
            for place, row in enumerate(rows if tenth else ()):
                cell, half, lead = cells(row)
                home = won[()] / plays[()]
                for of, leans in ((lead, FEW), (half, LEANS[0]), (cell, LEANS[1])):
                    home = (won[of] + leans * home) / (plays[of] + leans)
                writer.writerow((f"{row['gameId']}/{place}", "table", f"{home:.6f}"))
        for rows in answered:
            home_won = float(int(rows[0]["homeFinal"]) > int(rows[0]["visFinal"]))
            for row in rows:
                for of in (*cells(row), ()):
                    plays[of] += 1.0
                    won[of] += home_won


if __name__ == "__main__":
    main(Path(sys.argv[1]))
