"""Keys that an issuer publishes."""

import json
import time
from collections.abc import Callable

import httpx
import structlog
from jwt import PyJWK, PyJWKSet, PyJWTError

from onex.errors import TransientError
from onex.mixins.authentication.model_authentication_subcontract import ModelAuthenticationSubcontract

log = structlog.get_logger(__name__)
_LONGEST = 1_048_576
"""Bytes of a set of keys."""


class PublishedKeys:
    """Keys by id, as they were the last time. Any thread."""

    def __init__(
        self, settings: ModelAuthenticationSubcontract, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._keys: dict[str | None, PyJWK] = {}
        self._asked = float("-inf")

    def find(self, key_id: str | None) -> PyJWK | None:
        """The key; asks the issuer for one that is not known, but not too often."""
        found = self._keys.get(key_id)
        if found is None and self._monotonic() - self._asked >= self._settings.jwks_cooldown_seconds:
            try:
                self.read()
            except TransientError as error:
                log.warning("keys of the issuer", error=str(error))
            found = self._keys.get(key_id)
        return found

    def read(self) -> None:
        """Ask the issuer. Raises TransientError; the keys stay as they were."""
        self._asked = self._monotonic()
        url = self._settings.jwks_url
        try:
            keys = PyJWKSet.from_dict(json.loads(_read(url, self._settings.jwks_timeout_seconds))).keys
        except (httpx.HTTPError, PyJWTError, ValueError, AttributeError, TypeError) as error:
            raise TransientError(f"no keys at {url}: {error}") from error
        self._keys = {key.key_id: key for key in keys}


def _read(url: str, timeout: float) -> bytes:
    """The body, which is not compressed. Raises ValueError for one that is too long to be a set of keys."""
    body = bytearray()
    with httpx.stream("GET", url, timeout=timeout, headers={"accept-encoding": "identity"}) as answer:
        answer.raise_for_status()
        for part in answer.iter_raw():
            body += part
            if len(body) > _LONGEST:
                raise ValueError(f"more than {_LONGEST} bytes")
    return bytes(body)
