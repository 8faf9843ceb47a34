"""The table of folds, in the order in which replay hands answers on."""

from pipeline.stages.bets import BETS
from pipeline.stages.fold import Stage
from pipeline.stages.games import GAMES
from pipeline.stages.markets import MARKETS

STAGES: dict[str, Stage] = {stage.name: stage for stage in (GAMES, MARKETS, BETS)}  # type: ignore[type-arg]
