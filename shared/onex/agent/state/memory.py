"""Memory for the keyed state of one agent. State that does not fit is on disk only."""

from rocksdict import BlockBasedOptions, Cache, Options, WriteBufferManager

_BLOOM_BITS = 10
_ENTRY_BYTES = 600
"""Bytes of a decoded message, in addition to those that grow with its encoded size."""
_DECODED = 4
"""Bytes of a decoded message per byte of its encoded form; measured, roughly."""


class CacheBudget:
    """Bytes for decoded state, shared by the stores of an agent. A store returns the bytes of evicted entries."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    @staticmethod
    def weight(encoded: bytes | None) -> int:
        """Return the estimated bytes of the decoded form."""
        return _ENTRY_BYTES + _DECODED * len(encoded or b"")


class StateMemory:
    """One limit for all stores of a process: half for decoded state, half for RocksDB's blocks and buffers."""

    def __init__(self, limit: int) -> None:
        """``limit`` in bytes."""
        self.budget = CacheBudget(limit // 2)
        self._blocks = Cache(limit // 2)
        self._buffers = WriteBufferManager.new_write_buffer_manager_with_cache(limit // 4, False, self._blocks)

    def options(self) -> Options:
        """Return RocksDB options that share the limit."""
        table = BlockBasedOptions()
        table.set_block_cache(self._blocks)
        table.set_cache_index_and_filter_blocks(True)
        table.set_bloom_filter(_BLOOM_BITS, False)
        options = Options(raw_mode=True)
        options.set_block_based_table_factory(table)
        options.set_write_buffer_manager(self._buffers)
        return options
