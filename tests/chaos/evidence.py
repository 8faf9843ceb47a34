"""What is kept of a scenario that does not hold, for whoever looks into it."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from pipeline.cluster import changelog
from pipeline.replay.verify import Verdict
from pipeline.stages.fold import Row
from tests.chaos.judging import stage_named
from tests.processors.log import read


def keep(bootstrap: str, stage: str, verdict: Verdict, folder: Path) -> Path:
    """Copy the workers' logs, every difference, and the history of the first event that differs; where to."""
    kept = Path(tempfile.mkdtemp(prefix=f"sharpline-chaos-{stage}-kept-"))
    for log in folder.glob("*.log"):
        shutil.copy(log, kept)
    told = [f"lost {place}" for place in verdict.lost] + [str(one) for one in verdict.differences]
    (kept / "differences.txt").write_text("\n".join(told))
    if verdict.differences:
        lines = history(bootstrap, stage, verdict.differences[0].event.partition("|")[0])
        (kept / "history.txt").write_text("\n".join(lines))
    return kept


def history(bootstrap: str, stage: str, event_id: str) -> list[str]:
    """Every row and answer of an event by the time of its append."""
    asked, found = stage_named(stage), []
    decoder: msgspec.msgpack.Decoder[Row[Any]] = msgspec.msgpack.Decoder(Row[Any])
    journal = changelog(stage)
    for topic, messages in read(bootstrap, [journal, *asked.answers]).items():
        for message in messages:
            if (message.key or b"").decode().partition("|")[0] != event_id:
                continue
            place = f"{message.timestamp_ms} {topic}/{message.partition}@{message.offset}"
            if topic == journal and message.value is not None:
                row = decoder.decode(message.value)
                said = f"revision {row.revision} begun {row.begun} applied {row.applied}"
            else:
                said = f"{len(message.value or b'')} bytes, {message.headers}"
            found.append(f"{place} {said}")
    return sorted(found)
