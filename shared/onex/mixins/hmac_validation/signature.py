"""The text of a signature, and the bytes that it covers."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from onex.errors import RejectedError

Algorithm = Literal["sha256", "sha512"]
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_FORM = re.compile(r"v1;k=([A-Za-z0-9._-]{1,64});t=([0-9]{1,15});n=([0-9a-f]{32});s=([A-Za-z0-9_-]{43,86})")
MESSAGE, REQUEST = b"onex-hmac-v1 message", b"onex-hmac-v1 request"
"""What a signature is for: one of a request is none of a message."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature. Only its code is a secret's work; the other parts are readable."""

    key_id: str
    at_ms: int
    """Time of the signature, in milliseconds since 1970."""
    nonce: str
    code: bytes = b""

    @property
    def text(self) -> str:
        """The value of the header."""
        code = base64.urlsafe_b64encode(self.code).rstrip(b"=").decode()
        return f"v1;k={self.key_id};t={self.at_ms};n={self.nonce};s={code}"

    @classmethod
    def parse(cls, text: str) -> "Signature":
        """Return the signature in a header. Raise RejectedError for any other text."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise RejectedError("the signature is not of the form v1;k=;t=;n=;s=")
        key_id, at, nonce, code = match.groups()
        return cls(key_id, int(at), nonce, base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))


def code_of(
    key: bytes, algorithm: Algorithm, purpose: bytes, signature: Signature, parts: Sequence[bytes | None]
) -> bytes:
    """Return the authentication code (RFC 2104) over purpose, key id, time, nonce and parts.

    Each part is preceded by its length, so that no two lists of parts have the same bytes.
    """
    covered = (purpose, signature.key_id.encode(), b"%d" % signature.at_ms, signature.nonce.encode(), *parts)
    digest = hmac.new(key, digestmod=_HASHES[algorithm])
    for part in covered:
        digest.update(b"-;" if part is None else b"%d;" % len(part))
        digest.update(part or b"")
    return digest.digest()


def request_parts(method: str, target: str, body: bytes) -> Sequence[bytes]:
    """Return the covered parts of a request. ``target``: path and query, as on the request line."""
    return (method.upper().encode(), target.encode(), body)
