"""Where keys belong, by the partitioner that the producers here use, in librdkafka's own words."""

from collections.abc import Callable, Sequence
from ctypes import PyDLL, c_char_p, c_int32, c_size_t, c_void_p
from functools import cache
from itertools import repeat

from confluent_kafka import cimpl

from onex.wire.partitioner import partition_of


def partitions_of(keys: Sequence[bytes], partitions: int) -> list[int]:
    """Partition of each key under murmur2. Keys are not empty."""
    native = _native()
    if native is None:
        return [partition_of(key, partitions) for key in keys]
    return [*map(native, repeat(None), keys, map(len, keys), repeat(partitions), repeat(None), repeat(None))]


@cache
def _native() -> Callable[..., int] | None:
    """``rd_kafka_msg_partitioner_murmur2``: public, and it looks at nothing but the key. None where a build of the
    client hides it."""
    try:
        found = PyDLL(cimpl.__file__).rd_kafka_msg_partitioner_murmur2
    except (AttributeError, OSError):
        return None
    found.restype = c_int32
    found.argtypes = (c_void_p, c_char_p, c_size_t, c_int32, c_void_p, c_void_p)
    return found
