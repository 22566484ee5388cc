"""The mixin that adds a contract loader to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.capability.contracts import NoContracts, ProtocolContractReader
from onex.mixins.contract_loader.engine import ContractLoaderEngine
from onex.mixins.contract_loader.model_contract_loader_subcontract import ModelContractLoaderSubcontract
from onex.mixins.contract_loader.protocol_contract_loader import ProtocolContractLoader
from onex.util.clock import ProtocolClock


class MixinContractLoader(Mixin):
    """``self.contracts.load(Path("services/node_x_compute/v1_0_0"))``"""

    definition = define(__file__, ModelContractLoaderSubcontract)

    @capability
    def contracts(self: ProtocolHost) -> ProtocolContractLoader:
        """The contract loader."""
        reader = self.container.find(ProtocolContractReader) or NoContracts()
        return ContractLoaderEngine(
            configured(self, ModelContractLoaderSubcontract), reader, self.container.get(ProtocolClock)
        )
