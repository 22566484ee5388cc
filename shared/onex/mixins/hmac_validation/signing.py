"""The side of senders: applications that publish messages or send requests."""

from collections.abc import Mapping, Sequence

from onex.mixins.hmac_validation.keys import KeyRing
from onex.mixins.hmac_validation.model_hmac_validation_subcontract import ModelHMACValidationSubcontract
from onex.mixins.hmac_validation.signature import MESSAGE, REQUEST, request_parts
from onex.util.clock import ProtocolClock, SystemClock


class MessageSigner:
    """Signs the messages of an application: ``MeshClient.connect(sign=MessageSigner(settings))``."""

    def __init__(self, settings: ModelHMACValidationSubcontract, clock: ProtocolClock | None = None) -> None:
        """``settings``: keys, algorithm and header. They are those of the receiving node."""
        self._header = settings.header
        self._ring = KeyRing(settings.keys, settings.algorithm)
        self._clock = clock or SystemClock()

    def __call__(self, topic: str, key: bytes | None, message_id: bytes, value: bytes) -> Sequence[tuple[str, bytes]]:
        """Return the header of a record. Raise OutageError when no key signs now."""
        parts = (topic.encode(), key, message_id, value)
        return [(self._header, self._ring.sign(MESSAGE, parts, self._clock.now_ms()).text.encode())]


def sign(
    settings: ModelHMACValidationSubcontract,
    method: str,
    target: str,
    body: bytes = b"",
    clock: ProtocolClock | None = None,
) -> Mapping[str, str]:
    """Return the header of an HTTP request. ``target``: path and query, as on the request line."""
    ring = KeyRing(settings.keys, settings.algorithm)
    signature = ring.sign(REQUEST, request_parts(method, target, body), (clock or SystemClock()).now_ms())
    return {settings.header: signature.text}
