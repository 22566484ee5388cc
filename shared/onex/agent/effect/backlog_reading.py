"""Reading of retry partitions on assignment, from the committed position to the end.

See :mod:`onex.agent.effect.retry_topic` for their content.
"""

from collections.abc import Collection

from onex.agent.effect.retry_topic import Backlog
from onex.agent.message.envelope import with_headers
from onex.agent.state.chunks import Chunks
from onex.agent.state.restored import Restored
from onex.bus.protocols import Position, ProtocolEventBus
from onex.wire.positions import done_beyond


class BacklogReading:
    """The retry partitions that are being read, by number."""

    def __init__(self, bus: ProtocolEventBus, topic: str) -> None:
        self._chunks = Chunks(bus, topic)
        self._backlogs: dict[int, Backlog] = {}
        self._done: dict[int, Collection[int]] = {}

    def add(self, number: int, committed: Position | None) -> None:
        """Read this partition as well, from its committed position."""
        position = committed or Position(0)
        self._backlogs[number], self._done[number] = Backlog(), done_beyond(position)
        self._chunks.add(number, position.offset)

    def remove(self, number: int) -> None:
        """Stop reading a partition that was revoked. A number that is not being read is ignored."""
        self._backlogs.pop(number, None)
        self._done.pop(number, None)
        self._chunks.remove(number)

    def step(self) -> dict[int, Backlog]:
        """Read a chunk; return the backlogs that are complete now. Raise BusError."""
        reached: dict[int, int] = {}
        for record in map(with_headers, self._chunks.read()):
            number = record.partition()
            if (backlog := self._backlogs.get(number)) is not None:
                backlog.add(record, self._done[number])
                reached[number] = record.offset() + 1
        self._chunks.reached(reached)
        complete = {number: self._backlogs[number] for number in self._chunks.ended()}
        for number in complete:
            self.remove(number)
        return complete

    def progress(self) -> dict[int, Restored]:
        """Return how far each partition is."""
        return self._chunks.progress()

    def close(self) -> None:
        """Stop reading all partitions."""
        for number in [*self._backlogs]:
            self.remove(number)
