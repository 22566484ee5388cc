"""Kafka's default partitioner (Java client, KIP-480's keyed branch)."""

PARTITIONER_REMEDY = (
    "set the producer's partitioner to murmur2: partitioner=murmur2_random for confluent-kafka and other librdkafka "
    "clients, kcat -X topic.partitioner=murmur2_random"
)


def murmur2(data: bytes) -> int:
    """32-bit murmur2 with Kafka's seed; unsigned."""
    length, m, mask = len(data), 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ length) & mask
    for at in range(0, length & ~3, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    if rest := data[length & ~3 :]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """Partition that every client of the mesh puts this key on."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
