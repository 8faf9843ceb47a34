import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.scoring import brier, log_loss

FORECASTS = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=5).map(
    lambda parts: [part / math.fsum(parts) for part in parts]
)


@pytest.mark.parametrize(
    ("forecast", "outcome", "loss", "score"),
    [
        ((1.0, 0.0), 0, 0.0, 0.0),
        ((0.5, 0.5), 1, math.log(2), 0.5),
        ((0.5, 0.3, 0.2), 1, -math.log(0.3), 0.25 + 0.49 + 0.04),
        ((1.0, 0.0), 1, -math.log(1e-15), 2.0),
    ],
)
def test_scores_of_known_forecasts(
    forecast: tuple[float, ...], outcome: int, loss: float, score: float
) -> None:
    assert log_loss(forecast, outcome) == pytest.approx(loss)
    assert brier(forecast, outcome) == pytest.approx(score)


@given(FORECASTS, st.data())
def test_nobody_expects_a_better_score_by_saying_other_than_they_believe(
    belief: list[float], data: st.DataObject
) -> None:
    said = data.draw(st.permutations(belief))

    for score in (log_loss, brier):
        honest, other = (
            math.fsum(p * score(forecast, outcome) for outcome, p in enumerate(belief))
            for forecast in (belief, said)
        )
        assert honest <= other + 1e-12


@pytest.mark.parametrize(
    ("forecast", "outcome"),
    [((0.5, 0.6), 0), ((1.0,), 0), ((0.5, 0.5), 2), ((0.5, 0.5), -1), ((math.nan, 0.5), 0), ((-0.5, 1.5), 0)],
)
def test_what_is_no_forecast_is_refused(forecast: tuple[float, ...], outcome: int) -> None:
    for score in (log_loss, brier):
        with pytest.raises(ValueError, match="no forecast"):
            score(forecast, outcome)
