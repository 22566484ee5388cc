"""Rate limits by the generic cell rate algorithm (GCRA), which needs one number for each key."""

import asyncio
from collections.abc import Mapping
from hashlib import blake2b

from cachetools import LRUCache
from typing_extensions import override

from onex.capability import Proceed
from onex.capability.host import PartitionShare
from onex.errors import CompositionError, NodeUseError, RateLimitedError
from onex.mixins.rate_limiting.model_rate_limiting_subcontract import ModelRateLimitingSubcontract
from onex.mixins.rate_limiting.protocol_rate_limiting import ProtocolRateLimiting
from onex.model.context import Context
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.util.clock import ProtocolClock

_MAX_KEY_CHARACTERS = 128
_READ_SECONDS = 0.1
"""Seconds of permits that a pure node reads together, at least one permit."""
_ROUNDING = 1e-6
"""Part of a permit that floating-point arithmetic may lose."""


class RateLimitingEngine(ProtocolRateLimiting):
    """One bucket for each key. Belongs to one thread."""

    def __init__(
        self,
        settings: ModelRateLimitingSubcontract,
        clock: ProtocolClock,
        share: PartitionShare,
        kind: EnumNodeKind = EnumNodeKind.EFFECT,
    ) -> None:
        """Raise CompositionError for limits of single keys in a pure node, whose intake has no keys."""
        if settings.per_key and settings.limit_messages and kind is not EnumNodeKind.EFFECT:
            raise CompositionError(
                f"MixinRateLimiting: per_key is for EFFECTs; a {kind} limits what it reads, before it knows keys; "
                "remove per_key, or put an EFFECT with the limit before this node"
            )
        self._kind = kind
        self._limits_intake = settings.limit_messages and kind is not EnumNodeKind.EFFECT
        self._settings = settings
        self._clock = clock
        self._share = share
        self._due: LRUCache[str, float] = LRUCache(settings.max_keys if settings.per_key else 1)
        """Time at which the bucket of a key is full again. Senders choose keys, so long ones are stored as
        digests."""
        self._refused = 0

    async def around(self, message: Message, context: Context, proceed: Proceed) -> object:
        """Acquire a permit for each message, under its key."""
        if self._settings.limit_messages:
            await self.acquire(context.key)
        return await proceed(message, context)

    def available(self, most: int) -> int:
        """Return how many messages a pure node may read now. It waits until a tenth of a second's permits are there,
        so that its partitions are not paused for each message. An EFFECT reads all, and its messages wait for permits
        of their keys."""
        if not self._limits_intake:
            return most
        permits = self._permits()
        return min(most, permits) if permits >= self._least() else 0

    def took(self, count: int) -> None:
        """Use permits of messages that a pure node has read."""
        if self._limits_intake:
            now = self._clock.monotonic()
            self._due[""] = max(now, self._due.get("", now)) + count * self._interval()

    def wait_seconds(self) -> float:
        """Return the seconds until a pure node may read again."""
        if not self._limits_intake or self._permits() >= (least := self._least()):
            return 0.0
        now = self._clock.monotonic()
        return max(0.0, self._due.get("", now) - (self._settings.burst - least) * self._interval() - now)

    def _least(self) -> int:
        return max(1, min(self._settings.burst, int(_READ_SECONDS / self._interval())))

    def _permits(self) -> int:
        now, interval = self._clock.monotonic(), self._interval()
        used = max(0.0, self._due.get("", now) - now) / interval
        return max(0, int(self._settings.burst - used + _ROUNDING))

    @override
    async def acquire(self, key: str = "") -> None:
        self._require_effect()
        key = key if self._settings.per_key else ""
        wait = self._reserve(key, self._settings.max_wait_seconds)
        if wait > self._settings.max_wait_seconds:
            self._refused += 1
            raise RateLimitedError(key, wait)
        if wait > 0:
            await asyncio.sleep(wait)

    @override
    def try_acquire(self, key: str = "") -> bool:
        self._require_effect()
        has_permit = self._reserve(key if self._settings.per_key else "", 0.0) <= 0
        self._refused += not has_permit
        return has_permit

    def reported_metrics(self) -> Mapping[str, float]:
        """Refused permits."""
        return {"refused": float(self._refused)}

    def _reserve(self, key: str, patience: float) -> float:
        """Return the seconds until the next permit. Reserve it when they do not exceed ``patience``."""
        settings, now = self._settings, self._clock.monotonic()
        if len(key) > _MAX_KEY_CHARACTERS:
            key = blake2b(key.encode(errors="surrogatepass"), digest_size=32).hexdigest()
        interval = self._interval()
        full = max(now, self._due.get(key, now)) + interval
        wait = full - settings.burst * interval - now
        if wait <= patience:
            self._due[key] = full
        return max(0.0, wait)

    def _interval(self) -> float:
        """Return the seconds between two permits."""
        interval = 1 / self._settings.permits_per_second
        return interval / self._share.fraction if self._settings.cluster_wide else interval

    def _require_effect(self) -> None:
        if self._kind is not EnumNodeKind.EFFECT:
            raise NodeUseError(f"a {self._kind} is pure and has no clock: MixinRateLimiting limits what it reads")
