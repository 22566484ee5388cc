"""A record whose headers cannot be read. The engine carries it to its dead letter as a record without headers.

It replaces the record as soon as reading has failed, because the headers may be read only once. With
confluent-kafka 2.16, the first call of ``Message.headers`` sets an error and returns a list with a null pointer in
it when the name of a header is not UTF-8. CPython raises a SystemError, but not when the line of Python that calls
the method is hot: then the first access to the list ends the interpreter, and so it does after a second call, which
sets no error. The engine reads headers of a record for the first time in
:func:`~onex.agent.message.envelope.read_envelopes` or :func:`~onex.agent.message.envelope.with_headers`, and nowhere
else.
"""

from dataclasses import dataclass

from typing_extensions import override

from onex.bus.protocols import Headers
from onex.errors import PoisonError
from onex.wire.wrapped_record import WrappedRecord


@dataclass(frozen=True, slots=True)
class UnreadableHeaders(WrappedRecord):
    """A record without its headers, and the reason."""

    reason: PoisonError | MemoryError
    """MemoryError: memory was short, and the headers may be readable."""

    @override
    def headers(self) -> Headers | None:
        return None
