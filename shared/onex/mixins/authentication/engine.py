"""Verifies tokens with PyJWT and certificates with cryptography."""

import asyncio
from contextvars import ContextVar

import jwt
import structlog
from pydantic import JsonValue
from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.capability.sender import SENDER
from onex.errors import AccessDeniedError, TransientError
from onex.mixins.authentication.certificates import identify
from onex.mixins.authentication.keys import PublishedKeys
from onex.mixins.authentication.model_authentication_subcontract import ModelAuthenticationSubcontract
from onex.mixins.authentication.protocol_authentication import Principal, ProtocolAuthentication
from onex.model.message import Message
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_PRINCIPAL: ContextVar[Principal | None] = ContextVar("onex_principal", default=None)
_BEARER = "bearer "
_STALE_INTERVALS = 3
"""Intervals between reads after which the published keys count as stale."""


class AuthenticationEngine(ProtocolAuthentication):
    """Verifies tokens and certificates, and reads the issuer's published keys at intervals."""

    def __init__(
        self, settings: ModelAuthenticationSubcontract, current_message: ProtocolCurrentMessage, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._current_message = current_message
        self._clock = clock
        self._keys = PublishedKeys(settings, clock.monotonic)
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the published keys, and again at intervals. Raise TransientError when the first read fails."""
        if self._settings.jwks_url:
            await asyncio.to_thread(self._keys.read)
            self._reading = asyncio.create_task(self._read_always())

    async def close(self) -> None:
        """Stop reading keys."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read_always(self) -> None:
        while True:
            await asyncio.sleep(self._settings.jwks_refresh_seconds)
            try:
                await asyncio.to_thread(self._keys.read)
            except TransientError as error:
                log.warning("cannot read the issuer's keys", error=str(error))

    async def probe(self) -> None:
        """Raise TransientError when the published keys are three intervals old: three reads have failed."""
        limit, age = _STALE_INTERVALS * self._settings.jwks_refresh_seconds, self._keys.age_seconds
        if age > limit:
            raise TransientError(f"the issuer's keys were not read for more than {limit:.0f} s")

    def check(self, message: Message) -> None:
        """Set the sender of the message. Raise AccessDeniedError for a message without a valid token."""
        _PRINCIPAL.set(None)
        SENDER.set("")
        if self._settings.authenticate_messages:
            token = self._current_message.header(self._settings.header)
            if not token.lower().startswith(_BEARER):
                raise AccessDeniedError(
                    f"{type(message).__name__} has no token in the header {self._settings.header}"
                )
            principal = self.authenticate(token[len(_BEARER) :])
            _PRINCIPAL.set(principal)
            SENDER.set(principal.subject)

    @property
    @override
    def principal(self) -> Principal:
        principal = _PRINCIPAL.get()
        if principal is None:
            raise AccessDeniedError("the sender of this message is not authenticated")
        return principal

    @override
    def authenticate(self, token: str) -> Principal:
        settings = self._settings
        try:
            claims: dict[str, JsonValue] = jwt.decode(
                token,
                self._key(token),
                algorithms=[*settings.algorithms],
                issuer=settings.issuer or None,
                audience=settings.audience or None,
                options={
                    "require": ["exp", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": bool(settings.audience),
                },
            )
            self._check_times(claims)
        except jwt.PyJWTError as error:
            raise AccessDeniedError(f"the token is not accepted: {error}") from None
        return Principal(str(claims["sub"]), self._roles(claims), str(claims.get("iss", "")), claims)

    def _key(self, token: str) -> "jwt.PyJWK | str":
        if secret := self._settings.secret.get_secret_value():
            return secret
        if not self._settings.jwks_url:
            raise AccessDeniedError("no key to verify tokens; set `jwks_url` or `secret` of MixinAuthentication")
        key_id = jwt.get_unverified_header(token).get("kid")
        key = self._keys.find(key_id)
        if key is None:
            raise AccessDeniedError(f"the token is signed with a key that the issuer does not publish ({key_id})")
        return key

    def _check_times(self, claims: dict[str, JsonValue]) -> None:
        """Check ``exp`` and ``nbf`` by the agent's clock, which PyJWT cannot use. RFC 7519, 4.1.4 and 4.1.5."""
        now, leeway = self._clock.now_ms() / 1000, self._settings.leeway_seconds
        until, since = claims["exp"], claims.get("nbf", 0)
        if not isinstance(until, int | float) or not isinstance(since, int | float):
            raise jwt.DecodeError("exp and nbf must be numbers")
        if now > until + leeway:
            raise jwt.ExpiredSignatureError("it has expired")
        if now < since - leeway:
            raise jwt.ImmatureSignatureError("it is not valid yet")

    def _roles(self, claims: dict[str, JsonValue]) -> frozenset[str]:
        claim: JsonValue = claims
        for part in self._settings.roles_claim.split("."):
            claim = claim.get(part) if isinstance(claim, dict) else None
        if isinstance(claim, str):
            return frozenset(claim.split())
        return frozenset(map(str, claim)) if isinstance(claim, list) else frozenset()

    @override
    def identify(self, certificate: bytes) -> Principal:
        return identify(self._settings.trusted_ca, certificate, self._clock)
