"""Begin and end of a batch by partition: whatever is missed here is not read again after an abort."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from onex.agent.message.batch import span_of
from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import Partition, Position

Place = tuple[str, int]


def _record(topic: str, partition: int, offset: int) -> MemoryRecord:
    return MemoryRecord(topic, partition, offset, b"k", None, (), 0)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2), st.integers(1, 3)), max_size=40))
def test_every_partition_has_its_first_and_its_last_offset(steps: Sequence[tuple[str, int, int]]) -> None:
    """Steps of more than one are the gaps that markers of transactions leave."""
    reached: dict[Place, int] = {}
    records: list[MemoryRecord] = []
    for topic, partition, step in steps:
        offset = reached[topic, partition] = reached.get((topic, partition), 0) + step
        records.append(_record(topic, partition, offset))
    first, positions = span_of(records)
    offsets: dict[Partition, list[int]] = {}
    for record in records:
        offsets.setdefault(Partition(record.topic(), record.partition()), []).append(record.offset())
    assert first == {partition: min(found) for partition, found in offsets.items()}
    assert positions == {partition: Position(max(found) + 1) for partition, found in offsets.items()}


def test_a_record_between_two_of_another_topic_counts() -> None:
    first, positions = span_of([_record("a", 0, 5), _record("b", 0, 9), _record("a", 0, 7)])
    assert first == {Partition("a", 0): 5, Partition("b", 0): 9}
    assert positions == {Partition("a", 0): Position(8), Partition("b", 0): Position(10)}
