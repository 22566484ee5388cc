"""Rate limits by the generic cell rate algorithm (GCRA), which needs one number for each key."""

import asyncio
from collections.abc import Mapping
from hashlib import blake2b

from cachetools import LRUCache
from typing_extensions import override

from onex.capability import Proceed
from onex.capability.host import PartitionShare
from onex.errors import RateLimitedError
from onex.mixins.rate_limiting.model_rate_limiting_subcontract import ModelRateLimitingSubcontract
from onex.mixins.rate_limiting.protocol_rate_limiting import ProtocolRateLimiting
from onex.model.context import Context
from onex.model.message import Message
from onex.util.clock import ProtocolClock

_MAX_KEY_CHARACTERS = 128


class RateLimitingEngine(ProtocolRateLimiting):
    """One bucket for each key. Belongs to one thread."""

    def __init__(self, settings: ModelRateLimitingSubcontract, clock: ProtocolClock, share: PartitionShare) -> None:
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

    @override
    async def acquire(self, key: str = "") -> None:
        key = key if self._settings.per_key else ""
        wait = self._reserve(key, self._settings.max_wait_seconds)
        if wait > self._settings.max_wait_seconds:
            self._refused += 1
            raise RateLimitedError(key, wait)
        if wait > 0:
            await asyncio.sleep(wait)

    @override
    def try_acquire(self, key: str = "") -> bool:
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
        interval = 1 / settings.permits_per_second
        if settings.cluster_wide:
            interval /= self._share.fraction
        full = max(now, self._due.get(key, now)) + interval
        wait = full - settings.burst * interval - now
        if wait <= patience:
            self._due[key] = full
        return max(0.0, wait)
