"""Odds of the past into an archive: each answer says what came after it, until the end."""

import asyncio
import heapq
import random
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.settings import Settings
from producers.identity import Identities
from producers.live import ledger
from producers.live.call import Answer, Call, Config, Failure
from producers.live.command import Wanted
from producers.live.fetch import Fetcher, Gate, Secret, Validators, client
from producers.live.gate import SourceGate
from producers.live.intake import Intake
from producers.live.quota import KafkaQuota
from producers.live.run import now_ms
from producers.live.ways import WAYS, secret_of
from producers.publish import ArchiveLog
from producers.sources import the_odds_api
from producers.sources.the_odds_api_past import first, following, page

KAFKA = "kafka"
_Taken = tuple[int, str, Answer]


async def walk(
    calls: Sequence[Call], until_ms: int, fetcher: Fetcher, secret: Secret, gate: Gate, intake: Intake
) -> int:
    """Take in the answers of each league one after the other, of all leagues by time; how many those were.

    ``calls``: the first of each league. An answer is taken in as if it had been received when it was taken.
    Raises UsageError where a call fails after all tries, PayloadChanged where an answer cannot be read.
    """

    async def ask(call: Call) -> _Taken:
        outcome = await fetcher.fetch(call, secret, Validators(), gate)
        if isinstance(outcome, Failure):
            raise UsageError(f"{outcome.text}; the archive has what came before, and can be read")
        at_ms = page(outcome.body or b"", call.source).at_ms
        return at_ms, call.league, outcome._replace(received_at_ms=at_ms)

    waiting = [await ask(call) for call in calls]
    heapq.heapify(waiting)
    count = 0
    while waiting:
        _, _, answer = heapq.heappop(waiting)
        intake.take(answer)
        count += 1
        if (call := following(answer.call, answer.body or b"", until_ms)) is not None:
            heapq.heappush(waiting, await ask(call))
    return count


def produce(
    wanted: Wanted, from_ms: int | None, until_ms: int, target: str, kafka: str, settings: Settings
) -> ArchiveLog:
    """What ``sharpline produce the-odds-api --from --until --to DIR`` does. Raises UsageError."""
    if from_ms is None or from_ms >= until_ms or target == KAFKA:
        raise UsageError("odds of the past need --from TIME, a later --until TIME, and --to DIR")
    config = wanted.config()
    if config.base_url:
        config = config._replace(base_url=f"{config.base_url}/{the_odds_api.NAME}")
    secret = secret_of(WAYS[the_odds_api.NAME])
    return asyncio.run(into_archive(config, from_ms, until_ms, secret, Path(target), kafka, settings))


async def into_archive(
    config: Config, from_ms: int, until_ms: int, secret: Secret, folder: Path, kafka: str, settings: Settings
) -> ArchiveLog:
    """Odds of the leagues of ``config`` between two moments, Unix ms, as an archive.

    The credits are those of the ledger in Kafka, which live polls share. Raises as `walk`, and UsageError
    where no league is named.
    """
    if not config.leagues:
        raise UsageError("odds of the past are dear: name the leagues with --sports")
    source = the_odds_api.NAME
    calls = [first(source, league, from_ms, config, the_odds_api.URL) for league in config.leagues]
    accounts = ledger.accounts(settings.credits)
    if source in accounts and not kafka:
        raise UsageError("credits are counted in Kafka: give --kafka ADDRESS, or set SHARPLINE_KAFKA")
    quota = KafkaQuota(kafka, accounts, now_ms()) if source in accounts else None
    log = ArchiveLog(folder, settings.partitions)
    try:
        async with client() as http:
            fetcher = Fetcher(http, now_ms, random.Random())
            gate = SourceGate(0, quota, now_ms)
            await walk(calls, until_ms, fetcher, secret, gate, Intake(the_odds_api, Identities(source), log))
    finally:
        log.close()
        if quota is not None:
            quota.close()
    return log
