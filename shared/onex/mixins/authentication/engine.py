"""Tokens by PyJWT, certificates by cryptography."""

import asyncio
from contextvars import ContextVar

import jwt
import structlog
from pydantic import JsonValue

from onex.capability import ProtocolCurrentMessage
from onex.capability.sender import SENDER
from onex.errors import AccessDeniedError, TransientError
from onex.mixins.authentication.certificates import identify
from onex.mixins.authentication.keys import PublishedKeys
from onex.mixins.authentication.model_authentication_subcontract import ModelAuthenticationSubcontract
from onex.mixins.authentication.protocol_authentication import Principal
from onex.model.message import Message
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_PRINCIPAL: ContextVar[Principal | None] = ContextVar("onex_principal", default=None)
_BEARER = "bearer "


class AuthenticationEngine:
    """See :class:`ProtocolAuthentication`."""

    def __init__(
        self, settings: ModelAuthenticationSubcontract, current_message: ProtocolCurrentMessage, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._current_message = current_message
        self._clock = clock
        self._keys = PublishedKeys(settings, clock.monotonic)
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read published keys, now and again. Raises TransientError where the issuer does not answer."""
        if self._settings.jwks_url:
            await asyncio.to_thread(self._keys.read)
            self._reading = asyncio.create_task(self._read_always())

    async def close(self) -> None:
        """Read no more."""
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
                log.warning("keys of the issuer", error=str(error))

    def check(self, message: Message) -> None:
        """Who sent it; refuse it where nobody can be believed."""
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
    def principal(self) -> Principal:
        """See the protocol."""
        found = _PRINCIPAL.get()
        if found is None:
            raise AccessDeniedError("nobody is known to have sent this message")
        return found

    def authenticate(self, token: str) -> Principal:
        """See the protocol."""
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
            raise AccessDeniedError("no key to check tokens with; give MixinAuthentication `jwks_url` or `secret`")
        key_id = jwt.get_unverified_header(token).get("kid")
        found = self._keys.find(key_id)
        if found is None:
            raise AccessDeniedError(f"the token is signed with a key that the issuer does not publish ({key_id})")
        return found

    def _check_times(self, claims: dict[str, JsonValue]) -> None:
        """By the clock of the agent, which PyJWT cannot be given. Source: RFC 7519, 4.1.4 and 4.1.5."""
        now, leeway = self._clock.now_ms() / 1000, self._settings.leeway_seconds
        until, since = claims["exp"], claims.get("nbf", 0)
        if not isinstance(until, int | float) or not isinstance(since, int | float):
            raise jwt.DecodeError("exp and nbf must be numbers")
        if now > until + leeway:
            raise jwt.ExpiredSignatureError("it has expired")
        if now < since - leeway:
            raise jwt.ImmatureSignatureError("it is not valid yet")

    def _roles(self, claims: dict[str, JsonValue]) -> frozenset[str]:
        found: JsonValue = claims
        for part in self._settings.roles_claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if isinstance(found, str):
            return frozenset(found.split())
        return frozenset(map(str, found)) if isinstance(found, list) else frozenset()

    def identify(self, certificate: bytes) -> Principal:
        """See the protocol."""
        return identify(self._settings.trusted_ca, certificate, self._clock)
