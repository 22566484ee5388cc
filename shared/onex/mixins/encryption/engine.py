"""Envelopes by AES-256-GCM.

Form: ``ONX1``, length of the key's id (one byte), the id, nonce (12), wrapped key (48), nonce (12), data with tag.
"""

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onex.errors import CompositionError, RejectedError
from onex.mixins.encryption.model_encryption_subcontract import ModelEncryptionSubcontract

_MAGIC = b"ONX1"
_NONCE, _WRAPPED = 12, 48


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


class EncryptionEngine:
    """See :class:`ProtocolEncryption`. Any thread."""

    def __init__(self, settings: ModelEncryptionSubcontract) -> None:
        self._most = settings.max_bytes
        self._keys = {key.id: AESGCM(key.raw) for key in settings.keys}
        self._active = settings.active_key or next(iter(self._keys), "")

    def encrypt(self, data: bytes, *, purpose: str = "") -> bytes:
        """See the protocol."""
        if len(data) > self._most:
            raise RejectedError(f"{len(data)} bytes are too many to encrypt; {self._most} are allowed")
        key = AESGCM.generate_key(256)
        return _Envelope(self._active, self._wrap(key), _seal(AESGCM(key), data, purpose.encode())).dump()

    def decrypt(self, envelope: bytes, *, purpose: str = "") -> bytes:
        """See the protocol."""
        found = _parse(envelope)
        return _open(AESGCM(self._unwrap(found)), found.sealed, purpose.encode())

    def rewrap(self, envelope: bytes) -> bytes:
        """See the protocol."""
        found = _parse(envelope)
        return _Envelope(self._active, self._wrap(self._unwrap(found)), found.sealed).dump()

    def key_of(self, envelope: bytes) -> str:
        """See the protocol."""
        return _parse(envelope).key_id

    def _wrap(self, key: bytes) -> bytes:
        active = self._keys.get(self._active)
        if active is None:
            raise CompositionError("no key to encrypt with; give MixinEncryption `keys` in the contract")
        return _seal(active, key, self._active.encode())

    def _unwrap(self, envelope: _Envelope) -> bytes:
        key = self._keys.get(envelope.key_id)
        if key is None:
            raise RejectedError(f"the key {envelope.key_id!r} of this envelope is not among ours")
        return _open(key, envelope.wrapped, envelope.key_id.encode())


def _parse(data: bytes) -> _Envelope:
    start = len(_MAGIC) + 1
    if not data.startswith(_MAGIC) or len(data) < start:
        raise RejectedError("this is no envelope")
    wrapped = start + data[len(_MAGIC)]
    sealed = wrapped + _NONCE + _WRAPPED
    if len(data) < sealed + _NONCE:
        raise RejectedError("this envelope is cut off")
    return _Envelope(data[start:wrapped].decode(errors="replace"), data[wrapped:sealed], data[sealed:])


def _seal(key: AESGCM, data: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + key.encrypt(nonce, data, bound_to)


def _open(key: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to)
    except InvalidTag:
        raise RejectedError("this envelope was altered, or is for another purpose") from None
