"""The features behind a published probability: the vector, and what of it is not believed."""

import math

from pipeline.models import Outlook, Seen
from pipeline.models.boosted import Boosted, closed_scores, look
from pipeline.records import GameFeatures, OutOfRange

#: Why the closed form alone speaks where its league has a model: a doubt about the probability, not the game.
FEATURE_OUT_OF_RANGE = "feature_out_of_range"
#: Records hold no number beyond it.
MOST = 1e15


def unread(model: Boosted | None, seen: Seen, opinions: tuple[Outlook, ...]) -> tuple[str, ...]:
    """Why a model that serves the moment had no say in it; empty where it had, or does not serve it."""
    if model is None or opinions:
        return ()
    looked = look(model.sheet, seen)
    return (FEATURE_OUT_OF_RANGE,) if looked and looked.strange else ()


def features(model: Boosted | None, seen: Seen, source_event_id: str) -> GameFeatures:
    """What the league's model read at a moment; without values where it has none, or may not speak."""
    looked = look(model.sheet, seen) if model else None
    if model is None or looked is None:
        return GameFeatures(
            source_event_id=source_event_id,
            sport=seen.league.sport,
            model=model.manifest.model if model else "",
            model_digest=model.digest if model else "",
            names=(),
            values=(),
            closed=(),
            anchor=(),
        )
    values = tuple([_held(value) for value in looked.values])
    return GameFeatures(
        source_event_id=source_event_id,
        sport=seen.league.sport,
        model=model.manifest.model,
        model_digest=model.digest,
        names=tuple([feature.name for feature in model.sheet.features]),
        values=values,
        closed=closed_scores(seen, model.manifest.outcomes),
        anchor=tuple([_held(score) for score in model.sheet.anchor(looked.view)]),
        out_of_range=tuple(
            [
                OutOfRange(name=feature.name, value=value, low=feature.low, high=feature.high)
                for feature, value in zip(model.sheet.features, values, strict=True)
                if feature.name in looked.strange
            ]
        ),
    )


def _held(value: float) -> float:
    """A number that a record can hold."""
    return 0.0 if math.isnan(value) else float(min(max(value, -MOST), MOST))
