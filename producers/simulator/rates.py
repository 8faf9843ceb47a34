"""Every number that the simulator draws by, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rates:
    """Times in seconds (``_s``) or minutes (``_min``); ``per_event_hour`` counts for one event."""

    # When games start and are looked at.
    round_s: int = 6 * 3600
    """Every team plays once in a round; the next round begins after this."""
    lead_min: tuple[float, float] = (60.0, 120.0)
    """Odds appear this long before the scheduled start, or with the first record where that is later."""
    late_start_s: tuple[float, float] = (0.0, 20.0)
    """The actual start after the scheduled one."""
    poll_before_s: float = 20.0
    """Between polls of an event that has not started."""
    poll_live_s: float = 10.0
    """Between polls in play, and in the last two minutes before the start."""
    full_s: float = 540.0
    """A full snapshot at least this often."""
    feed_delay_s: tuple[float, float] = (1.0, 6.0)
    """From what happened to our having read of it."""
    slow_feed_share: float = 0.02
    """Of game records that come later still, by up to ``slow_feed_s``."""
    slow_feed_s: float = 25.0

    # What goes wrong in a game.
    postponed_share: float = 0.015
    """Of games."""
    cancelled_score_share: float = 0.08
    """Of scores in soccer, hockey, baseball and American football: as many more are shown, reviewed and taken
    back."""
    review_share: float = 0.06
    """Of true scores that are reviewed, with betting stopped, and stand."""

    # What goes wrong with quotes.
    freeze_per_event_hour: float = 0.5
    """One book keeps its prices and its old time."""
    freeze_s: tuple[float, float] = (90.0, 360.0)
    swap_per_event_hour: float = 0.25
    """One book shows home and away exchanged."""
    swap_s: tuple[float, float] = (8.0, 20.0)
    drop_per_event_hour: float = 0.12
    """The feed loses the draw (of markets that have none: the second side at one book)."""
    drop_s: tuple[float, float] = (8.0, 20.0)
    stop_per_event_hour: float = 0.25
    """One desk stops a market at a price that nobody else would give."""
    stop_s: tuple[float, float] = (20.0, 60.0)
    outage_per_event_hour: float = 0.05
    """The feed drops the event and comes back."""
    outage_s: tuple[float, float] = (60.0, 180.0)
    stick_per_event_hour: float = 0.4
    """One book, or the exchange, keeps its prices while its time goes on."""
    stick_s: tuple[float, float] = (60.0, 240.0)
    lag_per_event_hour: float = 0.4
    """One brand shows what its desk showed some while ago."""
    lag_s: tuple[float, float] = (90.0, 300.0)
    lag_behind_s: tuple[float, float] = (20.0, 60.0)
    typo_per_event_hour: float = 0.25
    """One book's price is typed wrong: ten times as high, or with its first two digits exchanged."""
    typo_s: tuple[float, float] = (10.0, 40.0)
    other_line_per_event_hour: float = 0.35
    """One book shows the prices of a line that is one to three points away."""
    other_line_s: tuple[float, float] = (20.0, 60.0)
    other_period_per_event_hour: float = 0.25
    """One book shows who wins the first half as if it were the game."""
    other_period_s: tuple[float, float] = (20.0, 60.0)
    regulation_per_event_hour: float = 1.0
    """Where both are quoted, one desk shows the three-way prices without the draw as if they were two-way."""
    regulation_s: tuple[float, float] = (10.0, 30.0)
    suspension_s: tuple[float, float] = (20.0, 60.0)
    """After a score, a red card or a review each desk stops for this long."""
    stale_s: float = 30.0
    """A frozen book counts as stale from this age; before it nobody could tell."""

    # Planted arbitrages: one desk really disagrees.
    arbitrage_per_event_hour: float = 9.0
    arbitrage_s: tuple[float, float] = (30.0, 110.0)
    arbitrage_roi: tuple[float, float] = (0.004, 0.045)
    """Return on the whole stake before rounding."""

    # The exchange.
    exchange_look: tuple[float, float] = (0.9, 0.5)
    """Chance at a poll that its prices moved since the last, in play and before the start."""
    exchange_noise: float = 0.008
    """Spread of its opinion, in log-odds."""
    exchange_spread: tuple[float, float] = (0.002, 0.012)
    """From the fair price to the best on each side, as a share of it, before both go to the next tick."""
    exchange_size_minor: tuple[float, float] = (40_000.0, 1.2)
    """Median and spread (in logs) of the stake that is waiting at a price."""


RATES = Rates()
