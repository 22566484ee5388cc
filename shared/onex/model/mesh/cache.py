"""What the instances of a node say to each other about their caches."""

from datetime import datetime

from onex.model.message import Message


class CacheInvalidated(Message, key="namespace"):
    """Entries of a cache are no longer true. Every instance with this namespace removes them."""

    namespace: str
    """The node and the version of its contract."""
    origin: str
    """The process that removed them first."""
    keys: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """Entries with one of these tags."""
    everything: bool = False
    at: datetime
