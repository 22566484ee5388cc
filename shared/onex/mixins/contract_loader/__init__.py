"""Contract loader: reads contracts of nodes."""

from onex.mixins.contract_loader.mixin_contract_loader import MixinContractLoader
from onex.mixins.contract_loader.model_contract_loader_subcontract import ModelContractLoaderSubcontract
from onex.mixins.contract_loader.protocol_contract_loader import ProtocolContractLoader

__all__ = ["MixinContractLoader", "ModelContractLoaderSubcontract", "ProtocolContractLoader"]
