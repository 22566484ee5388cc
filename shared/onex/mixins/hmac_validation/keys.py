"""The keys of signatures over time."""

import hmac
import os
from collections.abc import Iterable, Sequence

from onex.errors import OutageError, RejectedError
from onex.mixins.hmac_validation.model_hmac_validation_subcontract import ModelHmacKey
from onex.mixins.hmac_validation.signature import Algorithm, Signature, code_of


class KeyRing:
    """Signs with the newest key, and checks with any. Any thread."""

    def __init__(self, keys: Iterable[ModelHmacKey], algorithm: Algorithm) -> None:
        self._keys = {key.id: (key, key.raw, key.since_ms, key.until_ms) for key in keys}
        self._algorithm = algorithm
        self._signer: tuple[ModelHmacKey | None, float, float] = (None, 0, 0)
        """The key that signs, and the times between which it is the newest."""

    def __len__(self) -> int:
        return len(self._keys)

    def signer(self, now_ms: int) -> ModelHmacKey:
        """Return the key that signs at this time. Raise OutageError when none does."""
        key, since_ms, until_ms = self._signer
        if key is not None and since_ms <= now_ms < until_ms:
            return key
        usable = [(since, key) for key, _, since, until in self._keys.values() if since <= now_ms < until]
        if not usable:
            raise OutageError(
                "no key signs; add one to `keys` of MixinHMACValidation that has begun and not ended", for_all=True
            )
        key = max(usable, key=lambda pair: pair[0])[1]
        later = [since for _, _, since, _ in self._keys.values() if since > now_ms]
        self._signer = key, now_ms, min([key.until_ms, *later])
        return key

    def sign(self, purpose: bytes, parts: Sequence[bytes | None], now_ms: int) -> Signature:
        """Return a signature with the newest key. Raise OutageError when no key signs now."""
        key_id = self.signer(now_ms).id
        unsigned = Signature(key_id, now_ms, os.urandom(16).hex())
        code = code_of(self._keys[key_id][1], self._algorithm, purpose, unsigned, parts)
        return Signature(key_id, now_ms, unsigned.nonce, code)

    def check(self, purpose: bytes, parts: Sequence[bytes | None], signature: Signature) -> None:
        """Raise RejectedError unless the signature is one over these parts, by a key that had not ended."""
        known = self._keys.get(signature.key_id)
        if known is None:
            raise RejectedError("the signature names a key that is not configured")
        _, raw, _, until = known
        expected = code_of(raw, self._algorithm, purpose, signature, parts)
        if not hmac.compare_digest(expected, signature.code):
            raise RejectedError("the signature is wrong")
        if signature.at_ms >= until:
            raise RejectedError(f"the signature is later than the end of its key {signature.key_id}")
