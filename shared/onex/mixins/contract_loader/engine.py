"""Contracts, kept for a while."""

from pathlib import Path

from cachetools import TTLCache

from onex.capability.contracts import LoadedContract, ProtocolContractReader
from onex.mixins.contract_loader.model_contract_loader_subcontract import ModelContractLoaderSubcontract
from onex.util.clock import ProtocolClock

_KEPT = 1_000


class ContractLoaderEngine:
    """See :class:`ProtocolContractLoader`."""

    def __init__(
        self, settings: ModelContractLoaderSubcontract, reader: ProtocolContractReader, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._kept: TTLCache[Path, LoadedContract] = TTLCache(
            _KEPT, settings.contract_cache_ttl_seconds, clock.monotonic
        )

    def load(self, path: Path) -> LoadedContract:
        """See the protocol."""
        at = path.resolve()
        found = self._kept.get(at)
        if found is None:
            found = self._reader.read(
                at,
                strict=self._settings.strict_schema_validation,
                checked=self._settings.enable_contract_validation,
                composed=self._settings.enable_subcontract_composition,
            )
            if self._settings.enable_contract_caching:
                self._kept[at] = found
        return found

    def forget(self) -> None:
        """See the protocol."""
        self._kept.clear()
