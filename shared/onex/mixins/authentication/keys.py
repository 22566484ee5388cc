"""The published keys of an issuer (JWKS, RFC 7517)."""

import json
import time
from collections.abc import Callable

import httpx
import structlog
from jwt import PyJWK, PyJWKSet, PyJWTError

from onex.errors import OutageError, TransientError
from onex.mixins.authentication.model_authentication_subcontract import ModelAuthenticationSubcontract

log = structlog.get_logger(__name__)
_MAX_BYTES = 1_048_576
CHECK = "authentication_keys"
"""Name of the health check."""
"""Size of a key set."""


class PublishedKeys:
    """The keys of the latest successful read, by id. Any thread."""

    def __init__(
        self, settings: ModelAuthenticationSubcontract, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._keys: dict[str | None, PyJWK] = {}
        self._last_read = float("-inf")
        self._read_at = float("-inf")
        """Monotonic time in seconds of the latest successful read."""
        self._failure = ""
        """Why the latest read has failed. Empty when it has not."""

    def find(self, key_id: str | None) -> PyJWK | None:
        """Return the key, or None. An unknown id causes a read, at most once in ``jwks_cooldown_seconds``.

        Raise OutageError for an unknown id when the latest read has failed: whether the issuer publishes it is open.
        """
        key = self._keys.get(key_id)
        if key is None and self._monotonic() - self._last_read >= self._settings.jwks_cooldown_seconds:
            try:
                self.read()
            except TransientError as error:
                log.warning("cannot read the issuer's keys", error=str(error))
            key = self._keys.get(key_id)
        if key is None and self._failure:
            raise OutageError(f"key {key_id} cannot be looked up: {self._failure}", dependency=CHECK)
        return key

    def read(self) -> None:
        """Read the keys from the issuer. On failure the keys stay unchanged and TransientError is raised."""
        self._last_read = self._monotonic()
        url = self._settings.jwks_url
        try:
            keys = PyJWKSet.from_dict(json.loads(_read(url, self._settings.jwks_timeout_seconds))).keys
        except (httpx.HTTPError, PyJWTError, ValueError, AttributeError, TypeError) as error:
            self._failure = f"no keys at {url}: {error}"
            raise TransientError(self._failure) from error
        self._failure = ""
        self._keys = {key.key_id: key for key in keys}
        self._read_at = self._monotonic()

    @property
    def age_seconds(self) -> float:
        """Seconds since the latest successful read. Infinite before the first."""
        return self._monotonic() - self._read_at


def _read(url: str, timeout: float) -> bytes:
    """Return the uncompressed body. Raise ValueError when it is too long for a key set."""
    body = bytearray()
    with httpx.stream("GET", url, timeout=timeout, headers={"accept-encoding": "identity"}) as response:
        response.raise_for_status()
        for part in response.iter_raw():
            body += part
            if len(body) > _MAX_BYTES:
                raise ValueError(f"more than {_MAX_BYTES} bytes")
    return bytes(body)
