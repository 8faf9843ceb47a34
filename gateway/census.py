"""How many games there are and how many opportunities stand open, counted when somebody asks."""

import asyncio
from collections import Counter

from gateway.hub import Hub
from pipeline.records import Arbitrages, GameStatus, ValueBets
from pipeline.telemetry import GAMES, GATES, KEPT_BACK, OPEN_OPPORTUNITIES, SUSPICIONS, label
from pipeline.telemetry import KINDS as OPEN

SUSPECT, GATED = KEPT = ("suspect", "gated")
KINDS = (*OPEN, *KEPT)
REASONS = {SUSPECT: SUSPICIONS, GATED: GATES}
GAUGES = {kind: OPEN_OPPORTUNITIES.labels(kind) for kind in KINDS}
GAUGES |= {str(status): GAMES.labels(status) for status in GameStatus}
GAUGES |= {
    f"{kind} {reason}": KEPT_BACK.labels(kind, reason)
    for kind, reasons in REASONS.items()
    for reason in (*reasons, "other")
}
#: Events after which others get their turn: what has just changed has not been decoded yet.
TURN = 20


class Census:
    """The numbers of a hub. Only events that changed since the last count are looked at again."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._of_event: dict[str, Counter[str]] = {}
        self._total: Counter[str] = Counter()

    async def count(self) -> None:
        """Bring the gauges up to date."""
        for turn, event in enumerate(tuple(self._hub.changed), 1):
            self._hub.changed.discard(event)
            self._total.subtract(self._of_event.pop(event, {}))
            if found := counted(self._hub, event):
                self._of_event[event] = found
                self._total.update(found)
            if turn % TURN == 0:
                await asyncio.sleep(0)
        for name, gauge in GAUGES.items():
            gauge.set(self._total[name])


def counted(hub: Hub, event: str) -> Counter[str]:
    """What one event adds: its status, its opportunities by kind, and why some are kept back."""
    found: Counter[str] = Counter()
    if game := hub.latest("games.states", event) or hub.latest("games.probabilities", event):
        found[str(game.status)] = 1
    value, arbitrage = hub.latest("bets.value", event), hub.latest("bets.arbitrage", event)
    found.update(opportunities(value, arbitrage))
    reasons = [(GATED, reason) for bet in (value.gated if value else ()) for reason in bet.reasons]
    reasons += [
        (SUSPECT, reason) for one in (arbitrage.arbitrages if arbitrage else ()) for reason in one.suspect
    ]
    found.update(f"{kind} {label(reason, REASONS[kind])}" for kind, reason in reasons)
    return found


def opportunities(value: ValueBets | None, arbitrage: Arbitrages | None) -> dict[str, int]:
    """How many stand open of each kind, and how many are suspect or gated."""
    found = dict.fromkeys(KINDS, 0)
    if value:
        found["value"], found[GATED] = len(value.bets), len(value.gated)
    for one in arbitrage.arbitrages if arbitrage else ():
        kind = SUSPECT if one.suspect else one.kind
        found[kind] = found.get(kind, 0) + 1
    return found
