"""Records and places in topics, as every client of the mesh has them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from onex.model.outgoing import Headers

Emitted = tuple[str, bytes | None, bytes | None, Headers]
"""Topic, value, key, headers of a record to write. A plain tuple, because one is made for every output."""


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Position(NamedTuple):
    """The next offset that a group reads, and the text that is stored with it in the group's commit."""

    offset: int
    metadata: str = ""


NOWHERE: Mapping[Partition, Position] = MappingProxyType({})
"""No positions to commit."""


class ProtocolRecord(Protocol):
    """A record in the shape of librdkafka's ``Message``. The engine never copies it into another shape."""

    __slots__ = ()

    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Headers | None:
        """Return names and values.

        May raise for a record of a consumer; then it must not be called again. See
        :mod:`onex.agent.message.unreadable_headers`.
        """
        ...

    def timestamp(self) -> tuple[int, int]:
        """Return the type of the timestamp, and milliseconds since 1970."""
        ...
