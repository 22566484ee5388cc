"""Committed positions: what their metadata says, and whether a topic still holds the records that follow.

The metadata of a position is a text of at most 4,095 bytes (``offset.metadata.max.bytes``). An effect stores the
offsets beyond the position that are done; a stateful node stores a mark of its changelog.
"""

import zlib
from base64 import b85decode, b85encode
from typing import NamedTuple

from onex.wire.record import Position

FITS = 26_000
"""Offsets from the position on that always fit into the metadata: one bit each, at most 4,063 characters."""
_MOST_BYTES = 16_384
"""Limit of a set that is read: another version may write a larger set than ours, but not an unbounded one."""
_RAW, _PACKED = "r", "z"
_PERHAPS_MARKERS = 1000
"""A position is one after that of the last record. Behind it there may be markers of transactions, and records of
those that were aborted. When they are deleted, nothing shows what they were."""


def packed(base: int, done: set[int]) -> str:
    """Return a set of offsets as metadata of the position ``base``.

    Offsets for which there is no room are left out, so that no commit is refused for its length.
    """
    if not done:
        return ""
    if max(done) - base >= FITS:
        return packed(base, {offset for offset in done if offset < base + FITS})
    bits = bytearray((max(done) - base) // 8 + 1)
    for offset in done:
        bits[(offset - base) // 8] |= 1 << (offset - base) % 8
    compressed = zlib.compress(bytes(bits), 6)
    if len(compressed) < len(bits):
        return _PACKED + b85encode(compressed).decode()
    return _RAW + b85encode(bytes(bits)).decode()


def done_beyond(position: Position) -> frozenset[int]:
    """Return the offsets beyond a position that are done; none for metadata of another writer."""
    kind, text = position.metadata[:1], position.metadata[1:]
    if kind not in (_RAW, _PACKED):
        return frozenset()
    try:
        bits = b85decode(text)
        if kind == _PACKED:
            unpacking = zlib.decompressobj()
            bits = unpacking.decompress(bits, _MOST_BYTES)
            if not unpacking.eof:
                return frozenset()
    except (ValueError, zlib.error):
        return frozenset()
    return frozenset(
        position.offset + at * 8 + bit for at, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1
    )


class Mark(NamedTuple):
    """What the metadata of a position says about the state that came of the records before it."""

    identity: str
    """Of the changelog topic."""
    checkpoint: int
    """Offset that the changelog had reached."""

    def text(self) -> str:
        """Return the mark as metadata of a position."""
        return f"changelog {self.identity} {self.checkpoint}"


UNFINISHED = Mark("unfinished", 0)
"""Mark of positions while an operator's command deletes the state: no agent may continue from them."""

_RESTORING = "restoring-"


def restoring(identity: str) -> Mark:
    """Return the mark of positions while a command writes the state of a checkpoint: no agent may continue."""
    return Mark(_RESTORING + identity, 0)


def in_progress(mark: Mark | None) -> tuple[str, str] | None:
    """Return what an operator has begun, and the command to run again. None for any other mark."""
    if mark == UNFINISHED:
        return "deleting the state", "`onex state drop` or `onex state rebuild`"
    if mark is not None and mark.identity.startswith(_RESTORING):
        return "restoring a checkpoint of the state", "`onex state checkpoint restore`"
    return None


def mark_of(position: Position) -> Mark | None:
    """Return the mark of a position; None for a position that an operator or an earlier version has set."""
    match position.metadata.split(" "):
        case ["changelog", identity, checkpoint] if checkpoint.isdecimal():
            return Mark(identity, int(checkpoint))
        case _:
            return None


def out_of_range(offset: int, first: int, end: int) -> str:
    """Return why a committed offset does not fit a partition that holds ``first`` to ``end``; empty when no record is
    lost."""
    if offset + _PERHAPS_MARKERS < first:
        return f"records {offset} to {first - 1} were deleted before they were read"
    if offset > end:
        return f"position {offset} is committed, but the topic ends at {end}: it was made again, or cut"
    return ""
