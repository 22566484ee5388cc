"""Reads the current values of one partition of a changelog, in bounded memory: keys, but no values."""

import hashlib
from collections.abc import Callable, Iterator, Mapping

from onex.bus.protocols import Partition, ProtocolEventBus
from onex.checkpoint.records import read_part
from onex.wire.changelog import STATE, TIMERS

Wanted = bytes | None
"""The key of a state, or None for all keys."""


def latest_offsets(
    bus: ProtocolEventBus, partition: Partition, end: int, wanted: Wanted, stopped: Callable[[], bool]
) -> Mapping[bytes, int]:
    """Return the offset of the current value by key, as of ``end``. Raise TransientError, BusError."""
    latest: dict[bytes, int] = {}
    for record in read_part(bus, partition, _first(bus, partition), end, stopped):
        key = record.key() or b""
        if not belongs(key, wanted):
            continue
        if record.value():
            latest[key] = record.offset()
        else:
            latest.pop(key, None)
    return latest


def current(
    bus: ProtocolEventBus, partition: Partition, end: int, latest: Mapping[bytes, int], stopped: Callable[[], bool]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the values at these offsets. Raise TransientError, BusError.

    A value that compaction has removed since is absent: the caller counts.
    """
    offsets = set(latest.values())
    for record in read_part(bus, partition, min(offsets, default=end), end, stopped):
        if record.offset() in offsets:
            yield record.key() or b"", record.value() or b""


def current_digests(bus: ProtocolEventBus, partition: Partition, end: int, wanted: Wanted) -> Mapping[bytes, bytes]:
    """Return a digest of the current value by key of the changelog. Raise BusError."""
    latest: dict[bytes, bytes] = {}
    for record in read_part(bus, partition, _first(bus, partition), end):
        key, value = record.key() or b"", record.value()
        if not belongs(key, wanted):
            continue
        if value:
            latest[key] = digest_of(value)
        else:
            latest.pop(key, None)
    return latest


def digest_of(value: bytes) -> bytes:
    """Return a digest of a value, to compare it with another one."""
    return hashlib.blake2b(value, digest_size=16).digest()


def belongs(key: bytes, wanted: Wanted) -> bool:
    """Whether a key of the changelog is one of a state or timers, and of this key if there is one."""
    return key[:1] in (STATE, TIMERS) and (wanted is None or key[1:] == wanted)


def _first(bus: ProtocolEventBus, partition: Partition) -> int:
    return bus.admin.ends([partition])[partition][0]
