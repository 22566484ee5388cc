"""Keys that wait for a dead letter (``error_handling.dead_letter.order_fence``).

When a message dies, a place is kept on the retry topic where it would have waited, and later messages of its
key queue behind that place. Replaying the letter, or dropping it, releases the place.
"""

import asyncio
from collections.abc import Collection

from onex.agent.effect.outcome import Task
from onex.agent.effect.retry_topic import released_id
from onex.bus.protocols import Partition

_Place = tuple[Partition, bytes]


class OrderFences:
    """Places kept on the retry partitions held, by message id. Lives on the loop's thread."""

    def __init__(self) -> None:
        self._releases: dict[_Place, asyncio.Queue[Task]] = {}
        self._coming: dict[_Place, asyncio.Future[Task]] = {}

    def hold(self, partition: Partition, message_id: bytes) -> None:
        """A kept place was read from the retry topic."""
        self._releases.setdefault((partition, message_id), asyncio.Queue())

    def released(self, task: Task) -> bool:
        """Whether a record ends, or tries to end, the waiting for a dead letter; then it runs in the kept place."""
        place = task.partition, released_id(task.record)
        waiting = self._releases.get(place)
        if waiting is None:
            return False
        coming = self._coming.get(place)
        if coming is not None and not coming.done():
            coming.set_result(task)
        else:
            waiting.put_nowait(task)
        return True

    def next_release(self, partition: Partition, message_id: bytes) -> "asyncio.Future[Task]":
        """The next replay of the letter, or its being dropped."""
        place = partition, message_id
        self._coming[place] = coming = asyncio.get_running_loop().create_future()
        if not self._releases[place].empty():
            coming.set_result(self._releases[place].get_nowait())
        return coming

    def forget(self, partition: Partition, message_id: bytes) -> None:
        """The place is free."""
        self._releases.pop((partition, message_id), None)
        self._coming.pop((partition, message_id), None)

    def forget_all(self, partitions: Collection[Partition]) -> None:
        """Partitions are held elsewhere."""
        for place in [place for place in self._releases if place[0] in partitions]:
            self.forget(*place)
