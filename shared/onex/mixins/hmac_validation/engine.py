"""Checks and makes signatures, and remembers those that it has accepted."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from uuid import uuid4

from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.capability.current_record import ProtocolCurrentRecord, RecordFacts
from onex.errors import AccessDeniedError, CompositionError, RejectedError
from onex.mixins.hmac_validation.keys import KeyRing
from onex.mixins.hmac_validation.model_hmac_validation_subcontract import ModelHMACValidationSubcontract
from onex.mixins.hmac_validation.protocol_hmac_validation import ProtocolHMACValidation
from onex.mixins.hmac_validation.signature import MESSAGE, REQUEST, Signature, request_parts
from onex.mixins.replay_window import ReplayWindow
from onex.model.message import Message
from onex.util.clock import ProtocolClock

_KEY_ID: ContextVar[str] = ContextVar("onex_hmac_key", default="")


class HMACValidationEngine(ProtocolHMACValidation):
    """One for each node. Any thread."""

    def __init__(
        self,
        settings: ModelHMACValidationSubcontract,
        current_message: ProtocolCurrentMessage,
        current_record: ProtocolCurrentRecord,
        window: ReplayWindow,
        clock: ProtocolClock,
    ) -> None:
        self._settings = settings
        self._current_message = current_message
        self._current_record = current_record
        self._window = window
        self._clock = clock
        self._ring = KeyRing(settings.keys, settings.algorithm)
        self._accepted = self._refused = self._repeated = 0

    async def open(self) -> None:
        """Open the replay window. Raise CompositionError without a key, TransientError for a file that is broken."""
        if not self._ring:
            raise CompositionError(
                "MixinHMACValidation has no key; set `keys` in the contract, with values from the environment: "
                "`openssl rand -base64 32` creates one"
            )
        if self._settings.sign_outputs:
            self._ring.signer(self._clock.now_ms())
        self._window.open()

    async def close(self) -> None:
        """Close the replay window."""
        self._window.close()

    async def probe_keys(self) -> None:
        """Raise OutageError when no key signs."""
        self._ring.signer(self._clock.now_ms())

    async def probe_end(self) -> None:
        """Raise OutageError when no key signs a while from now."""
        self._ring.signer(self._clock.now_ms() + round(self._settings.warn_before_end_seconds * 1000))

    def check(self, message: Message) -> None:
        """Raise AccessDeniedError for a message without a valid signature, and for one that was taken before.

        Raise OutageError while no key can sign the result, and while signatures cannot be remembered.
        """
        _KEY_ID.set("")
        if self._settings.sign_outputs:
            self._ring.signer(self._clock.now_ms())  # before the handler: its result must not wait for a key
        if not self._settings.validate_messages:
            return
        record = self._current_record.facts()
        if record is None or record.topic.endswith(self._settings.unsigned_topics):
            return
        text = self._current_message.header(self._settings.header)
        if not text:
            self._refused += 1
            raise AccessDeniedError(
                f"{type(message).__name__} has no signature in the header {self._settings.header}"
            )
        parts = (record.topic.encode(), record.key, record.message_id, record.value)
        signature = self._checked(MESSAGE, parts, text)
        if not record.is_repeated:
            self._require_recent(signature, record.arrived_ms or self._clock.now_ms())
        self._require_first(signature, record)
        self._accepted += 1
        _KEY_ID.set(signature.key_id)

    def headers_of(
        self, topic: str, key: bytes | None, message_id: bytes, value: bytes
    ) -> Sequence[tuple[str, bytes]]:
        """Return the signature of an output."""
        if not self._settings.sign_outputs:
            return ()
        parts = (topic.encode(), key, message_id, value)
        return [(self._settings.header, self._ring.sign(MESSAGE, parts, self._clock.now_ms()).text.encode())]

    @property
    @override
    def key_id(self) -> str:
        if key_id := _KEY_ID.get():
            return key_id
        raise AccessDeniedError("this message is not signed")

    @override
    def sign_request(self, method: str, target: str, body: bytes = b"") -> Mapping[str, str]:
        signature = self._ring.sign(REQUEST, request_parts(method, target, body), self._clock.now_ms())
        return {self._settings.header: signature.text}

    @override
    def verify_request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
        text = next((value for name, value in headers.items() if name.lower() == self._settings.header), "")
        if not text or len(body) > self._settings.max_body_bytes:
            self._refused += 1
            raise AccessDeniedError("the request is too large" if text else "the request has no signature")
        signature = self._checked(REQUEST, request_parts(method, target, body), text)
        self._require_recent(signature, self._clock.now_ms())
        self._require_first(signature, None)
        self._accepted += 1
        return signature.key_id

    def reported_metrics(self) -> Mapping[str, float]:
        """Accepted and refused signatures, repeated ones among them, and those that are remembered."""
        return {
            "accepted": float(self._accepted),
            "refused": float(self._refused),
            "repeated": float(self._repeated),
            "remembered": float(self._window.count),
        }

    def _checked(self, purpose: bytes, parts: Sequence[bytes | None], text: str) -> Signature:
        try:
            signature = Signature.parse(text)
            self._ring.check(purpose, parts, signature)
        except RejectedError as error:
            self._refused += 1
            raise AccessDeniedError(str(error)) from None
        return signature

    def _require_recent(self, signature: Signature, arrived_ms: int) -> None:
        age = (arrived_ms - signature.at_ms) / 1000
        if age > self._settings.max_age_seconds:
            self._refused += 1
            raise AccessDeniedError(f"the signature is {age:.0f} s old; max_age_seconds is less")
        if -age > self._settings.clock_skew_seconds:
            self._refused += 1
            raise AccessDeniedError(f"the signature is {-age:.0f} s in the future; clock_skew_seconds is less")

    def _require_first(self, signature: Signature, record: RecordFacts | None) -> None:
        """Raise AccessDeniedError for a signature that came with another record, or with any request before."""
        place = uuid4().hex if record is None else record.place
        until_ms = self._clock.now_ms() + round(self._settings.remember_seconds * 1000)
        if not self._window.first(signature.code, place, until_ms):
            self._refused += 1
            self._repeated += 1
            raise AccessDeniedError("the signature was used before")
