"""Validates contracts."""

from node_contract_validator_compute.v1_0_0.models import ContractRefused, ContractValidated, ValidateContract
from onex.codegen.blueprint import require_definitions
from onex.contract import parse_contract
from onex.model.errors import ContractError, RejectedError
from onex.node import NodeCompute


class NodeContractValidatorCompute(NodeCompute[ValidateContract, ContractValidated | ContractRefused]):
    """All problems at once; a refused contract is an answer, not a failure of this node."""

    def compute(self, request: ValidateContract) -> ContractValidated | ContractRefused:
        try:
            contract = parse_contract(request.contract)
            require_definitions(contract)
        except (ContractError, RejectedError) as error:
            return ContractRefused(generation_id=request.generation_id, reason=str(error))
        return ContractValidated(
            generation_id=request.generation_id,
            name=contract.name,
            kind=contract.node_type,
            version=str(contract.contract_version),
        )
