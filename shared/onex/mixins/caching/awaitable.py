"""The cache with the methods of ``CachingProtocol``."""

from onex.mixins.caching.protocol_caching import ProtocolCaching


class AwaitableCache:
    """``await AwaitableCache(self.cache).get("price")``. It has the entries of the node's cache.

    For EFFECT nodes. The methods never wait: a value is in the memory of the process.
    """

    def __init__(self, cache: ProtocolCaching) -> None:
        self._cache = cache

    async def get(self, key: str) -> object:
        """Return the value, or None."""
        return self._cache.get(key, object)

    async def set(self, key: str, value: object, ttl: int | None = None) -> None:
        """Store a value for ``ttl`` seconds. None uses the lifetime of the contract."""
        self._cache.put(key, value, ttl=ttl)

    async def delete(self, key: str) -> bool:
        """Remove a value. Return whether there was one."""
        return self._cache.forget(key)

    async def clear(self) -> bool:
        """Remove all values. Return True."""
        self._cache.clear()
        return True
