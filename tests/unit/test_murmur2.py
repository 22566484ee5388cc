"""Kafka's partitioner, by the vectors of the Java client's own tests."""

import pytest

from onex.wire.partitioner import murmur2, partition_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_murmur2_equals_javas(text: str, expected: int) -> None:
    assert murmur2(text.encode()) == expected & 0xFFFFFFFF


def test_partitions_are_in_range() -> None:
    assert {partition_of(str(n).encode(), 4) for n in range(100)} == {0, 1, 2, 3}
