"""How fast polls of The Odds API become records, on one core, and what of the recorded ones is refused.

Run it: ``make bench ARGS=parse``, beside the recorded polls. Each poll is parsed, compared with the one
before it and encoded, as a live one is; without Kafka. The ratio is to decoding the same bytes as bare JSON.
"""

import time
from collections import Counter
from pathlib import Path

import click
import msgspec

from pipeline import codec
from pipeline.records import OddsSnapshot, Record
from pipeline.topics import topic_of
from producers.diff import Differ
from producers.identity import Identities
from producers.sources import the_odds_api, the_odds_api_saved
from producers.sources.the_odds_api_odds import odds
from producers.sources.the_odds_api_offer import OddsFormat

DATA = Path(__file__).parents[3] / "shared" / "data"
POLLS, SAVED = DATA / "odds-fetcher-the-odds-api", DATA / "odds-api-current-save" / "nhl_wnba_odds.csv.gz"


def read(path: Path, refused: Counter[str]) -> None:
    """All polls of a file."""
    identities, differ = Identities(the_odds_api.RECORDED), Differ(the_odds_api.RECORDED)
    lines = records = polls = 0
    bare_s = parsed_s = encoded_s = 0.0
    for received_at_ms, body in the_odds_api.polls(path, lambda why, _: refused.update([why])):
        polls += 1
        begun = time.thread_time()
        msgspec.json.decode(body)
        bare_s += time.thread_time() - begun
        begun = time.thread_time()
        shown = odds(
            body,
            received_at_ms,
            identities,
            lambda why, _: refused.update([why]),
            odds_format=OddsFormat.AMERICAN,
        )
        parsed_s += time.thread_time() - begun
        lines += sum(len(snapshot.lines) for snapshot in shown.snapshots)
        begun = time.thread_time()
        news: list[Record] = [*shown.given, *differ.poll(shown.snapshots, shown.present, received_at_ms)]
        for record in news:
            codec.encode(topic_of(type(record)).name, record)
        encoded_s += time.thread_time() - begun
        records += len(news)
    whole_s = parsed_s + encoded_s
    click.echo(
        f"{path.name:<16}{polls:>6,} polls {lines:>10,} lines {records:>9,} records: parsed"
        f" {lines / parsed_s:>9,.0f} lines/s ({parsed_s / bare_s:.1f} of bare JSON),"
        f" with diff and encoding {lines / whole_s:>9,.0f} lines/s"
    )


def main() -> None:
    """Every recorded file."""
    refused: Counter[str] = Counter()
    for path in sorted(POLLS.glob("*.jsonl.xz")):
        read(path, refused)
    if SAVED.exists():
        saved = the_odds_api_saved.recorded([SAVED], lambda why, _: refused.update([why]))
        lines = sum(len(record.lines) for record in saved if isinstance(record, OddsSnapshot))
        click.echo(f"{SAVED.name}: {lines:,} lines of full records")
    for why, count in refused.most_common():
        click.echo(f"refused {count:>6,}: {why}")
    if not refused:
        click.echo("nothing was found, or nothing refused")


if __name__ == "__main__":
    main()
