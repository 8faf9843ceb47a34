import asyncio
import time
from collections.abc import Iterator

from gateway.http.endpoint import TURN_S, in_turns


def test_others_get_their_turn_while_much_is_looked_through() -> None:
    turns: list[str] = []

    def slow() -> Iterator[int]:
        for number in range(5):
            until_s = time.perf_counter() + 2.0 * TURN_S  # as decoding would
            while time.perf_counter() < until_s:
                pass
            yield number

    async def look() -> None:
        async for number in in_turns(slow()):
            turns.append(str(number))

    async def others() -> None:
        while len(turns) < 9:
            turns.append("others")
            await asyncio.sleep(0)

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(look())
            tasks.create_task(others())

    asyncio.run(both())
    assert turns[:8] == ["0", "others", "1", "others", "2", "others", "3", "others"]
