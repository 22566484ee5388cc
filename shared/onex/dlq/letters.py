"""Reading dead letters."""

from collections.abc import Iterator
from dataclasses import dataclass

from onex.agent import dead_letter as d
from onex.bus.protocols import Headers, Partition, ProtocolEventBus, ProtocolRecord
from onex.model.contract import ModelContract
from onex.model.errors import MissingTopicError


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: the original record, and what is known of its failure."""

    record: ProtocolRecord
    facts: dict[str, str]
    """Headers ``onex-dlq-*`` without the prefix."""

    @property
    def place(self) -> str:
        """``partition:offset`` in the dead-letter topic; names a letter on the command line."""
        return f"{self.record.partition()}:{self.record.offset()}"

    @property
    def original_headers(self) -> Headers:
        """Headers of the record as it was."""
        return [pair for pair in self.record.headers() or [] if not pair[0].startswith(d.PREFIX)]


def read_letters(bus: ProtocolEventBus, contract: ModelContract) -> Iterator[DeadLetter]:
    """All dead letters of a node, oldest first per partition. Raises MissingTopicError, BusError."""
    topic = contract.dead_letter_topic
    state = bus.admin.topics([topic]).get(topic)
    if state is None:
        raise MissingTopicError(f"topic {topic} does not exist; run `onex apply`")
    reader = bus.read({Partition(topic, number): 0 for number in range(state.partitions)})
    try:
        for record in reader.until_end():
            facts = {
                name.removeprefix(d.PREFIX): value.decode(errors="replace")
                for name, value in record.headers() or []
                if name.startswith(d.PREFIX)
            }
            if facts.get("node") == contract.name:
                yield DeadLetter(record, facts)
    finally:
        reader.close()
