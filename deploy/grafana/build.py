"""Write the dashboards as the JSON that Grafana reads: `make dashboards`."""

import json
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import lag_and_flow, latency, markets_and_games, quality

FOLDER = Path(__file__).parent / "dashboards"


def built() -> Iterator[tuple[str, str]]:
    """File name and content of each dashboard; the same bytes whenever and wherever it is done."""
    for module in (lag_and_flow, latency, markets_and_games, quality):
        board = module.dashboard().build()
        text = json.dumps(board, cls=JSONEncoder, sort_keys=True, indent=2, ensure_ascii=False)
        yield f"{board.uid}.json", text + "\n"


def main() -> None:
    """Write them all."""
    for name, text in built():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
