"""Keys that an issuer publishes."""

import time
from collections.abc import Callable

import httpx
import structlog
from jwt import PyJWK, PyJWKSet, PyJWTError

from onex.mixins.authentication.model_authentication_subcontract import ModelAuthenticationSubcontract
from onex.model.errors import TransientError

log = structlog.get_logger(__name__)


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
            answer = httpx.get(url, timeout=self._settings.jwks_timeout_seconds).raise_for_status()
            keys = PyJWKSet.from_dict(answer.json()).keys
        except (httpx.HTTPError, PyJWTError, ValueError, AttributeError, TypeError) as error:
            raise TransientError(f"no keys at {url}: {error}") from error
        self._keys = {key.key_id: key for key in keys}
