"""Validate contracts."""

from node_contract_validator_compute.v1_0_0.models import ContractRefused, ContractValidated, ValidateContract
from onex.codegen import generatable_contract
from onex.errors import ContractError
from onex.node import NodeCompute


class NodeContractValidatorCompute(NodeCompute[ValidateContract, ContractValidated | ContractRefused]):
    """Report all problems of a contract together. A refused contract is a result, not a failure of this node."""

    def compute(self, request: ValidateContract) -> ContractValidated | ContractRefused:
        try:
            contract = generatable_contract(request.contract)
        except ContractError as error:
            return ContractRefused(generation_id=request.generation_id, reason=str(error))
        return ContractValidated(
            generation_id=request.generation_id,
            name=contract.name,
            kind=contract.node_type,
            version=str(contract.contract_version),
        )
