"""Partitions of keys, by the partitioner of the producers: librdkafka's own function."""

from collections.abc import Callable, Sequence
from ctypes import PyDLL, c_char_p, c_int32, c_size_t, c_void_p
from functools import cache
from itertools import repeat

from confluent_kafka import cimpl

from onex.wire.partitioner import partition_of


def partitions_of(keys: Sequence[bytes], partitions: int) -> list[int]:
    """Return the partition of each key under murmur2. No key may be empty."""
    native = _native()
    if native is None:
        return [partition_of(key, partitions) for key in keys]
    return [*map(native, repeat(None), keys, map(len, keys), repeat(partitions), repeat(None), repeat(None))]


@cache
def _native() -> Callable[..., int] | None:
    """Return ``rd_kafka_msg_partitioner_murmur2``: a public function that uses only the key.

    None where a build of the client does not export it.
    """
    try:
        function = PyDLL(cimpl.__file__).rd_kafka_msg_partitioner_murmur2
    except (AttributeError, OSError):
        return None
    function.restype = c_int32
    function.argtypes = (c_void_p, c_char_p, c_size_t, c_int32, c_void_p, c_void_p)
    return function
