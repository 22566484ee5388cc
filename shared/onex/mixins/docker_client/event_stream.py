"""Events of the engine, through a queue with a limit."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from aiodocker import Docker, DockerError
from aiodocker.channel import Channel
from aiohttp import ClientError
from pydantic import BaseModel, Field
from typing_extensions import override

from onex.errors import OutageError
from onex.mixins.docker_client.failures import DAMAGED
from onex.mixins.docker_client.protocol_docker_client import DockerEvent

_WAITING: Final = 100
"""Events that wait for a slow reader. The engine waits when there are more."""
_NS_PER_MS: Final = 1_000_000


class _Actor(BaseModel):
    id: str = Field(default="", alias="ID")
    attributes: dict[str, str] = Field(default_factory=dict, alias="Attributes")


class _Event(BaseModel):
    type: str = Field(default="", alias="Type")
    action: str = Field(default="", alias="Action")
    actor: _Actor = Field(default_factory=_Actor, alias="Actor")
    time_ns: int = Field(default=0, alias="timeNano")


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event that arrived."""

    event: DockerEvent


Queue = asyncio.Queue[Arrived | Exception]
"""Events, and at last the reason why there are no more."""


class _Bounded(Channel):
    """The queue of aiodocker's own channel has no limit."""

    def __init__(self, queue: Queue) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # aiodocker does not annotate it
        self._queue = queue

    @override
    async def publish(self, message: dict[str, object] | None) -> None:
        if message is not None:
            found = _Event.model_validate(message)
            actor = found.actor
            event = DockerEvent(found.type, found.action, actor.id, actor.attributes, found.time_ns // _NS_PER_MS)
            await self._queue.put(Arrived(event))


@asynccontextmanager
async def event_queue(docker: Docker, filters: Mapping[str, Sequence[str]], since: float) -> AsyncIterator[Queue]:
    """Return a queue that this engine's events arrive in."""
    queue: Queue = asyncio.Queue(_WAITING)
    docker.events.channel = _Bounded(queue)
    parameters = {"filters": json.dumps({name: list(values) for name, values in filters.items()})}
    if since:
        parameters["since"] = f"{since:.9f}"

    async def read() -> None:
        try:
            await docker.events.run(timeout=None, **parameters)
            await queue.put(OutageError("events: the engine ended the stream"))
        except (DockerError, ClientError, OSError, *DAMAGED) as error:  # the reader of the queue raises it
            await queue.put(error)

    reading = asyncio.create_task(read())
    try:
        yield queue
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
