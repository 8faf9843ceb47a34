"""Clients that asked for the same hear the same: one encoding, one write a client and round."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from gateway.answers import News
from gateway.client import NEVER_LEFT_OUT, Client
from gateway.filters import Filter

Index = tuple[str, str, str, str]
"""Topic, event, sport, league; the last three may be empty, which is all of them."""
ALL: frozenset[Filter] = frozenset()


def only(filters: Iterable[Filter | None]) -> frozenset[Filter]:
    """What any of these lets through; empty where one of them is None and lets all through."""
    found = frozenset(filters)
    return ALL if None in found else frozenset(one for one in found if one is not None)


class Want(NamedTuple):
    """A channel as one client may want it."""

    about: Index
    filter: Filter | None
    conflate_ms: int


class Group:
    """``pending`` is told in the next round; ``held`` when its time to be conflated is over."""

    def __init__(self, wants: frozenset[Want], heartbeat: Callable[[], bytes]) -> None:
        self.wants = wants
        self.clients: dict[Client, None] = {}
        """In the order in which they came, so that the kernel's memory of them is walked as it lies."""
        self.pending: list[tuple[News, frozenset[Filter]]] = []
        self._held: dict[int, dict[tuple[str, str], tuple[News, frozenset[Filter], bool]]] = {}
        self._heartbeat = heartbeat
        self._by_index: dict[Index, list[Want]] = defaultdict(list)
        for want in wants:
            self._by_index[want.about].append(want)

    @property
    def holds(self) -> bool:
        """Whether updates are held back, so that no cursor may be told yet."""
        return bool(self._held)

    def take(self, news: News, indexes: Iterable[Index]) -> bool:
        """Keep an update for the next round, where it shows these clients something; say whether it is so."""
        wanted = [want for index in indexes for want in self._by_index.get(index, ())]
        filters = only(want.filter for want in wanted)
        if not news.shows(filters):
            return False
        conflate_ms = min(want.conflate_ms for want in wanted)
        topic, key = news.answer.message[:2]
        if conflate_ms == 0 or topic in NEVER_LEFT_OUT:
            self.pending.append((news, filters))
            return True
        if conflate_ms not in self._held:
            self._held[conflate_ms] = {}
            asyncio.get_running_loop().call_later(conflate_ms / 1_000, self._release, conflate_ms)
        is_newer = self._held[conflate_ms].pop((topic, key), None) is not None
        self._held[conflate_ms][topic, key] = news, filters, is_newer
        return False

    def flush(self) -> None:
        """Tell what is pending: one write where a client has room."""
        pending, self.pending = self.pending, []
        if not pending:
            return
        with_cursor = not self.holds
        frames = b"".join([news.frame(filters, with_cursor=with_cursor) for news, filters in pending])
        for client in self.clients:
            if client.has_room:
                client.line.write(frames)
            else:
                for news, filters in pending:
                    client.update(news, filters, conflated=False, with_cursor=with_cursor)

    def tell_held(self, client: Client) -> None:
        """Tell one client, who is about to leave, what is held back."""
        for held in self._held.values():
            for news, filters, conflated in held.values():
                client.update(news, filters, conflated=conflated, with_cursor=False)

    def _release(self, conflate_ms: int) -> None:
        self.flush()
        for news, filters, conflated in self._held.pop(conflate_ms).values():
            for client in self.clients:
                client.update(news, filters, conflated=conflated, with_cursor=False)
        if not self.holds:  # the updates came without a cursor; now everything before this one was told
            frame = self._heartbeat()
            for client in self.clients:
                client.write(frame)


class Groups:
    """Every group by what its clients want, and by what of that an update may match."""

    def __init__(self, heartbeat: Callable[[], bytes]) -> None:
        self._heartbeat = heartbeat
        self._by_wants: dict[frozenset[Want], Group] = {}
        self._of: dict[Client, Group] = {}
        self._listening: dict[Index, set[Group]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._by_wants)

    def of(self, client: Client) -> Group | None:
        return self._of.get(client)

    def move(self, client: Client) -> None:
        """Put a client where what is live for it belongs."""
        wants = frozenset(
            Want((c.topic, c.event, c.sport, c.league), c.filter, subscription.conflate_ms)
            for subscription in client.live.values()
            for c in subscription.channels
        )
        left = self._of.pop(client, None)
        if left is not None:
            left.tell_held(client)
            left.clients.pop(client, None)
            if not left.clients:
                self._forget(left)
        if not wants:
            return
        group = self._by_wants.get(wants)
        if group is None:
            group = self._by_wants[wants] = Group(wants, self._heartbeat)
            for want in wants:
                self._listening[want.about].add(group)
        group.clients[client] = None
        self._of[client] = group

    def matching(self, topic: str, event: str, sport: str, league: str) -> dict[Group, list[Index]]:
        """The groups that may want an update, each with the channels by which it does."""
        found: dict[Group, list[Index]] = {}
        if not self._listening:
            return found
        for one_event in ("", event):
            for one_sport in ("", sport):
                for one_league in ("", league):
                    index = topic, one_event, one_sport, one_league
                    for group in self._listening.get(index, ()):
                        found.setdefault(group, []).append(index)
        return found

    def _forget(self, group: Group) -> None:
        del self._by_wants[group.wants]
        for want in group.wants:
            self._listening[want.about].discard(group)
            if not self._listening[want.about]:
                del self._listening[want.about]
