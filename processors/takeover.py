"""A killed worker's place in its group, taken at once by its successor.

The group would wait a whole session for the dead. A lock on the worker's folder proves that its predecessor
has ended; the member id that it left there is enough to take it out of the group.
"""

import asyncio
import fcntl
import logging
import os
from pathlib import Path
from typing import IO

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

from pipeline.telemetry import say

MEMBER = "member"
LOCK = "lock"
TIMEOUT_S = 5.0

logger = logging.getLogger(__name__)


def lock(folder: Path) -> IO[str]:
    """Hold a worker's folder for as long as the returned file lives; waits for a predecessor to end."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(logger, "another process is this worker; waiting until it ends", folder=folder)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def remember(folder: Path, member_id: str) -> None:
    """Keep the member id for a successor; an empty one leaves the last, which may still have to be ended."""
    if member_id:
        fresh = folder / f"{MEMBER}.fresh"
        fresh.write_text(member_id)
        os.replace(fresh, folder / MEMBER)


def leave(bootstrap: str, group: str, folder: Path) -> None:
    """Take the member that last worked from this folder out of its group, if it is still in it.

    Where that fails nothing is lost but time: the group drops the dead member when its session ends.
    """
    note = folder / MEMBER
    if not note.exists():
        return
    member_id = note.read_text()
    try:
        error_code = asyncio.run(asyncio.wait_for(_leave(bootstrap, group, member_id), TIMEOUT_S))
    except (KafkaError, TimeoutError, OSError) as error:
        say(logger, "a member could not be taken out of its group", logging.WARNING, error=repr(error))
        return
    note.unlink()
    say(logger, "left the group as the member before", member=member_id[-12:], error=error_code)


async def _leave(bootstrap: str, group: str, member_id: str) -> int:
    client = AIOKafkaClient(bootstrap_servers=bootstrap.split(","))
    await client.bootstrap()
    try:
        node = await client.coordinator_lookup(CoordinationType.GROUP, group)
        await client.ready(node)
        answer = await client.send(node, LeaveGroupRequest(group, member_id))
        return int(answer.error_code)
    finally:
        await client.close()
