"""Envelope encryption with AES-256-GCM.

Format: ``ONX1``, length of the key id (1 byte), key id, nonce (12 bytes), encrypted data key (48 bytes), nonce (12
bytes), encrypted data with its tag.
"""

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typing_extensions import override

from onex.errors import CompositionError, OutageError, RejectedError
from onex.mixins.encryption.model_encryption_subcontract import ModelEncryptionSubcontract
from onex.mixins.encryption.protocol_encryption import ProtocolEncryption
from onex.util.clock import ProtocolClock, SystemClock

_MAGIC = b"ONX1"
_NONCE, _WRAPPED = 12, 48
_PROBE = "onex health check"
"""Purpose of what the health check encrypts."""


@dataclass(frozen=True, slots=True)
class _Envelope:
    key_id: str
    wrapped: bytes
    """Nonce and encrypted data key."""
    sealed: bytes
    """Nonce and encrypted data."""

    def dump(self) -> bytes:
        name = self.key_id.encode()
        return _MAGIC + bytes([len(name)]) + name + self.wrapped + self.sealed


class EncryptionEngine(ProtocolEncryption):
    """Encrypts and decrypts with the keys of the subcontract. Any thread."""

    def __init__(self, settings: ModelEncryptionSubcontract, clock: ProtocolClock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._max_bytes = settings.max_bytes
        self._warn_ms = round(settings.warn_before_end_seconds * 1000)
        self._ends_ms = {key.id: key.until_ms for key in settings.keys}
        self._keys = {key.id: AESGCM(key.raw) for key in settings.keys}
        self._active = settings.active_key or next(iter(self._keys), "")

    @override
    def encrypt(self, data: bytes, *, purpose: str = "") -> bytes:
        if len(data) > self._max_bytes:
            raise RejectedError(f"{len(data)} bytes are too many to encrypt; {self._max_bytes} are allowed")
        key = AESGCM.generate_key(256)
        return _Envelope(self._active, self._wrap(key), _seal(AESGCM(key), data, purpose.encode())).dump()

    @override
    def decrypt(self, envelope: bytes, *, purpose: str = "") -> bytes:
        parsed = _parse(envelope)
        return _open(AESGCM(self._unwrap(parsed)), parsed.sealed, purpose.encode())

    @override
    def rewrap(self, envelope: bytes) -> bytes:
        parsed = _parse(envelope)
        return _Envelope(self._active, self._wrap(self._unwrap(parsed)), parsed.sealed).dump()

    @override
    def key_of(self, envelope: bytes) -> str:
        return _parse(envelope).key_id

    async def probe_keys(self) -> None:
        """Raise the reason why nothing can be encrypted, or not decrypted again."""
        sample = os.urandom(_NONCE)
        if self.decrypt(self.encrypt(sample, purpose=_PROBE), purpose=_PROBE) != sample:
            raise OutageError(f"the key {self._active} does not decrypt what it encrypts")

    async def probe_end(self) -> None:
        """Raise OutageError when the active key ends soon."""
        self._require_alive(self._clock.now_ms() + self._warn_ms, "ends soon")

    def _require_alive(self, at_ms: int, problem: str) -> None:
        if at_ms >= self._ends_ms.get(self._active, float("inf")):
            raise OutageError(
                f"the key {self._active} {problem}; add another one to `keys` and make it active",
                for_all=True,
            )

    def _wrap(self, key: bytes) -> bytes:
        active = self._keys.get(self._active)
        if active is None:
            raise CompositionError("no key to encrypt with; set `keys` of MixinEncryption in the contract")
        self._require_alive(self._clock.now_ms(), "has ended")
        return _seal(active, key, self._active.encode())

    def _unwrap(self, envelope: _Envelope) -> bytes:
        key = self._keys.get(envelope.key_id)
        if key is None:
            raise RejectedError(f"the key {envelope.key_id!r} of this envelope is not configured")
        return _open(key, envelope.wrapped, envelope.key_id.encode())


def _parse(data: bytes) -> _Envelope:
    start = len(_MAGIC) + 1
    if not data.startswith(_MAGIC) or len(data) < start:
        raise RejectedError("not an encrypted envelope")
    wrapped = start + data[len(_MAGIC)]
    sealed = wrapped + _NONCE + _WRAPPED
    if len(data) < sealed + _NONCE:
        raise RejectedError("the envelope is truncated")
    return _Envelope(data[start:wrapped].decode(errors="replace"), data[wrapped:sealed], data[sealed:])


def _seal(key: AESGCM, data: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + key.encrypt(nonce, data, bound_to)


def _open(key: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to)
    except InvalidTag:
        raise RejectedError("the envelope was altered, or has another purpose") from None
