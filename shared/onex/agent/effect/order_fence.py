"""Keys that wait for a dead letter (``error_handling.dead_letter.order_fence``).

When a message becomes a dead letter, the engine writes a placeholder on the retry topic where the message would have
waited, and later messages of its key queue behind it. The replay of the dead letter, or the command that drops it,
releases the placeholder.
"""

import asyncio
from collections.abc import Collection

from onex.agent.effect.outcome import Task
from onex.bus.protocols import Partition

_Fence = tuple[Partition, bytes]


class OrderFences:
    """The placeholders on the assigned retry partitions, by message id. Lives on the event loop."""

    def __init__(self) -> None:
        self._releases: dict[_Fence, asyncio.Queue[Task]] = {}
        self._next: dict[_Fence, asyncio.Future[Task]] = {}

    def add(self, partition: Partition, message_id: bytes) -> None:
        """Add a placeholder that is on the retry topic."""
        self._releases.setdefault((partition, message_id), asyncio.Queue())

    def release(self, message_id: bytes, task: Task) -> bool:
        """Have a replay, or the drop of a dead letter, run in place of its placeholder. Return False without one."""
        fence = task.partition, message_id
        releases = self._releases.get(fence)
        if releases is None:
            return False
        next_release = self._next.get(fence)
        if next_release is not None and not next_release.done():
            next_release.set_result(task)
        else:
            releases.put_nowait(task)
        return True

    def next_release(self, partition: Partition, message_id: bytes) -> "asyncio.Future[Task]":
        """Return a future of the next replay of the dead letter, or of its drop."""
        fence = partition, message_id
        self._next[fence] = next_release = asyncio.get_running_loop().create_future()
        if not self._releases[fence].empty():
            next_release.set_result(self._releases[fence].get_nowait())
        return next_release

    def forget(self, partition: Partition, message_id: bytes) -> None:
        """Remove a placeholder that was released."""
        self._releases.pop((partition, message_id), None)
        self._next.pop((partition, message_id), None)

    def forget_all(self, partitions: Collection[Partition]) -> None:
        """Remove the placeholders of partitions that are assigned to another instance."""
        for fence in [fence for fence in self._releases if fence[0] in partitions]:
            self.forget(*fence)
