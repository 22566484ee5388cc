"""Reads contracts and caches them."""

from pathlib import Path

from cachetools import TTLCache
from typing_extensions import override

from onex.capability.contracts import LoadedContract, ProtocolContractReader
from onex.mixins.contract_loader.model_contract_loader_subcontract import ModelContractLoaderSubcontract
from onex.mixins.contract_loader.protocol_contract_loader import ProtocolContractLoader
from onex.util.clock import ProtocolClock

_CACHE_SIZE = 1_000


class ContractLoaderEngine(ProtocolContractLoader):
    """Contracts by their resolved path."""

    def __init__(
        self, settings: ModelContractLoaderSubcontract, reader: ProtocolContractReader, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._cache: TTLCache[Path, LoadedContract] = TTLCache(
            _CACHE_SIZE, settings.contract_cache_ttl_seconds, clock.monotonic
        )

    @override
    def load(self, path: Path) -> LoadedContract:
        resolved_path = path.resolve()
        contract = self._cache.get(resolved_path)
        if contract is None:
            contract = self._reader.read(
                resolved_path,
                strict=self._settings.strict_schema_validation,
                checked=self._settings.enable_contract_validation,
                composed=self._settings.enable_subcontract_composition,
            )
            if self._settings.enable_contract_caching:
                self._cache[resolved_path] = contract
        return contract

    @override
    def forget(self) -> None:
        self._cache.clear()
