"""Headers that capabilities add to outputs: signatures, for example."""

from collections.abc import Callable, Sequence

from onex.bus.protocols import Emitted
from onex.capability.layer import ProtocolOutputHeaders
from onex.wire import headers as h

Seal = Callable[[Emitted], Emitted]
"""Takes a record whose other headers are complete."""


def seal_of(engines: Sequence[object]) -> Seal | None:
    """Return the function that adds the headers of all these engines; None when none of them adds any."""
    sources = [engine for engine in engines if isinstance(engine, ProtocolOutputHeaders)]
    if not sources:
        return None

    def seal(record: Emitted) -> Emitted:
        topic, value, key, headers = record
        identity = next(text for name, text in headers if name == h.ID)
        added = [pair for source in sources for pair in source.headers_of(topic, key, identity, value or b"")]
        return topic, value, key, [*headers, *added]

    return seal
