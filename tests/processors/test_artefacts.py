"""What answers name by a hash can be had by that hash."""

import hashlib
from typing import Any

import msgspec
import pytest

from pipeline import cluster, codec
from pipeline.settings import Rules, Settings
from pipeline.stages import STAGES
from pipeline.stages.fold import Stage, artefacts, provenance
from pipeline.topics import ARTEFACTS
from processors.artefacts import keep
from tests.processors.log import read


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_every_hash_that_a_stage_gives_its_answers_has_its_content(stage: Stage[Any]) -> None:
    rules = Rules(minimum_desks=5)

    kept = {one.digest: one for one in artefacts(stage, rules)}

    assert {kind: kept[digest].kind for kind, digest in provenance(stage, rules).items()} == {
        "rules": "rules",
        "data": "data",
    } | ({"models": "models"} if stage.models else {})
    assert all(hashlib.sha256(one.content).hexdigest().startswith(digest) for digest, one in kept.items())
    assert msgspec.json.decode(kept[rules.digest].content, type=Rules) == rules


@pytest.mark.kafka
def test_what_is_kept_is_on_the_topic_under_its_hash(fresh_kafka: str) -> None:
    cluster.create_topics(fresh_kafka, Settings(), STAGES.values())
    given = artefacts(STAGES["markets"], Rules())

    keep(fresh_kafka, given)

    found = read(fresh_kafka, [ARTEFACTS])[ARTEFACTS]
    assert sorted(m.key.decode() for m in found) == sorted(one.digest for one in given)
    decoded = [codec.decode(ARTEFACTS, m.key, m.value) for m in found]
    assert sorted(decoded, key=lambda one: one.digest) == sorted(given, key=lambda one: one.digest)
