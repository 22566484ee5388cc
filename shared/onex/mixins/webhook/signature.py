"""Signatures of Standard Webhooks: HMAC-SHA256 over id, time and body."""

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
"""Beginning of a secret whose key is in base64."""


def sign(secret: str, identity: str, timestamp: int, body: bytes) -> str:
    """Return ``v1,`` and the signature in base64. ``timestamp`` is Unix time in seconds."""
    signed = f"{identity}.{timestamp}.".encode() + body
    digest = hmac.digest(key_of(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def key_of(secret: str) -> bytes:
    """Return the key of a secret. Raise ValueError for a damaged one, without it."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise ValueError("a secret that begins with whsec_ must continue with base64") from None
    return secret.encode()
